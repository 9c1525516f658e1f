// The gateway's console in a browser.

import { eventually } from './eventually.mjs';
import { PASSWORD } from './gateway.mjs';

export class Console {
  static async open(browser, url, context = {}) {
    const ctx = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context });
    const page = await ctx.newPage();
    const console = new Console(ctx, page);
    await page.goto(url);
    return console;
  }

  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.errors = [];
    page.on('pageerror', (e) => this.errors.push(e.message));
    page.on('console', (m) => {
      if (m.text().includes('Content Security Policy')) this.errors.push(m.text());
    });
  }

  close() {
    return this.context.close();
  }

  async fillIn(name, password, totp = null) {
    await this.page.waitForSelector('#enter:not([hidden])');
    await this.page.fill('#username', name);
    await this.page.fill('#password', password);
    if (totp !== null) await this.page.fill('#totp', totp);
    await this.page.keyboard.press('Enter');
  }

  async logIn(name) {
    await this.fillIn(name, PASSWORD);
    await this.untilIn();
  }

  async untilIn() {
    await this.page.waitForSelector('#runs:not([hidden])');
  }

  async untilMessage(pattern) {
    return eventually(`a message like ${pattern}`, async () => {
      const text = await this.page.textContent('#message');
      if (!pattern.test(text)) throw new Error(text);
      return text;
    });
  }

  row(runId) {
    return this.page.locator(`#list tr[data-run="${runId}"]`);
  }

  // Until the cells of a run's row are these; null: whatever it is.
  async untilRow(runId, cells) {
    await eventually(`run ${runId}: ${cells}`, async () => {
      const shown = await this.row(runId).locator('td:not(.actions)').allTextContents();
      if (shown.length === 0 || !cells.every((c, i) => c === null || c === shown[i])) {
        throw new Error(String(shown));
      }
      return true;
    });
  }
}
