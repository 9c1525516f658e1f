// run_tests: timeout=420
// The gateway's console: runs and machines, by mouse, by keyboard, on a phone, at night.
// Its pictures are left in tests/e2e/out/.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Console } from './console.mjs';
import { eventually } from './eventually.mjs';
import { sharePattern, startGateway } from './gateway.mjs';
import { launch } from './viewer.mjs';

const OUT = new URL('../out/', import.meta.url).pathname;
const MARKUP = '<img src=x onerror="document.title=1">&amp;';

let gateway;
let browser;
let admin;

function picture(console, name) {
  return console.page.screenshot({ path: `${OUT}console-${name}.png`, fullPage: true });
}

async function createRun(label, machine = '') {
  const { page } = admin;
  await page.fill('#label', label);
  await page.selectOption('#for-machine', machine);
  const known = await page.locator('#list tr').count();
  await page.click('#create button');
  await eventually('a new row', async () => (await page.locator('#list tr').count()) > known);
  return /Run (\S+) waits/.exec(await page.textContent('#join'))[1];
}

function button(id, name) {
  return admin.row(id).getByRole('button', { name, exact: true });
}

before(async () => {
  await mkdir(OUT, { recursive: true });
  gateway = await startGateway();
  await gateway.createUser('admin', 'admin');
  await gateway.createUser('looker', 'viewer');
  browser = await launch();
  admin = await Console.open(browser, await gateway.loginLink('admin'));
  await admin.untilIn();
});

after(async () => {
  await browser?.close();
  if (gateway) assert.equal(await gateway.stop(), 0);
});

test('says what to do while there is nothing', async () => {
  await admin.page.waitForSelector('#none:not([hidden])');
  await admin.page.waitForSelector('#no-machines:not([hidden])');
  await picture(admin, 'empty');
});

test('adds a machine, which joins with what the page shows, and takes a run made for it', async () => {
  const { page } = admin;
  await page.fill('#agent-id', 'atelier');
  await page.click('#machine button');
  await page.waitForSelector('#machine-join:not([hidden])');
  const shown = await page.textContent('#machine-join');
  await admin.page.waitForSelector('#machines tr');
  await eventually('the machine is offered', () => page.locator('#for-machine option[value="atelier"]').count());
  const id = await createRun('First', 'atelier');
  await admin.untilRow(id, ['First', 'pending', 'not joined', '0']);
  await picture(admin, 'created');

  const file = await gateway.secretFile(/\b[0-9a-f]{64}\b/.exec(shown)[0]);
  const command = /porthole share (.*) FILE/.exec(shown)[1].split(' ');
  const agent = await sharePattern([...command, file, '--listen', '127.0.0.1:0']);
  try {
    await admin.untilRow(id, ['First', 'running', 'joined', '0']);
    await eventually('the machine is there', async () =>
      (await page.textContent('#machines tr')).startsWith('atelieronline'));

    const view = await admin.context.newPage();
    await view.goto(gateway.url);
    await view.locator(`#list tr[data-run="${id}"]`).getByText('View').click();
    await view.waitForFunction(() => document.body.dataset.state === 'connected');
    await admin.untilRow(id, ['First', 'running', 'joined', '1']);
    await view.waitForTimeout(500);
    await view.screenshot({ path: `${OUT}console-view.png` });
    await picture(admin, 'list');
    await view.close();

    await button(id, 'Stop').click();
    await admin.untilRow(id, ['First', null, 'not joined', '0']);
  } finally {
    await agent.stop();
  }
});

test('asks for a start, and says what comes of it', async () => {
  const id = await createRun('Second');
  await button(id, 'Start').click();
  await admin.untilMessage(/told to show its screen/);
  assert.equal(await admin.page.getAttribute('#message', 'data-kind'), 'note');
  const { commands } = await gateway.api('GET', `/api/runs/${id}`);
  assert.deepEqual(commands.map((c) => [c.command, c.status]), [['__START_VNC_STREAM__', 'pending']]);
});

test('deletes after a question', async () => {
  const { page } = admin;
  const id = await createRun('Third');
  page.once('dialog', (dialog) => dialog.dismiss());
  await button(id, 'Delete').click();
  await admin.untilRow(id, ['Third', 'pending', 'not joined', '0']);
  page.once('dialog', (dialog) => dialog.accept());
  await button(id, 'Delete').click();
  await eventually('the row is gone', async () => (await admin.row(id).count()) === 0);
});

test('shows at once what others change', async () => {
  const { id } = await gateway.api('POST', '/api/runs', { workerType: 'vnc', label: 'From elsewhere' });
  await admin.untilRow(id, ['From elsewhere', 'pending', 'not joined', '0']);
  await gateway.api('DELETE', `/api/runs/${id}`);
  await eventually('the row is gone', async () => (await admin.row(id).count()) === 0);
});

