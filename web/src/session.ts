/* One viewer's life: connect, ask for a password, lose the connection, come
 * back. Knows noVNC and the network, nothing of the page's looks. */

import RFB, { type Credentials } from '@novnc/novnc';
import { backoffSeconds } from './backoff.ts';
import type { Channel } from './channel.ts';
import { closeWords } from './closewords.ts';
import { onNewSecret } from './secret.ts';
import { Refused, type Target } from './target.ts';

export type Status =
  /* `note`: what is waited for, when that is known. */
  | { state: 'connecting'; note: string }
  /* `rejected`: what the server said to the last password. */
  | { state: 'password'; username: boolean; rejected: string | null }
  | { state: 'connected' }
  /* `reason`: why the last connection ended, or nothing. */
  | { state: 'reconnecting'; seconds: number; reason: string }
  /* `reason`: the server's own words; null: it refused the WebSocket itself. */
  | { state: 'refused'; reason: string | null }
  | { state: 'disconnected'; reason: string };

export interface SessionEvents {
  onStatus(status: Status): void;
  /* A new connection is being made: tell it the settings. */
  onBegin(rfb: RFB, channel: Channel): void;
  onName(name: string): void;
  onClipboard(text: string): void;
  onClipping(clipped: boolean): void;
}

/* The server ended it for good: a right that ended, a viewer that was sent away. */
const POLICY_VIOLATION = 1008;
/* Somebody ended it at the gateway, which then says so. */
const NORMAL = 1000;
/* A connection that held this long starts the back-off from the beginning. */
const STABLE_MS = 5_000;

export class Session {
  rfb: RFB | null = null;
  channel: Channel | null = null;
  status: Status = { state: 'disconnected', reason: '' };

  readonly #place: HTMLElement;
  readonly #target: Target;
  readonly #events: SessionEvents;
  #credentials: Credentials | null = null;
  #failure: string | null = null;
  #attempt = 0;
  #timer = 0;
  #opening = 0; /* counts attempts, so that a late one knows that it is */

  constructor(place: HTMLElement, target: Target, events: SessionEvents) {
    this.#place = place;
    this.#target = target;
    this.#events = events;
    onNewSecret(() => this.connect());
    addEventListener('online', () => this.#retryEarly());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#retryEarly();
    });
  }

  /* Connects now, whatever is going on. */
  connect(): void {
    this.#drop();
    this.#attempt = 0;
    this.#begin();
  }

  disconnect(): void {
    this.#drop();
    this.#credentials = null;
    this.#become({ state: 'disconnected', reason: '' });
  }

  /* The server may have given up waiting for them; then on a new connection. */
  sendCredentials(credentials: Credentials): void {
    this.#credentials = credentials;
    if (this.rfb === null) {
      this.#begin();
      return;
    }
    this.#become({ state: 'connecting', note: '' });
    this.#limitHandshake(this.rfb);
    this.rfb.sendCredentials(credentials);
  }

  #become(status: Status): void {
    this.status = status;
    this.#events.onStatus(status);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#opening++;
    const rfb = this.rfb;
    this.rfb = null;
    this.channel = null;
    rfb?.disconnect();
  }

  #begin(): void {
    const opening = ++this.#opening;
    this.#become({ state: 'connecting', note: '' });
    this.#failure = null;
    this.#target.open().then(
      (channel) => {
        if (this.#opening === opening) this.#speak(channel);
        else channel.close();
      },
      (error: unknown) => {
        if (this.#opening !== opening) return;
        if (error instanceof Refused) {
          this.#become({ state: 'refused', reason: error.message });
        } else {
          this.#retryLater('');
        }
      },
    );
  }

  #speak(channel: Channel): void {
    if (channel.note !== '') this.#become({ state: 'connecting', note: channel.note });
    const options = this.#credentials === null ? {} : { credentials: this.#credentials };
    const rfb = new RFB(this.#place, channel, options);
    this.rfb = rfb;
    this.channel = channel;
    this.#listen(rfb, channel);
    this.#limitHandshake(rfb);
    this.#events.onBegin(rfb, channel);
  }

  /* Events of a connection that was given up say nothing any more. */
  #listen(rfb: RFB, channel: Channel): void {
    const current = <E>(call: (event: E) => void) => (event: E) => {
      if (this.rfb === rfb) call(event);
    };
    rfb.addEventListener('connect', current(() => this.#connected(rfb)));
    rfb.addEventListener('disconnect', current(() => void this.#lost(channel)));
    rfb.addEventListener('credentialsrequired', current((e) => {
      clearTimeout(this.#timer);
      this.#ask(e.detail.types.includes('username'), null);
    }));
    rfb.addEventListener('securityfailure', current((e) => {
      this.#failure = e.detail.reason ?? '';
    }));
    rfb.addEventListener('desktopname', current((e) => this.#events.onName(e.detail.name)));
    rfb.addEventListener('clipboard', current((e) => this.#events.onClipboard(e.detail.text)));
    rfb.addEventListener('clippingviewport', current((e) => this.#events.onClipping(e.detail)));
  }

  #limitHandshake(rfb: RFB): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (this.rfb !== rfb) return;
      this.#drop();
      this.#retryLater('');
    }, this.#target.patienceMs);
  }

  #connected(rfb: RFB): void {
    clearTimeout(this.#timer);
    this.#become({ state: 'connected' });
    setTimeout(() => {
      if (this.rfb === rfb) this.#attempt = 0;
    }, STABLE_MS);
  }

  #ask(username: boolean, rejected: string | null): void {
    this.#become({ state: 'password', username, rejected });
  }

  async #lost(channel: Channel): Promise<void> {
    clearTimeout(this.#timer);
    this.rfb = null;
    this.channel = null;
    const failure = this.#failure;
    if (this.status.state === 'password') return; /* the user is still typing */
    if (failure !== null && this.#credentials !== null) {
      const username = this.#credentials.username !== undefined;
      this.#credentials = null;
      this.#ask(username, failure);
    } else if (failure !== null) {
      this.#become({ state: 'refused', reason: failure });
    } else if (channel.closeCode === POLICY_VIOLATION) {
      this.#become({ state: 'refused', reason: closeWords(channel.closeReason) });
    } else if (channel.closeCode === NORMAL && channel.closeReason !== '') {
      this.#become({ state: 'disconnected', reason: closeWords(channel.closeReason) });
    } else if (!channel.opened && this.#target.refusalLasts && (await serverAnswers())) {
      if (this.rfb === null) this.#become({ state: 'refused', reason: null });
    } else if (this.rfb === null) {
      this.#retryLater(closeWords(channel.closeReason));
    }
  }

  #retryLater(reason: string): void {
    const seconds = backoffSeconds(this.#attempt++);
    const at = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((at - Date.now()) / 1000);
      if (left <= 0) {
        this.#begin();
        return;
      }
      this.#become({ state: 'reconnecting', seconds: left, reason });
      this.#timer = window.setTimeout(tick, Math.max(50, (at - Date.now()) % 1000));
    };
    tick();
  }

  #retryEarly(): void {
    if (this.status.state !== 'reconnecting') return;
    clearTimeout(this.#timer);
    this.#begin();
  }
}

/* A browser does not tell a page why its WebSocket failed. When the server
 * answers a plain request, it was there and refused. */
async function serverAnswers(): Promise<boolean> {
  try {
    await fetch('/', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5_000) });
    return true;
  } catch {
    return false;
  }
}
