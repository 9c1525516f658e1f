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

/* Taken out of the address bar at once, so that it gets into no history entry. */
function takeFragment(): { kind: string; value: string } {
  const found = FRAGMENT.exec(location.hash);
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  return { kind: found?.[1] ?? '', value: decodeURIComponent(found?.[2] ?? '') };
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

  ask(title: string, text: string, send: (body: Record<string, string>) => Promise<void>): Promise<void> {
    byId('enter-title', HTMLElement).textContent = title;
    byId('enter-text', HTMLElement).textContent = text;
    this.#form.hidden = false;
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
      if (error instanceof Error && /TOTP/.test(error.message)) {
        byId('totp-row', HTMLElement).hidden = false;
        this.#totp.focus();
      }
      this.#show(error instanceof Error ? error.message : String(error));
    }
  }
}

async function setUp(form: Form, code: string): Promise<void> {
  const text =
    code === ''
      ? 'Nobody administers this gateway yet. Open the set-up link that it printed when it started.'
      : 'Choose the name and password (12 characters or more) of the first administrator.';
  await form.ask('Set up', text, async (body) => {
    await call('POST', '/api/auth/setup', { ...body, setupCode: code });
    await call('POST', '/api/auth/login', body);
  });
}

/* Resolves when somebody is logged in. */
export async function enter(show: (problem: string) => void): Promise<User> {
  const { kind, value } = takeFragment();
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
