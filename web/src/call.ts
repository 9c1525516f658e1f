/* Requests to the gateway's API. */

export class CallError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT_MS = 15_000;

/* The answer's object; of a list, its items under "items". Throws a CallError for a
 * refusal, and what fetch() throws when there is no gateway. */
export async function call(
  method: string,
  path: string,
  body?: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = { 'X-Requested-With': 'porthole' };
  const init: RequestInit = {
    method,
    headers,
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  const answer: unknown = await response.json().catch(() => null);
  const object = Array.isArray(answer) ? { items: answer } : asObject(answer);
  if (response.ok) return object;
  const text = typeof object['error'] === 'string' ? object['error'] : response.statusText;
  throw Object.assign(new CallError(response.status, text), { answer: object });
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function asList(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
