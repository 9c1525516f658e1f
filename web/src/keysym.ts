/* X keysyms (X11 protocol, appendix A) for what the viewer types itself. */

export const KEYSYM = {
  BackSpace: 0xff08,
  Tab: 0xff09,
  Return: 0xff0d,
  Escape: 0xff1b,
  Home: 0xff50,
  Left: 0xff51,
  Up: 0xff52,
  Right: 0xff53,
  Down: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  Insert: 0xff63,
  Shift: 0xffe1,
  Control: 0xffe3,
  Alt: 0xffe9,
  Delete: 0xffff,
} as const;

const UNICODE = 0x01000000;

/* The keysym of a character: Latin-1 is itself, the rest has a flag added. */
export function keysymOfChar(char: string): number {
  if (char === '\n' || char === '\r') return KEYSYM.Return;
  if (char === '\t') return KEYSYM.Tab;
  const point = char.codePointAt(0) ?? 0;
  const latin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return latin1 ? point : UNICODE + point;
}

const BY_KEY: Record<string, number> = {
  Backspace: KEYSYM.BackSpace,
  Tab: KEYSYM.Tab,
  Enter: KEYSYM.Return,
  Escape: KEYSYM.Escape,
  Home: KEYSYM.Home,
  ArrowLeft: KEYSYM.Left,
  ArrowUp: KEYSYM.Up,
  ArrowRight: KEYSYM.Right,
  ArrowDown: KEYSYM.Down,
  PageUp: KEYSYM.PageUp,
  PageDown: KEYSYM.PageDown,
  End: KEYSYM.End,
  Insert: KEYSYM.Insert,
  Delete: KEYSYM.Delete,
};

/* The keysym of a KeyboardEvent.key that types no character. */
export function keysymOfKey(key: string): number | undefined {
  return BY_KEY[key];
}
