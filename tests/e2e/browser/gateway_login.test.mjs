// Who gets into the gateway's console: set-up, passwords, one-time links and codes.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Console } from './console.mjs';
import { eventually } from './eventually.mjs';
import { PASSWORD, startGateway } from './gateway.mjs';
import { launch } from './viewer.mjs';

let gateway;
let browser;

async function withConsole(url, call) {
  const console = await Console.open(browser, url);
  try {
    await call(console);
    assert.deepEqual(console.errors, []);
  } finally {
    await console.close();
  }
}

// The six digits of RFC 6238 for a secret in base32.
function totp(secret, at = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

before(async () => {
  gateway = await startGateway();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (gateway) assert.equal(await gateway.stop(), 0);
});

test('without the set-up link nobody becomes administrator', async () => {
  await withConsole(gateway.url, async ({ page }) => {
    await page.waitForSelector('#enter:not([hidden])');
    assert.match(await page.textContent('#enter-text'), /set-up link that it printed/);
    assert.equal(await page.isVisible('#password'), false);
  });
  await withConsole(`${gateway.url}/#setup=0123456789abcdef`, async (console) => {
    await console.fillIn('mallory', PASSWORD);
    await console.untilMessage(/wrong setup code/i);
  });
});

test('the printed link makes the first administrator', async () => {
  assert.match(gateway.setupUrl, /\/#setup=\w{20,}$/);
  await withConsole(gateway.setupUrl, async (console) => {
    const { page } = console;
    await page.waitForSelector('#enter:not([hidden])');
    assert.equal(page.url(), `${gateway.url}/`);
    assert.match(await page.textContent('#enter-text'), /first administrator/);

    await console.fillIn('admin', 'too short');
    assert.equal(await page.evaluate(() => document.querySelector('#password').validity.valid), false);
    await console.fillIn('admin', PASSWORD);
    await console.untilIn();
    assert.equal(await page.textContent('#who'), 'admin (admin)');
    assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length]), ['', 0]);
  });
});

test('the set-up link is worth nothing afterwards', async () => {
  await withConsole(gateway.setupUrl, async (console) => {
    await console.page.waitForSelector('#enter:not([hidden])');
    assert.equal(await console.page.textContent('#enter-title'), 'Log in');
  });
});

test('a wrong password shows the sentence, the right one goes in, and logging out ends it', async () => {
  await withConsole(gateway.url, async (console) => {
    const { page } = console;
    await console.fillIn('admin', 'not the password');
    await console.untilMessage(/^Invalid credentials$/);
    assert.equal(await page.getAttribute('#message', 'role'), 'alert');
    assert.equal(await page.inputValue('#password'), '');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await console.untilIn();
    assert.equal(await page.isVisible('#message'), false);

    await page.reload();
    await console.untilIn();
    await page.click('#logout');
    await page.waitForSelector('#enter:not([hidden])');
    await page.reload();
    await page.waitForSelector('#enter:not([hidden])');
    assert.equal(await page.isVisible('#runs'), false);
  });
});

test('a link logs in once, and its code is in no address or history', async () => {
  const link = await gateway.loginLink('admin');
  await withConsole(link, async (console) => {
    const { page } = console;
    await console.untilIn();
    assert.equal(page.url(), `${gateway.url}/`);
    await page.goto(`${gateway.url}/runs/none`);
    await page.goBack();
    await console.untilIn();
    assert.equal(page.url(), `${gateway.url}/`);
  });
  await withConsole(link, async (console) => {
    await console.untilMessage(/^Invalid or expired code$/);
    assert.equal(console.page.url(), `${gateway.url}/`);
    await console.page.waitForSelector('#enter:not([hidden])');
  });
});

test('a link may be opened in a tab that shows the console already', async () => {
  await withConsole(gateway.url, async (console) => {
    await console.page.waitForSelector('#enter:not([hidden])');
    await console.page.goto(await gateway.loginLink('admin'));
    await console.untilIn();
  });
});

test('a user with a second factor is asked for its code', async () => {
  const { totpUri } = await gateway.createUser('two-factor', 'operator', '--totp');
  const secret = new URL(totpUri).searchParams.get('secret');
  await withConsole(gateway.url, async (console) => {
    const { page } = console;
    await console.fillIn('two-factor', PASSWORD);
    await page.waitForSelector('#totp-row:not([hidden])');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'totp');
    assert.equal(await page.inputValue('#password'), PASSWORD);

    await page.fill('#totp', totp(secret) === '000000' ? '111111' : '000000');
    await page.keyboard.press('Enter');
    await console.untilMessage(/^Invalid TOTP code$/);
    await page.fill('#totp', totp(secret));
    await page.keyboard.press('Enter');
    await console.untilIn();
    assert.equal(await page.textContent('#who'), 'two-factor (operator)');
  });
});

test("a run's page asks for a login and comes back to the run", async () => {
  const { id } = await gateway.api('POST', '/api/runs', { workerType: 'vnc' });
  await withConsole(`${gateway.url}/runs/${id}`, async (console) => {
    await console.fillIn('admin', PASSWORD);
    await eventually("the run's page", () => console.page.url() === `${gateway.url}/runs/${id}`);
    await console.page.waitForSelector('#screen', { state: 'attached' });
  });
  await withConsole(`${gateway.url}/#next=//example.org/`, async (console) => {
    await console.logIn('admin');
    assert.equal(console.page.url(), `${gateway.url}/`);
  });
});
