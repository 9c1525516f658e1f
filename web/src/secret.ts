/* The secret of a printed address travels in its fragment, which browsers do
 * not send to servers. It is taken out of the address bar at once, so that it
 * gets into no screenshot, history entry or copied link, and kept for reloads
 * of this tab only. */

const STORAGE_KEY = 'porthole.secret';
const SECRET = /^#([0-9a-f]{32})$/;

export function takeSecret(): string | null {
  const found = SECRET.exec(location.hash)?.[1];
  if (found !== undefined) {
    sessionStorage.setItem(STORAGE_KEY, found);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(STORAGE_KEY);
}

/* Calls back when an address with another secret is opened in this tab: only
 * the fragment changes then, and the browser does not load the page again. */
export function onNewSecret(call: () => void): void {
  addEventListener('hashchange', () => {
    if (SECRET.test(location.hash)) call();
  });
}

/* A WebSocket upgrade cannot carry a header of ours, a subprotocol it can. */
export function subprotocols(secret: string | null): string[] {
  return secret === null ? ['binary'] : ['binary', `porthole.secret.${secret}`];
}
