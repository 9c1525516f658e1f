/* Where the picture comes from: the sharing process that served this page, or a
 * gateway, whose page /runs/ID shows that run. */

import { Channel } from './channel.ts';
import { call, CallError } from './call.ts';
import { subprotocols, takeSecret } from './secret.ts';

export interface Target {
  /* Where the page was let in from, for people. */
  readonly place: string;
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
  readonly patienceMs = 15_000;

  open(): Promise<Channel> {
    return Promise.resolve(new Channel(socketUrl('/websockify'), subprotocols(takeSecret())));
  }
}

class Run implements Target {
  readonly place: string;
  /* A gateway keeps a viewer for 30 s while its agent comes back. */
  readonly patienceMs = 35_000;
  readonly #path: string;
  readonly #socket: string;

  constructor(id: string) {
    this.place = `run ${id} at ${location.host}`;
    this.#path = `/api/runs/${id}/vnc`;
    this.#socket = `/ws/vnc/${id}`;
  }

  async open(): Promise<Channel> {
    const ticket = await this.#ticket();
    return new Channel(socketUrl(this.#socket), ['binary', `porthole.ticket.${ticket}`]);
  }

  async #ticket(): Promise<string> {
    try {
      const status = await call('GET', this.#path);
      /* An existing runner streams only when it is told to. */
      if (status['agent'] == null && status['clientConnected'] !== true) {
        await call('POST', `${this.#path}/start`).catch(() => undefined);
      }
      return String((await this.#ask('control'))['ticket']);
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
  async #ask(rights: 'control' | 'view'): Promise<Record<string, unknown>> {
    try {
      return await call('POST', `${this.#path}/tickets`, { rights });
    } catch (error) {
      if (rights === 'view' || !(error instanceof CallError) || error.status !== 403) throw error;
      return this.#ask('view');
    }
  }
}

export function findTarget(): Target {
  const run = RUN.exec(location.pathname)?.[1];
  return run === undefined ? new Direct() : new Run(run);
}
