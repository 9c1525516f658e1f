export interface Edit {
  erase: number; /* characters to take back, from the end */
  insert: string;
}

/* How to get from one text to another by BackSpace and typing. On-screen
 * keyboards rewrite words as they complete and correct them; what they did can
 * only be seen in the text. Characters are code points. */
export function editBetween(before: string, after: string): Edit {
  const old = Array.from(before);
  const now = Array.from(after);
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same++;
  return { erase: old.length - same, insert: now.slice(same).join('') };
}
