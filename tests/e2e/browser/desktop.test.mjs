// A desktop in a browser: what a user sees and does.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from './eventually.mjs';
import { startDesktop } from './porthole.mjs';
import { Viewer, launch } from './viewer.mjs';

const TYPED = 'Hello, Wörld €';
const TAPPED = 'Grüße 😀 до';
const COPIED = 'kopiert: äöü € 日本 😀\nzweite Zeile';
const PASTED = 'eingefügt: ñ ß — ¼ ☃';

// Everything runs in one desktop with programs that write down what they get.
const SCRIPT = `
  magick=$(command -v magick || command -v convert)
  $magick -size 1280x800 -seed 7 plasma:steelblue-darkorange wall.png
  display -window root wall.png
  xterm -u8 -fa 'DejaVu Sans Mono' -fs 12 -geometry 40x8+40+60 -title typed -e sh -c 'cat > typed' &
  xterm -u8 -fa 'DejaVu Sans Mono' -fs 12 -geometry 40x8+40+400 -title tapped -e sh -c 'cat > tapped' &
  xev -name xev -geometry 300x200+700+100 -event button -event keyboard > xev.log &
`;

let desktop;
let browser;
let viewer;

async function windowAt(name) {
  const text = await desktop.text('xwininfo', '-name', name);
  const number = (label) => Number(new RegExp(`${label}:\\s+(-?\\d+)`).exec(text)[1]);
  return {
    id: Number(/Window id: (0x[0-9a-f]+)/.exec(text)[1]),
    x: number('Absolute upper-left X'),
    y: number('Absolute upper-left Y'),
    w: number('Width'),
    h: number('Height'),
  };
}

// The window manager takes a moment to give the keys to the window clicked.
async function clickInto(name) {
  const w = await eventually(`window ${name}`, () => windowAt(name));
  await viewer.page.mouse.click(w.x + w.w / 2, w.y + w.h / 2);
  await eventually(`${name} is active`, async () => {
    const text = await desktop.text('xprop', '-root', '_NET_ACTIVE_WINDOW');
    return Number(/0x[0-9a-f]+/.exec(text)[0]) === w.id;
  });
  return w;
}

// Asks until the answer is the expected one; a failure shows the last.
async function becomes(expected, ask) {
  await eventually(JSON.stringify(expected), async () => {
    const text = await ask();
    if (text !== expected) throw new Error(JSON.stringify(text));
    return true;
  });
}

function fileIs(name, expected) {
  return becomes(expected, () => readFile(join(desktop.dir, name), 'utf8'));
}

function selectionIs(selection, expected) {
  return becomes(expected, () => desktop.text('xclip', '-o', '-selection', selection));
}

// How many pixels differ; alpha does not count.
function differences(a, b) {
  if (a.length !== b.length) return Infinity;
  let n = 0;
  for (let i = 0; i < a.length; i += 4) {
    if (a[i] !== b[i] || a[i + 1] !== b[i + 1] || a[i + 2] !== b[i + 2]) n++;
  }
  return n;
}

async function picturesAgree() {
  await eventually('the canvas equals the screen', async () => {
    const screen = await desktop.x('import', '-silent', '-window', 'root', '-depth', '8', 'rgba:-');
    const n = differences(await viewer.pixels(), screen);
    if (n !== 0) throw new Error(`${n} pixels differ`);
    return true;
  });
}

before(async () => {
  desktop = await startDesktop(['--listen', '127.0.0.1:0', '--size', '1280x800'], SCRIPT);
  browser = await launch();
  viewer = await Viewer.open(browser, desktop.url, {
    settings: { quality: 'lossless', size: 'follow' },
    context: { permissions: ['clipboard-read', 'clipboard-write'] },
  });
});

after(async () => {
  await browser?.close();
  if (desktop) assert.equal(await desktop.stop(), 0);
});

test('connects, and takes the secret out of the address', async () => {
  await viewer.until('connected');
  assert.equal(viewer.page.url(), `${desktop.origin}/`);
  assert.equal(viewer.sockets.length, 1);
  for (const name of ['typed', 'tapped', 'xev']) await eventually(name, () => windowAt(name));
  await viewer.hideBar();
});

test('shows the exact picture', async () => {
  assert.equal(await viewer.size(), '1280x800');
  await picturesAgree();
});

test('types what no layout has', async () => {
  await clickInto('typed');
  await viewer.typeGerman(`${TYPED}\r`);
  await fileIs('typed', `${TYPED}\n`);
});

test('types from the on-screen keyboard', async () => {
  await clickInto('tapped');
  await viewer.press('keys');
  await viewer.page.keyboard.insertText(TAPPED);
  await viewer.page.keyboard.insertText('x');
  await viewer.page.keyboard.press('Backspace');
  await viewer.page.keyboard.press('Enter');
  await fileIs('tapped', `${TAPPED}\n`);
  await viewer.page.click('#keys-close');
});

test('drags: selects a line, which is then on this clipboard', async () => {
  const w = await windowAt('typed');
  await viewer.drag({ x: w.x + 4, y: w.y + 10 }, { x: w.x + w.w - 8, y: w.y + 10 });
  await becomes(TYPED, async () =>
    (await desktop.text('xclip', '-o', '-selection', 'primary')).trimEnd(),
  );
});