test('searches', async () => {
  const { page } = admin;
  const id = await createRun('Needle');
  await page.fill('#search', 'need');
  await eventually('one row', async () => (await page.locator('#list tr').count()) === 1);
  await admin.untilRow(id, ['Needle', 'pending', 'not joined', '0']);
  await page.fill('#search', 'no such thing');
  await eventually('a sentence', async () => /No run has this/.test(await page.textContent('#none')));
  await page.fill('#search', '');
  await eventually('all again', async () => (await page.locator('#list tr').count()) > 1);
});

test('names are text, not markup', async () => {
  const { page } = admin;
  const id = await createRun(MARKUP);
  await admin.untilRow(id, [MARKUP, 'pending', 'not joined', '0']);
  await page.fill('#agent-id', MARKUP);
  await page.click('#machine button');
  await eventually('the machine', async () => (await page.textContent('#machines')).includes(MARKUP));
  assert.match(await page.textContent('#machine-join'), /--agent-id '<img src=x onerror="document.title=1">&amp;'/);
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.title(), 'Porthole gateway');
});

test('an error of the gateway is shown as its sentence', async () => {
  const { page } = admin;
  await page.fill('#agent-id', 'atelier');
  await page.click('#machine button');
  await admin.untilMessage(/already exists/);
  assert.equal(await page.getAttribute('#message', 'data-kind'), 'problem');
  await picture(admin, 'error');
  await page.fill('#agent-id', '');
});

test('can be used by keyboard alone, and keeps its place when the list changes', async () => {
  const { page } = admin;
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return `${at.closest('tr')?.dataset.run ?? ''} ${at.id || at.textContent}`.trim();
    });
  const tabTo = async (what) => {
    for (let i = 0; i < 60 && (await focused()) !== what; i++) await page.keyboard.press('Tab');
    assert.equal(await focused(), what);
  };
  await page.reload();
  await admin.untilIn();
  await tabTo('label');
  await page.keyboard.type('By hand');
  await page.keyboard.press('Enter');
  const row = page.locator('#list tr', { hasText: 'By hand' });
  await row.waitFor();
  const id = await row.getAttribute('data-run');
  await tabTo(`${id} Delete`);
  await gateway.api('POST', '/api/runs', { workerType: 'vnc', label: 'Meanwhile' });
  await page.locator('#list tr', { hasText: 'Meanwhile' }).waitFor();
  assert.equal(await focused(), `${id} Delete`);
  page.once('dialog', (dialog) => dialog.accept());
  await page.keyboard.press('Enter');
  await eventually('the row is gone', async () => (await admin.row(id).count()) === 0);
});

test('a viewer sees all of it and is offered nothing he may not do', async () => {
  const looker = await Console.open(browser, await gateway.loginLink('looker'));
  await looker.untilIn();
  await looker.page.waitForSelector('#list tr');
  for (const name of ['Start', 'Stop', 'Delete', 'Create', 'Add']) {
    assert.equal(await looker.page.getByRole('button', { name, exact: true }).count(), 0, name);
  }
  assert.ok((await looker.page.getByText('View', { exact: true }).count()) > 0);
  assert.deepEqual(looker.errors, []);
  await looker.close();
});

for (const [name, context] of [
  ['phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
  ['dark', { colorScheme: 'dark' }],
]) {
  test(`fits: ${name}`, async () => {
    const out = await Console.open(browser, gateway.url, context);
    await out.page.waitForSelector('#enter:not([hidden])');
    await picture(out, `${name}-login`);
    await out.page.goto(await gateway.loginLink('admin'));
    await out.untilIn();
    await out.page.waitForSelector('#list tr');
    await picture(out, `${name}-list`);
    const width = await out.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= out.page.viewportSize().width, `the page is ${width} pixels wide`);
    await out.close();
  });
}

test('survives a gateway that is away for a moment', async () => {
  const id = await createRun('Lasting');
  await gateway.killAndStart();
  await gateway.api('DELETE', `/api/runs/${id}`);
  await eventually('the row is gone', async () => (await admin.row(id).count()) === 0, 60_000);
  await eventually('no message is left', async () => !(await admin.page.isVisible('#message')));
});

test('a session that ends leads to the login', async () => {
  const other = await Console.open(browser, await gateway.loginLink('looker'));
  await other.untilIn();
  await gateway.cli('user', 'delete', 'looker');
  await other.page.waitForSelector('#enter:not([hidden])');
  assert.equal(await other.page.isVisible('#runs'), false);
  await other.close();
});

test('no script failed, and no policy was broken', () => {
  assert.deepEqual(admin.errors, []);
});
