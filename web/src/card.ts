/* What the page says while there is no picture. */

import { byId } from './dom.ts';
import type { Session, Status } from './session.ts';
import type { Target } from './target.ts';

interface Words {
  title: string;
  text: string;
  action: string | null; /* label of the button that connects */
}

const ADDRESS =
  'Open the address that porthole printed when it started: it ends with # and 32 characters, ' +
  'and is new at every start.';

function words(status: Status, place: string): Words {
  switch (status.state) {
    case 'connecting':
      return {
        title: status.note === '' ? 'Connecting' : 'Waiting',
        text: status.note || place,
        action: null,
      };
    case 'reconnecting':
      return {
        title: 'No connection',
        text: `${status.reason} Trying again in ${status.seconds} s`.trim(),
        action: 'Reconnect now',
      };
    case 'refused':
      return {
        title: status.reason === null ? 'This page was not let in' : 'The server refused',
        text: status.reason === null ? ADDRESS : status.reason || 'It gave no reason.',
        action: 'Try again',
      };
    case 'disconnected':
      return { title: 'Disconnected', text: status.reason || place, action: 'Connect' };
    case 'password':
    case 'connected':
      return { title: '', text: '', action: null };
  }
}

/* One or two words for the handle and the toolbar. */
export function shortStatus(status: Status): string {
  switch (status.state) {
    case 'connecting':
      return 'Connecting';
    case 'password':
      return 'Password needed';
    case 'connected':
      return 'Connected';
    case 'reconnecting':
      return `Reconnecting in ${status.seconds} s`;
    case 'refused':
      return 'Refused';
    case 'disconnected':
      return 'Disconnected';
  }
}

export class Card {
  readonly #card = byId('card', HTMLElement);
  readonly #title = byId('card-title', HTMLElement);
  readonly #text = byId('card-text', HTMLElement);
  readonly #action = byId('card-action', HTMLButtonElement);

  readonly #place: string;

  constructor(session: Session, target: Target) {
    const back = byId('card-back', HTMLAnchorElement);
    back.hidden = target.home === null;
    if (target.home !== null) back.href = target.home;
    this.#place = target.place;
    this.#action.addEventListener('click', () => session.connect());
  }

  show(status: Status): void {
    const { title, text, action } = words(status, this.#place);
    this.#card.hidden = title === '';
    this.#title.textContent = title;
    this.#text.textContent = text;
    this.#action.hidden = action === null;
    this.#action.textContent = action;
  }
}
