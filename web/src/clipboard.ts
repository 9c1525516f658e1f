/* The text clipboard, both ways: by the panel's text box always, by itself as
 * far as the browser lets a page write and read the system's clipboard. */

import { PasteKey } from './pastekey.ts';
import type { Session } from './session.ts';

export class Clipboard {
  /* What both sides have; null: not known. */
  #text: string | null = null;
  /* From the server while the page had no focus, and so no right to write. */
  #unwritten: string | null = null;

  readonly #session: Session;
  readonly #box: HTMLTextAreaElement;

  constructor(session: Session, box: HTMLTextAreaElement, screen: HTMLElement) {
    this.#session = session;
    this.#box = box;
    box.addEventListener('input', () => this.#send(box.value));
    addEventListener('focus', () => void this.sync());
    new PasteKey(session, screen, (text) => this.#send(text));
  }

  /* A new connection knows nothing of what the last one was told. */
  reset(): void {
    this.#text = null;
  }

  fromServer(text: string): void {
    this.#text = text;
    this.#box.value = text;
    this.#unwritten = text;
    void this.#write();
  }

  /* Hands over what changed while the page was not looked at. Reads only when
   * the user has allowed it before: no question out of the blue. */
  async sync(): Promise<void> {
    if (this.#unwritten !== null) await this.#write();
    else if ((await readPermission()) === 'granted') await this.read();
  }

  /* Takes the browser's clipboard; the browser may ask the user. */
  async read(): Promise<boolean> {
    try {
      const text = await navigator.clipboard.readText();
      if (text !== '') this.#send(text);
      return true;
    } catch {
      return false;
    }
  }

  /* Whether the text was new to the server, and could be sent. */
  #send(text: string): boolean {
    const rfb = this.#session.rfb;
    if (rfb === null || rfb.viewOnly || text === this.#text) return false;
    this.#text = text;
    this.#unwritten = null;
    this.#box.value = text;
    rfb.clipboardPasteFrom(text);
    return true;
  }

  async #write(): Promise<void> {
    const text = this.#unwritten;
    if (text === null || !document.hasFocus()) return;
    try {
      await navigator.clipboard.writeText(text);
      this.#unwritten = null;
    } catch {
      /* Not allowed here: the panel shows the text. */
    }
  }
}

/* 'unknown': the browser has no such permission to ask for (Firefox, Safari). */
async function readPermission(): Promise<PermissionState | 'unknown'> {
  try {
    const name = 'clipboard-read' as PermissionName;
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return 'unknown';
  }
}
