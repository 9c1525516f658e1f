/* Chromium lets a full screen page have the keys the browser keeps otherwise. */
interface KeyboardLock {
  lock?: () => Promise<void>;
}

export function bindFullScreen(button: HTMLButtonElement): void {
  const page = document.documentElement;
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener('click', () => {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else void enter(page);
  });
  document.addEventListener('fullscreenchange', () => {
    button.ariaPressed = String(document.fullscreenElement !== null);
  });
}

async function enter(page: HTMLElement): Promise<void> {
  try {
    await page.requestFullscreen({ navigationUI: 'hide' });
    await (navigator as { keyboard?: KeyboardLock }).keyboard?.lock?.();
  } catch {
    /* The browser did not want to; the page stays as it is. */
  }
}
