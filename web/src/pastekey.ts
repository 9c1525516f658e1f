/* Ctrl+V and Shift+Insert. noVNC takes every key, and then the browser fires no
 * paste event, the one way to read the clipboard that needs no permission. So a
 * paste key goes to the browser first, and to the server once the text has gone
 * ahead of it. */

import { KEYSYM } from './keysym.ts';
import type { Session } from './session.ts';

/* How long a server may need to fetch a text before it can be pasted there. */
const FETCH_MS = 150;
/* A browser that has not fired a paste event by then fires none. */
const NO_PASTE_MS = 50;

interface Held {
  ctrl: boolean;
  shift: boolean;
}

interface Waiting {
  keysym: number;
  code: string;
  with: Held;
  timer: number;
}

export class PasteKey {
  readonly #session: Session;
  /* Sends a text if it is new to the server, and says whether it was. */
  readonly #send: (text: string) => boolean;
  #held: Held = { ctrl: false, shift: false };
  #waiting: Waiting | null = null;

  constructor(session: Session, screen: HTMLElement, send: (text: string) => boolean) {
    this.#session = session;
    this.#send = send;
    for (const type of ['keydown', 'keyup'] as const) {
      addEventListener(type, (e) => (this.#held = { ctrl: e.ctrlKey, shift: e.shiftKey }), true);
    }
    screen.addEventListener('keydown', (e) => this.#onKeyDown(e), true);
    document.addEventListener('paste', (e) => this.#onPaste(e));
  }

  #onKeyDown(e: KeyboardEvent): void {
    const ctrlV = e.code === 'KeyV' && e.ctrlKey && !e.altKey && !e.metaKey;
    const shiftInsert = e.code === 'Insert' && e.shiftKey && !e.ctrlKey && !e.altKey;
    const rfb = this.#session.rfb;
    if ((!ctrlV && !shiftInsert) || e.repeat || rfb === null || rfb.viewOnly) return;
    e.stopImmediatePropagation();
    this.#pressNow();
    const letter = e.shiftKey ? 'V' : 'v';
    this.#waiting = {
      keysym: ctrlV ? letter.charCodeAt(0) : KEYSYM.Insert,
      code: e.code,
      with: this.#held,
      timer: window.setTimeout(() => this.#pressNow(), NO_PASTE_MS),
    };
  }

  #onPaste(e: ClipboardEvent): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    e.preventDefault();
    clearTimeout(waiting.timer);
    const text = e.clipboardData?.getData('text/plain') ?? '';
    const sent = text !== '' && this.#send(text);
    waiting.timer = window.setTimeout(() => this.#pressNow(), sent ? FETCH_MS : 0);
  }

  /* Its modifiers may have been let go in the meantime. */
  #pressNow(): void {
    const waiting = this.#waiting;
    const rfb = this.#session.rfb;
    this.#waiting = null;
    if (waiting === null) return;
    clearTimeout(waiting.timer);
    if (rfb === null) return;
    const ctrl = waiting.with.ctrl && !this.#held.ctrl;
    const shift = waiting.with.shift && !this.#held.shift;
    if (ctrl) rfb.sendKey(KEYSYM.Control, 'ControlLeft', true);
    if (shift) rfb.sendKey(KEYSYM.Shift, 'ShiftLeft', true);
    rfb.sendKey(waiting.keysym, waiting.code);
    if (shift) rfb.sendKey(KEYSYM.Shift, 'ShiftLeft', false);
    if (ctrl) rfb.sendKey(KEYSYM.Control, 'ControlLeft', false);
  }
}
