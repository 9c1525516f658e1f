/* The user's settings, told to noVNC. */

import type RFB from '@novnc/novnc';
import type { Channel } from './channel.ts';
import type { Quality, Settings } from './settings.ts';

interface Levels {
  quality: number;
  compression: number;
}

/* The quality levels differ from each other because noVNC tells the server
 * only about a change, and lossless has to be told as well. */
const LEVELS: Record<Quality, Levels> = {
  auto: { quality: 7, compression: 2 },
  lossless: { quality: 9, compression: 2 },
  high: { quality: 8, compression: 2 },
  medium: { quality: 5, compression: 4 },
  low: { quality: 2, compression: 6 },
};

export function applyQuality(rfb: RFB, channel: Channel, quality: Quality): void {
  channel.lossless = quality === 'lossless';
  rfb.qualityLevel = LEVELS[quality].quality;
  rfb.compressionLevel = LEVELS[quality].compression;
}

/* "follow" scales too: a screen that cannot change its size is then still seen
 * whole. Fingers cannot use scroll bars on the picture, so a touch screen clips
 * it instead and the picture is dragged. */
export function applySize(rfb: RFB, settings: Settings): void {
  rfb.scaleViewport = settings.size !== 'actual';
  rfb.clipViewport = settings.size === 'actual' && matchMedia('(pointer: coarse)').matches;
  rfb.resizeSession = settings.size === 'follow';
}

export function applySettings(rfb: RFB, channel: Channel, settings: Settings): void {
  rfb.viewOnly = settings.viewOnly || channel.viewOnly;
  applyQuality(rfb, channel, settings.quality);
  applySize(rfb, settings);
  if (channel.viewOnly) rfb.resizeSession = false;
}
