/* Who is there: set-up, one-time links, login. */

import { asObject, asText, call, CallError } from '../call.ts';
import { byId } from '../dom.ts';

export interface User {
  username: string;
  role: string;
}

const FRAGMENT = /^#(setup|login|next)=([^&]+)$/;
/* Pages of ours that a login may lead back to. */
const NEXT = /^\/runs\/[A-Za-z0-9_-]+$/;
const NEW_PASSWORD_MIN = 12;

/* Taken out of the address bar at once, so that it gets into no history entry. */
function takeFragment(): { kind: string; value: string } {
  const found = FRAGMENT.exec(location.hash);
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  return { kind: found?.[1] ?? '', value: decoded(found?.[2] ?? '') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/* A link that is opened where the console is shown already changes nothing but the
 * fragment, and the browser does not load the page again. */
function watchFragment(): void {
  addEventListener('hashchange', () => {
    if (FRAGMENT.test(location.hash)) location.reload();
  });
}

async function whoIsThere(): Promise<User | null> {
  try {
    const user = asObject((await call('GET', '/api/auth/me'))['user']);
    return { username: asText(user['username']), role: asText(user['role']) };
  } catch (error) {
    if (error instanceof CallError && error.status === 401) return null;
    throw error;
  }
}

/* Asks until it is answered. */
class Form {
  readonly #form = byId('enter', HTMLFormElement);
  readonly #user = byId('username', HTMLInputElement);
  readonly #password = byId('password', HTMLInputElement);
  readonly #totp = byId('totp', HTMLInputElement);
  readonly #show: (problem: string) => void;

  constructor(show: (problem: string) => void) {
    this.#show = show;
  }

  /* Says something where there is nothing to fill in. */
  tell(title: string, text: string): void {
    byId('enter-title', HTMLElement).textContent = title;
    byId('enter-text', HTMLElement).textContent = text;
    byId('enter-text', HTMLElement).hidden = text === '';
    byId('enter-fields', HTMLElement).hidden = true;
    this.#form.hidden = false;
  }

  ask(title: string, text: string, send: (body: Record<string, string>) => Promise<void>): Promise<void> {
    this.tell(title, text);
    byId('enter-fields', HTMLElement).hidden = false;
    this.#user.focus();
    return new Promise((done) => {
      this.#form.onsubmit = (event) => {
        event.preventDefault();
        void this.#submit(send, done);
      };
    });
  }

  async #submit(send: (body: Record<string, string>) => Promise<void>, done: () => void): Promise<void> {
    const body: Record<string, string> = { username: this.#user.value, password: this.#password.value };
    if (this.#totp.value !== '') body['totpCode'] = this.#totp.value;
    try {
      await send(body);
      this.#password.value = '';
      this.#form.hidden = true;
      this.#show('');
      done();
    } catch (error) {
      this.#again(error instanceof Error ? error.message : String(error));
    }
  }

  /* Empties what was wrong, and waits for it there. */
  #again(problem: string): void {
    const wantsCode = /TOTP/.test(problem);
    const wrong = wantsCode ? this.#totp : this.#password;
    if (wantsCode) byId('totp-row', HTMLElement).hidden = false;
    wrong.value = '';
    wrong.focus();
    this.#show(problem === 'TOTP code required' ? '' : problem);
  }
}

async function setUp(form: Form, code: string): Promise<void> {
  if (code === '') {
    form.tell(
      'Set up',
      'Nobody administers this gateway yet. Open the set-up link that it printed when it started.',
    );
    return new Promise(() => undefined);
  }
  const password = byId('password', HTMLInputElement);
  password.minLength = NEW_PASSWORD_MIN;
  password.autocomplete = 'new-password';
  const text = 'Choose a name and a password (12 characters or more) for the first administrator.';
  await form.ask('Set up', text, async (body) => {
    await call('POST', '/api/auth/setup', { ...body, setupCode: code });
    await call('POST', '/api/auth/login', body);
  });
}

/* Resolves when somebody is logged in. */
export async function enter(show: (problem: string) => void): Promise<User> {
  const { kind, value } = takeFragment();
  watchFragment();
  const form = new Form(show);
  if (kind === 'login') {
    await call('POST', '/api/auth/exchange', { code: value }).catch((error: unknown) => {
      show(error instanceof Error ? error.message : String(error));
    });
  }
  let user = await whoIsThere();
  if (user === null) {
    const status = await call('GET', '/api/auth/status');
    if (status['setupRequired'] === true) {
      await setUp(form, kind === 'setup' ? value : '');
    } else {
      await form.ask('Log in', '', async (body) => void (await call('POST', '/api/auth/login', body)));
    }
    user = await whoIsThere();
  }
  if (user === null) throw new Error('The login was not kept: does this browser take cookies?');
  if (kind === 'next' && NEXT.test(value)) location.assign(value);
  return user;
}
