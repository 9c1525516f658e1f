/* Says when something has changed, as the gateway's /ws tells; comes back by itself. */

import { backoffSeconds } from '../backoff.ts';

export function onLive(changed: () => void): void {
  const url = new URL('/ws', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  let attempt = 0;
  const open = () => {
    const socket = new WebSocket(url);
    socket.onopen = () => {
      attempt = 0;
      changed();
    };
    socket.onmessage = changed;
    socket.onclose = () => setTimeout(open, backoffSeconds(attempt++) * 1000);
  };
  open();
}
