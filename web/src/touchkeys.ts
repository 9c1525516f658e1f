/* The on-screen keyboard of a touch device. It opens for a text field, here an
 * invisible one; what happens to its text becomes key presses. A row of the
 * keys that such keyboards lack comes with it. */

import { editBetween } from './edit.ts';
import { KEYSYM, keysymOfChar, keysymOfKey } from './keysym.ts';
import type { Session } from './session.ts';

/* Text to delete: without any, a keyboard's backspace changes nothing. */
const FILLER = '_'.repeat(64);
const LONGEST = 256;

export class TouchKeys {
  readonly #session: Session;
  readonly #row: HTMLElement;
  readonly #field: HTMLTextAreaElement;
  readonly #onToggle: (open: boolean) => void;
  #before = FILLER;

  constructor(
    session: Session,
    row: HTMLElement,
    field: HTMLTextAreaElement,
    onToggle: (open: boolean) => void,
  ) {
    this.#session = session;
    this.#row = row;
    this.#field = field;
    this.#onToggle = onToggle;
    field.addEventListener('input', (e) => this.#onInput(e as InputEvent));
    field.addEventListener('compositionend', () => this.#refill());
    field.addEventListener('keydown', (e) => this.#onKeyDown(e));
    for (const button of row.querySelectorAll('button')) {
      /* A press must not take the focus, which would close the keyboard. */
      button.addEventListener('pointerdown', (e) => e.preventDefault());
      if (button.dataset['key'] !== undefined) {
        button.addEventListener('click', () => this.#onButton(button));
      }
    }
    visualViewport?.addEventListener('resize', () => this.#place());
    visualViewport?.addEventListener('scroll', () => this.#place());
  }

  get open(): boolean {
    return !this.#row.hidden;
  }

  toggle(): void {
    if (this.open) this.close();
    else this.#show();
  }

  close(): void {
    this.#row.hidden = true;
    this.#field.blur();
    this.#release();
    this.#onToggle(false);
  }

  #show(): void {
    this.#row.hidden = false;
    this.#refill();
    this.#field.focus();
    this.#place();
    this.#onToggle(true);
  }

  /* The row sits on top of the keyboard, which covers the page's lower part. */
  #place(): void {
    const seen = visualViewport;
    const covered = seen === null ? 0 : innerHeight - seen.height - seen.offsetTop;
    this.#row.style.bottom = `${Math.max(0, covered)}px`;
  }

  #refill(): void {
    this.#field.value = FILLER;
    this.#field.setSelectionRange(FILLER.length, FILLER.length);
    this.#before = FILLER;
  }

  #onInput(e: InputEvent): void {
    const edit = editBetween(this.#before, this.#field.value);
    this.#before = this.#field.value;
    for (let i = 0; i < edit.erase; i++) this.#press(KEYSYM.BackSpace);
    for (const char of edit.insert) this.#press(keysymOfChar(char));
    const length = this.#field.value.length;
    if (!e.isComposing && (length === 0 || length > LONGEST)) this.#refill();
  }

  /* Keys that change no text. 229 is a key that an input method has taken. */
  #onKeyDown(e: KeyboardEvent): void {
    const keysym = keysymOfKey(e.key);
    if (keysym === undefined || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    this.#press(keysym);
  }

  #onButton(button: HTMLButtonElement): void {
    const name = button.dataset['key'] as keyof typeof KEYSYM;
    if (button.ariaPressed === null) {
      this.#press(KEYSYM[name]);
    } else {
      button.ariaPressed = button.ariaPressed === 'true' ? 'false' : 'true';
    }
    this.#field.focus();
  }

  #modifiers(): HTMLButtonElement[] {
    return [...this.#row.querySelectorAll<HTMLButtonElement>('button[aria-pressed="true"]')];
  }

  #release(): void {
    for (const button of this.#modifiers()) button.ariaPressed = 'false';
  }

  /* A modifier of the row holds for one key. */
  #press(keysym: number): void {
    const rfb = this.#session.rfb;
    if (rfb === null) return;
    const held = this.#modifiers().map((b) => KEYSYM[b.dataset['key'] as keyof typeof KEYSYM]);
    for (const m of held) rfb.sendKey(m, null, true);
    rfb.sendKey(keysym, null);
    for (const m of held.reverse()) rfb.sendKey(m, null, false);
    this.#release();
  }
}
