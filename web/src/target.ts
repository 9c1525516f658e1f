/* Where the picture comes from: the sharing process that served this page, or a
 * gateway, whose page /runs/ID shows that run. */

import { Channel } from './channel.ts';
import { asText, call, CallError } from './call.ts';
import { closeWords } from './closewords.ts';
import { subprotocols, takeSecret } from './secret.ts';

export interface Target {
  /* Where the page was let in from, for people. */
  readonly place: string;
  /* The page that lists what there is to see; null: this is all. */
  readonly home: string | null;
  /* A WebSocket that is not accepted stays so until the user does something. */
  readonly refusalLasts: boolean;
  /* How long a server may take until the handshake goes on. */
  readonly patienceMs: number;
  open(): Promise<Channel>;
}

/* The user must do something before another try makes sense. */
export class Refused extends Error {}

const RUN = /^\/runs\/([A-Za-z0-9_-]{1,50})$/;

function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

class Direct implements Target {
  readonly place = location.host;
  readonly home = null;
  readonly refusalLasts = true;
  readonly patienceMs = 15_000;

  open(): Promise<Channel> {
    return Promise.resolve(new Channel(socketUrl('/websockify'), subprotocols(takeSecret())));
  }
}

class Run implements Target {
  readonly place: string;
  readonly home = '/';
  /* The ticket was good a moment ago, so the gateway has too much to do. */
  readonly refusalLasts = false;
  /* A gateway keeps a viewer for 30 s while its agent comes back. */
  readonly patienceMs = 35_000;
  readonly #path: string;
  readonly #socket: string;
  #rights: 'control' | 'view' = 'control';

  constructor(id: string) {
    this.place = `run ${id} at ${location.host}`;
    this.#path = `/api/runs/${id}/vnc`;
    this.#socket = `/ws/vnc/${id}`;
  }

  async open(): Promise<Channel> {
    const { ticket, rights, joined } = await this.#permit();
    const channel = new Channel(socketUrl(this.#socket), ['binary', `porthole.ticket.${ticket}`]);
    channel.viewOnly = rights === 'view';
    if (!joined) channel.note = closeWords('no agent');
    return channel;
  }

  async #permit(): Promise<{ ticket: string; rights: string; joined: boolean }> {
    try {
      const status = await call('GET', this.#path);
      const joined = status['agent'] != null || status['clientConnected'] === true;
      const answer = await this.#ask();
      const rights = asText(answer['rights']);
      /* An existing runner streams only when it is told to. */
      if (!joined && rights === 'control') {
        await call('POST', `${this.#path}/start`).catch(() => undefined);
      }
      return { ticket: asText(answer['ticket']), rights, joined };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.status === 401) location.assign(`/#next=${encodeURIComponent(location.pathname)}`);
      if (error.status >= 400 && error.status < 500 && error.status !== 429) {
        throw new Refused(error.message);
      }
      throw error;
    }
  }

  /* Who may not control may still look. */
  async #ask(): Promise<Record<string, unknown>> {
    try {
      return await call('POST', `${this.#path}/tickets`, { rights: this.#rights });
    } catch (error) {
      const mayLook = error instanceof CallError && error.status === 403;
      if (this.#rights === 'view' || !mayLook) throw error;
      this.#rights = 'view';
      return this.#ask();
    }
  }
}

export function findTarget(): Target {
  const run = RUN.exec(location.pathname)?.[1];
  return run === undefined ? new Direct() : new Run(run);
}
