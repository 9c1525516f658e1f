// The picture of the README: tests/e2e/out/viewer.png, copied to doc/screenshot.png.

import assert from 'node:assert/strict';
import { mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { eventually } from './eventually.mjs';
import { PROGRAM, startDesktop } from './porthole.mjs';
import { Viewer, launch } from './viewer.mjs';

const OUT = new URL('../out/', import.meta.url).pathname;

const XTERM = "xterm -u8 -fa 'DejaVu Sans Mono' -fs 11 -bg '#14181f' -fg '#e6e9ef' +sb";
const SCRIPT = `
  magick=$(command -v magick || command -v convert)
  $magick -size 1280x800 gradient:'#14545c'-'#0a1c26' sea.png
  display -window root sea.png
  export PS1='~$ '
  ${XTERM} -geometry 86x24+40+300 -title 'porthole --help' -e sh -c '"${resolve(PROGRAM)}" --help; exec sh' &
  sleep 1
  ${XTERM} -geometry 44x9+860+110 -title Terminal -e sh -c 'printf "Gr\\303\\274\\303\\237e aus dem Bullauge\\n\\n"; exec sh' &
`;

test('a picture of the viewer with a desktop in it', async () => {
  await mkdir(OUT, { recursive: true });
  const desktop = await startDesktop(
    ['--listen', '127.0.0.1:0', '--size', '1280x800', '--name', 'build-7'],
    SCRIPT,
  );
  const browser = await launch();
  try {
    const viewer = await Viewer.open(browser, desktop.url, { settings: { quality: 'lossless' } });
    await viewer.until('connected');
    await eventually('the terminal', () => desktop.text('xwininfo', '-name', 'Terminal'));
    await viewer.press('settings');
    await viewer.page.waitForTimeout(1_500);
    const path = `${OUT}viewer.png`;
    await viewer.page.screenshot({ path });
    assert.ok((await stat(path)).size > 10_000);
    await viewer.close();
  } finally {
    await browser.close();
    await desktop.stop();
  }
});
