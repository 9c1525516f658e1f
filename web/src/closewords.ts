/* What a gateway's close reasons mean to who looks. */

const WORDS: Record<string, string> = {
  'no agent': 'No machine shows this screen at the moment.',
  'agent did not answer': 'The machine did not answer.',
  'access ended': 'Your access to this screen has ended. Log in again, or ask who administers the gateway.',
  disconnected: 'Somebody who may has disconnected you.',
  busy: 'As many people look as may.',
  'too slow': 'This connection took nothing for a minute.',
  'gateway is stopping': 'The gateway is stopping.',
  'VNC tunnel closed': 'Somebody who may has closed this screen.',
};

export function closeWords(reason: string): string {
  return WORDS[reason] ?? (reason === '' ? '' : `The gateway says: ${reason}.`);
}
