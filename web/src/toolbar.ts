/* The bar at the top, its handle and its two panels. */

import { button, byId } from './dom.ts';
import { QUALITIES, SIZES, saveSettings, type Settings } from './settings.ts';

/* The bar leaves by itself this long after the first picture. */
const LEAVE_MS = 4_000;

export class Toolbar {
  readonly #bar = byId('bar', HTMLElement);
  readonly #tools = byId('tools', HTMLElement);
  readonly #handle = button('handle');
  readonly #panels = [byId('clipboard-panel', HTMLElement), byId('settings-panel', HTMLElement)];
  #left = false;

  constructor(screen: HTMLElement) {
    this.#handle.addEventListener('click', () => this.show(!this.shown));
    screen.addEventListener('pointerdown', () => this.show(false), true);
    this.#bar.addEventListener('keydown', (e) => {
      if (e.key === 'Escape') this.#closePanels();
    });
    this.#panel(button('clipboard-button'), byId('clipboard-panel', HTMLElement));
    this.#panel(button('settings-button'), byId('settings-panel', HTMLElement));
    this.#openByKeys();
  }

  get shown(): boolean {
    return this.#handle.ariaExpanded === 'true';
  }

  show(shown: boolean): void {
    this.#left = true;
    if (!shown) this.#closePanels();
    this.#handle.ariaExpanded = String(shown);
    this.#tools.inert = !shown;
  }

  /* Makes room for the picture, once, unless the bar is in use. */
  leave(): void {
    if (this.#left) return;
    setTimeout(() => {
      const used = this.#bar.matches(':hover, :focus-within');
      if (!this.#left && !used) this.show(false);
    }, LEAVE_MS);
  }

  #closePanels(): void {
    for (const panel of this.#panels) panel.hidden = true;
    for (const b of this.#tools.querySelectorAll('[aria-expanded]')) b.ariaExpanded = 'false';
  }

  #panel(opener: HTMLButtonElement, panel: HTMLElement): void {
    opener.addEventListener('click', () => {
      const open = panel.hidden;
      this.#closePanels();
      this.#left = true;
      panel.hidden = !open;
      opener.ariaExpanded = String(open);
      if (open) panel.querySelector<HTMLElement>('textarea, input:checked')?.focus();
    });
  }

  /* The picture takes all keys, Tab too: Ctrl+Alt+Shift, once let go again,
   * leads to the bar. While held they would stay pressed at the server. */
  #openByKeys(): void {
    let armed = false;
    const onKey = (e: KeyboardEvent) => {
      const modifier = e.key === 'Control' || e.key === 'Alt' || e.key === 'Shift';
      const all = e.ctrlKey && e.altKey && e.shiftKey;
      const none = !e.ctrlKey && !e.altKey && !e.shiftKey;
      if (!modifier) armed = false;
      else if (all) armed = true;
      else if (none && armed) {
        armed = false;
        this.show(true);
        this.#tools.querySelector('button')?.focus();
      }
    };
    addEventListener('keydown', onKey, true);
    addEventListener('keyup', onKey, true);
  }
}

/* Binds the radio buttons and the check box of the settings panel. */
export function bindSettings(settings: Settings, onChange: () => void): void {
  const changed = () => {
    saveSettings(settings);
    onChange();
  };
  radios('size', SIZES, settings.size, (value) => {
    settings.size = value;
    changed();
  });
  radios('quality', QUALITIES, settings.quality, (value) => {
    settings.quality = value;
    changed();
  });
  const viewOnly = byId('view-only', HTMLInputElement);
  viewOnly.checked = settings.viewOnly;
  viewOnly.addEventListener('change', () => {
    settings.viewOnly = viewOnly.checked;
    changed();
  });
}

function radios<T extends string>(
  name: string,
  values: readonly T[],
  chosen: T,
  onChoose: (value: T) => void,
): void {
  for (const value of values) {
    const input = byId(`${name}-${value}`, HTMLInputElement);
    input.checked = value === chosen;
    input.addEventListener('change', () => onChoose(value));
  }
}
