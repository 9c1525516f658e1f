const TIMEOUT_MS = 20_000;
const STEP_MS = 100;

// Calls until it returns something true, and returns that. Errors count as no.
export async function eventually(what, call, timeoutMs = TIMEOUT_MS) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      last = await call();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) throw new Error(`not seen: ${what} (last: ${String(last)})`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
