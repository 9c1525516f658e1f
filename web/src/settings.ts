/* What the user chose, kept in this browser. */

export const SIZES = ['follow', 'fit', 'actual'] as const;
export type Size = (typeof SIZES)[number];

export const QUALITIES = ['auto', 'lossless', 'high', 'medium', 'low'] as const;
export type Quality = (typeof QUALITIES)[number];

export interface Settings {
  size: Size;
  quality: Quality;
  viewOnly: boolean;
}

const STORAGE_KEY = 'porthole.viewer';

/* A phone would shrink a desktop to its own few pixels, so it only looks. */
function defaults(): Settings {
  const phone = matchMedia('(pointer: coarse) and (max-width: 800px)').matches;
  return { size: phone ? 'fit' : 'follow', quality: 'auto', viewOnly: false };
}

function oneOf<T extends string>(all: readonly T[], value: unknown, otherwise: T): T {
  return all.find((x) => x === value) ?? otherwise;
}

function stored(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

export function loadSettings(): Settings {
  const d = defaults();
  const s = stored();
  return {
    size: oneOf(SIZES, s['size'], d.size),
    quality: oneOf(QUALITIES, s['quality'], d.quality),
    viewOnly: s['viewOnly'] === true,
  };
}

export function saveSettings(settings: Settings): void {
  localStorage.setItem(STORAGE_KEY, JSON.stringify(settings));
}