test('drags: moves a window by its title bar', async () => {
  const before = await windowAt('typed');
  const bar = { x: before.x + before.w / 2, y: before.y - 10 };
  await viewer.drag(bar, { x: bar.x + 60, y: bar.y + 45 });
  await eventually('the window moved', async () => {
    const now = await windowAt('typed');
    return now.x - before.x === 60 && now.y - before.y === 45;
  });
});

test('turns the wheel four ways and presses five buttons', async () => {
  const { x, y } = await clickInto('xev');
  await viewer.page.mouse.move(x + 100, y + 100);
  for (const [dx, dy] of [[0, -120], [0, 120], [-120, 0], [120, 0]]) {
    await viewer.page.mouse.wheel(dx, dy);
  }
  for (const button of [['middle', 4], ['right', 2], ['back', 8], ['forward', 16]]) {
    await viewer.click(x + 100, y + 100, button);
  }
  await eventually('every button', async () => {
    const log = await readFile(join(desktop.dir, 'xev.log'), 'utf8');
    const seen = new Set([...log.matchAll(/ButtonPress[^]*?button (\d)/g)].map((m) => m[1]));
    if (seen.size < 9) throw new Error(`only ${[...seen].join(' ')}`);
    return true;
  });
});

test('sends Ctrl+Alt+Del', async () => {
  await clickInto('xev');
  await viewer.press('cad');
  await viewer.hideBar();
  await eventually('Delete with Control and Alt down', async () => {
    const log = await readFile(join(desktop.dir, 'xev.log'), 'utf8');
    return /KeyPress[^]*?state 0xc, [^)]*Delete\)/.test(log);
  });
});

test('the keyboard reaches the bar, and leaves no key pressed', async () => {
  await viewer.focus();
  await viewer.page.keyboard.press('Control+Alt+Shift');
  const focused = () => viewer.page.evaluate(() => document.activeElement.parentElement.id);
  await eventually('the focus', async () => (await focused()) === 'tools');
  await viewer.hideBar();
  await clickInto('xev');
  await eventually('a click without modifiers', async () => {
    const log = await readFile(join(desktop.dir, 'xev.log'), 'utf8');
    return log.slice(log.lastIndexOf('ButtonPress')).includes('state 0x0, button 1');
  });
});

test('fills the screen', async () => {
  await viewer.press('full');
  await viewer.page.waitForSelector('#full-button[aria-pressed="true"]');
  await viewer.page.click('#full-button');
  await viewer.page.waitForSelector('#full-button[aria-pressed="false"]');
  await viewer.hideBar();
});

test('copies UTF-8 out of the desktop', async () => {
  await viewer.focus();
  await desktop.copy('clipboard', COPIED);
  await becomes(COPIED, () => viewer.page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(await viewer.page.inputValue('#clipboard'), COPIED);
});

test('pastes UTF-8 into the desktop, from the panel', async () => {
  await viewer.press('clipboard');
  await viewer.page.fill('#clipboard', PASTED);
  await selectionIs('clipboard', PASTED);
  await selectionIs('primary', PASTED);
  await viewer.hideBar();
});

test('pastes with Ctrl+V', async () => {
  await viewer.focus();
  await viewer.page.evaluate((t) => navigator.clipboard.writeText(t), `${PASTED}!`);
  await viewer.pressPaste();
  await selectionIs('clipboard', `${PASTED}!`);
});

test('only looks when told so', async () => {
  await clickInto('typed');
  await viewer.press('settings');
  await viewer.page.click('.switch');
  await viewer.hideBar();
  await viewer.focus();
  await viewer.typeGerman('nein');
  await viewer.press('settings');
  await viewer.page.click('.switch');
  await viewer.hideBar();
  await viewer.focus();
  await viewer.typeGerman('ja\r');
  await fileIs('typed', `${TYPED}\nja\n`);
});

for (const [width, height] of [[1000, 700], [1440, 900]]) {
  test(`the desktop follows the window to ${width}x${height}`, async () => {
    await viewer.page.setViewportSize({ width, height });
    await eventually('the X screen', async () => {
      const text = await desktop.text('xwininfo', '-root');
      return text.includes(`Width: ${width}\n`) && text.includes(`Height: ${height}\n`);
    });
    await eventually('the canvas', async () => (await viewer.size()) === `${width}x${height}`);
    await picturesAgree();
  });
}

test('the picture is fitted into the window, or left as it is', async () => {
  const shownWidth = () =>
    viewer.page.evaluate(() => document.querySelector('#screen canvas').getBoundingClientRect().width);
  await viewer.press('settings');
  await viewer.page.click('label[for="size-fit"]');
  await viewer.page.setViewportSize({ width: 720, height: 600 });
  await eventually('half the size', async () => (await shownWidth()) === 720);
  await viewer.page.click('label[for="size-actual"]');
  await eventually('the true size', async () => (await shownWidth()) === 1440);
  assert.equal(await viewer.size(), '1440x900');
  await picturesAgree();
});

test('no request left the machine, and no script failed', () => {
  const own = [`${desktop.origin}/`, `${desktop.origin.replace('http', 'ws')}/`, 'data:', 'blob:'];
  const foreign = [...viewer.requests, ...viewer.sockets].filter(
    (url) => !own.some((o) => url.startsWith(o)),
  );
  assert.deepEqual(foreign, []);
  assert.deepEqual(viewer.errors, []);
});
