import { byId } from './dom.ts';
import type { Session } from './session.ts';

/* The dialog that asks for what the server wants to know. */
export class Login {
  readonly #session: Session;
  readonly #dialog = byId('login', HTMLDialogElement);
  readonly #username = byId('username', HTMLInputElement);
  readonly #password = byId('password', HTMLInputElement);
  readonly #error = byId('login-error', HTMLElement);

  constructor(session: Session) {
    this.#session = session;
    byId('login-form', HTMLFormElement).addEventListener('submit', () => this.#submit());
    byId('login-cancel', HTMLButtonElement).addEventListener('click', () => this.#cancel());
    this.#dialog.addEventListener('cancel', () => session.disconnect());
  }

  ask(username: boolean, rejected: string | null): void {
    byId('username-row', HTMLElement).hidden = !username;
    this.#username.required = username;
    this.#error.hidden = rejected === null;
    this.#error.textContent = `Wrong password. ${serverSays(rejected)}`;
    this.#password.value = '';
    if (!this.#dialog.open) this.#dialog.showModal();
    (username && this.#username.value === '' ? this.#username : this.#password).focus();
  }

  close(): void {
    this.#dialog.close();
  }

  #submit(): void {
    const password = this.#password.value;
    const username = this.#username.value;
    this.#session.sendCredentials(this.#username.required ? { username, password } : { password });
  }

  #cancel(): void {
    this.#dialog.close();
    this.#session.disconnect();
  }
}

function serverSays(reason: string | null): string {
  return reason ? `The server says: ${reason}` : 'Please try again.';
}
