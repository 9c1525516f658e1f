/* The bytes between noVNC and the server: a WebSocket with a place to stand in
 * between. noVNC takes any object with a WebSocket's properties. */

import { withoutLossy } from './lossless.ts';

type Handler<E> = ((event: E) => void) | null;

export class Channel {
  onopen: Handler<Event> = null;
  onmessage: Handler<MessageEvent> = null;
  onerror: Handler<Event> = null;
  onclose: Handler<CloseEvent> = null;

  /* False until the server has accepted: a socket that closes before was
   * refused, or there is no server. */
  opened = false;
  /* How the server closed it; 0: it has not. */
  closeCode = 0;
  closeReason = '';
  /* The right that this was opened with: the other end ignores all input. */
  viewOnly = false;
  /* What is known of the other end before it has said anything. */
  note = '';
  /* Keep what would lose information out of what noVNC asks for. */
  lossless = false;

  readonly #socket: WebSocket;

  constructor(url: string, protocols: string[]) {
    this.#socket = new WebSocket(url, protocols);
    this.#socket.onopen = (e) => {
      this.opened = true;
      this.onopen?.(e);
    };
    this.#socket.onmessage = (e) => this.onmessage?.(e);
    this.#socket.onerror = (e) => this.onerror?.(e);
    this.#socket.onclose = (e) => {
      this.closeCode = e.code;
      this.closeReason = e.reason;
      this.onclose?.(e);
    };
  }

  get binaryType(): BinaryType {
    return this.#socket.binaryType;
  }

  set binaryType(type: BinaryType) {
    this.#socket.binaryType = type;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(this.lossless ? withoutLossy(bytes) : bytes);
  }

  close(): void {
    this.#socket.close();
  }
}
