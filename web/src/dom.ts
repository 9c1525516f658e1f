/* An element of index.html: its absence is a mistake of ours, not a state. */
export function byId<T extends HTMLElement>(id: string, type: { new (): T; prototype: T }): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${type.name} "${id}"`);
  return found;
}

export function button(id: string): HTMLButtonElement {
  return byId(id, HTMLButtonElement);
}
