// The viewer page in Debian's Chromium, and what a user does with it.

import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const CONNECT_TIMEOUT_MS = 30_000;

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGS });
}

// Modifiers of CDP's Input.dispatchKeyEvent.
const CTRL = 2;
const SHIFT = 8;

export class Viewer {
  // `settings`: as the viewer keeps them in localStorage.
  static async open(browser, url, { settings = {}, context = {} } = {}) {
    const ctx = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    await ctx.addInitScript((s) => {
      if (localStorage.getItem('porthole.viewer') === null) {
        localStorage.setItem('porthole.viewer', JSON.stringify(s));
      }
    }, settings);
    const page = await ctx.newPage();
    const viewer = new Viewer(ctx, page);
    await page.goto(url);
    viewer.cdp = await ctx.newCDPSession(page);
    return viewer;
  }

  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.requests = [];
    this.sockets = [];
    this.errors = [];
    context.on('request', (r) => this.requests.push(r.url()));
    page.on('websocket', (w) => this.sockets.push(w.url()));
    page.on('pageerror', (e) => this.errors.push(e.message));
    page.on('console', (m) => {
      if (m.text().includes('Content Security Policy')) this.errors.push(m.text());
    });
  }

  close() {
    return this.context.close();
  }

  state() {
    return this.page.evaluate(() => document.body.dataset.state);
  }

  async until(state) {
    await this.page.waitForFunction((s) => document.body.dataset.state === s, state, {
      timeout: CONNECT_TIMEOUT_MS,
    });
  }

  // Presses a button of the bar, which may be away.
  async press(name) {
    const handle = this.page.locator('#handle');
    if ((await handle.getAttribute('aria-expanded')) !== 'true') await handle.click();
    await this.page.click(`#${name}-button`);
  }

  // The bar and its panels, out of the way.
  async hideBar() {
    const handle = this.page.locator('#handle');
    if ((await handle.getAttribute('aria-expanded')) === 'true') await handle.click();
  }

  focus() {
    return this.page.evaluate(() => document.querySelector('#screen canvas').focus());
  }

  async size() {
    return this.page.evaluate(() => {
      const c = document.querySelector('#screen canvas');
      return `${c.width}x${c.height}`;
    });
  }

  // The canvas's pixels, red, green, blue, alpha.
  async pixels() {
    const base64 = await this.page.evaluate(async () => {
      const c = document.querySelector('#screen canvas');
      const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(new Blob([data]));
      });
      return url.slice(url.indexOf(',') + 1);
    });
    return Buffer.from(base64, 'base64');
  }

  // The events that a German keyboard makes; Playwright's own knows US keys only.
  async typeGerman(text) {
    for (const char of text) {
      const { code, level } = germanKey(char);
      const modifier = { shift: ['Shift', 'ShiftLeft'], altgr: ['AltGraph', 'AltRight'] }[level];
      const modifiers = level === 'shift' ? SHIFT : 0;
      if (modifier) await this.#key('rawKeyDown', modifier[0], modifier[1], modifiers);
      await this.#key('keyDown', char, code, modifiers, { text: char });
      await this.#key('keyUp', char, code, modifiers);
      if (modifier) await this.#key('keyUp', modifier[0], modifier[1], 0);
    }
  }

  // Ctrl+V as a browser with a window handles it: the key, and its command.
  async pressPaste() {
    await this.#key('rawKeyDown', 'Control', 'ControlLeft', CTRL);
    await this.#key('rawKeyDown', 'v', 'KeyV', CTRL, { commands: ['paste'] });
    await this.#key('keyUp', 'v', 'KeyV', CTRL);
    await this.#key('keyUp', 'Control', 'ControlLeft', 0);
  }

  // `button`: CDP's name and its bit in MouseEvent.buttons.
  async click(x, y, [button, buttons]) {
    const at = { x, y, button, clickCount: 1 };
    await this.cdp.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...at, buttons });
    await this.cdp.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at, buttons: 0 });
  }

  async drag(from, to) {
    const { mouse } = this.page;
    await mouse.move(from.x, from.y);
    await mouse.down();
    await mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 5 });
    await mouse.move(to.x, to.y, { steps: 5 });
    await mouse.up();
  }

  #key(type, key, code, modifiers, more = {}) {
    return this.cdp.send('Input.dispatchKeyEvent', { type, key, code, modifiers, ...more });
  }
}

function germanKey(char) {
  const special = {
    ' ': ['Space'],
    ',': ['Comma'],
    'ö': ['Semicolon'],
    '€': ['KeyE', 'altgr'],
    '\r': ['Enter'],
  }[char];
  if (special) return { code: special[0], level: special[1] };
  const lower = char.toLowerCase();
  const place = { y: 'z', z: 'y' }[lower] ?? lower;
  return { code: `Key${place.toUpperCase()}`, level: char === lower ? undefined : 'shift' };
}
