// run_tests: timeout=420
// A shared screen seen through the gateway, and what ends or interrupts that.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from './eventually.mjs';
import { PASSWORD, sharePattern, startGateway } from './gateway.mjs';
import { startDesktop } from './porthole.mjs';
import { Viewer, launch } from './viewer.mjs';

const SCRIPT = `
  xterm -u8 -fa 'DejaVu Sans Mono' -fs 12 -geometry 60x10+40+60 -title typed -e sh -c 'cat > typed' &
`;
const BACK_MS = 90_000;
// Well before the 75 s after which a claim lapses by itself.
const CLAIMED_MS = 40_000;

let gateway;
let browser;

async function view(id, user = 'admin', more = {}) {
  const viewer = await Viewer.open(browser, await gateway.loginLink(user), more);
  await viewer.page.waitForSelector('#runs:not([hidden])');
  await viewer.page.goto(`${gateway.url}/runs/${id}`);
  return viewer;
}

// Moving means that frames arrive, not that an old one is left.
async function untilMoving(viewer) {
  const first = await viewer.pixels();
  await eventually('another picture', async () => !first.equals(await viewer.pixels()));
}

async function clickInto(desktop, viewer, name) {
  const text = await eventually(name, () => desktop.text('xwininfo', '-name', name));
  const number = (label) => Number(new RegExp(`${label}:\\s+(-?\\d+)`).exec(text)[1]);
  await viewer.page.mouse.click(
    number('Absolute upper-left X') + 50,
    number('Absolute upper-left Y') + 50,
  );
  const id = Number(/Window id: (0x[0-9a-f]+)/.exec(text)[1]);
  await eventually(`${name} is active`, async () => {
    const active = await desktop.text('xprop', '-root', '_NET_ACTIVE_WINDOW');
    return Number(/0x[0-9a-f]+/.exec(active)[0]) === id;
  });
}

before(async () => {
  gateway = await startGateway();
  await gateway.createUser('admin', 'admin');
  await gateway.createUser('looker', 'viewer');
  await gateway.createUser('operator', 'operator');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (gateway) assert.equal(await gateway.stop(), 0);
});

test('a desktop is seen and typed into; who may only look changes nothing', async () => {
  const { id, joining } = await gateway.createRun('desktop');
  const desktop = await startDesktop([...joining, '--size', '1280x800'], SCRIPT);
  const typed = (text) =>
    eventually(JSON.stringify(text), async () => {
      const got = await readFile(join(desktop.dir, 'typed'), 'utf8');
      if (got !== text) throw new Error(JSON.stringify(got));
      return true;
    });
  try {
    const viewer = await view(id, 'admin', {
      settings: { quality: 'lossless', size: 'follow' },
    });
    await viewer.until('connected');
    await eventually('the size', async () => (await viewer.size()) === '1280x800');
    await viewer.hideBar();
    await clickInto(desktop, viewer, 'typed');
    await viewer.typeGerman('Durch das Tor\r');
    await typed('Durch das Tor\n');
    await eventually('the canvas equals the screen', async () => {
      const screen = await desktop.x('import', '-silent', '-window', 'root', '-depth', '8', 'rgb:-');
      const canvas = (await viewer.pixels()).filter((_, i) => i % 4 !== 3);
      return screen.equals(canvas);
    });

    const looker = await view(id, 'looker');
    await looker.until('connected');
    assert.equal(await looker.page.evaluate(() => document.body.dataset.viewOnly), 'true');
    await looker.hideBar();
    await looker.focus();
    await looker.typeGerman('nein\r');
    await looker.page.mouse.click(1100, 700);
    await looker.page.setViewportSize({ width: 900, height: 600 });
    await viewer.typeGerman('ja\r');
    await typed('Durch das Tor\nja\n');
    assert.equal(await viewer.size(), '1280x800');
    assert.equal(await looker.state(), 'connected');
    await looker.close();
    assert.deepEqual(viewer.errors, []);
    await viewer.close();
  } finally {
    await desktop.stop();
  }
});

test('the agent is killed and started again: the picture is back without a click', async () => {
  const { id, joining } = await gateway.createRun('pattern');
  let agent = await sharePattern(joining);
  const viewer = await view(id);
  try {
    await viewer.until('connected');
    await untilMoving(viewer);
    await agent.kill();
    await eventually('the loss', async () => (await viewer.state()) !== 'connected');
    agent = await sharePattern(joining);
    await eventually('the picture', async () => (await viewer.state()) === 'connected', BACK_MS);
    await untilMoving(viewer);
    assert.deepEqual(viewer.errors, []);
  } finally {
    await viewer.close();
    await agent.stop();
  }
});

test('an agent that claims its runs is killed and started again: so is the picture', async () => {
  const joining = await gateway.createMachine('claiming');
  let agent = await sharePattern(joining);
  const run = { workerType: 'vnc', label: 'claimed', agentId: 'claiming' };
  const { id } = await gateway.api('POST', '/api/runs', run);
  const viewer = await view(id);
  try {
    await eventually('the picture', async () => (await viewer.state()) === 'connected');
    await untilMoving(viewer);
    await agent.kill();
    await eventually('the loss', async () => (await viewer.state()) !== 'connected');
    agent = await sharePattern(joining);
    await eventually('the picture', async () => (await viewer.state()) === 'connected', CLAIMED_MS);
    await untilMoving(viewer);
    assert.equal((await gateway.api('GET', `/api/runs/${id}`)).status, 'running');
    assert.deepEqual(viewer.errors, []);
  } finally {
    await viewer.close();
    await agent.stop();
  }
});

test('the gateway is killed and started again: the picture is back without a click', async () => {
  const { id, joining } = await gateway.createRun('lasting');
  const agent = await sharePattern(joining);
  const viewer = await view(id);
  try {
    await viewer.until('connected');
    await untilMoving(viewer);
    await gateway.killAndStart();
    await eventually('the loss', async () => (await viewer.state()) !== 'connected');
    await eventually('the picture', async () => (await viewer.state()) === 'connected', BACK_MS);
    await untilMoving(viewer);
    assert.deepEqual(viewer.errors, []);
  } finally {
    await viewer.close();
    await agent.stop();
  }
});

test('a user is disabled while looking: the picture ends, and the page says why', async () => {
  const { id, joining } = await gateway.createRun('other');
  const agent = await sharePattern(joining);
  const viewer = await view(id, 'operator');
  try {
    await viewer.until('connected');
    await gateway.cli('user', 'disable', 'operator');
    await viewer.until('refused');
    assert.match(await viewer.page.textContent('#card-text'), /access .*ended/i);
    const sockets = viewer.sockets.length;
    await viewer.page.waitForTimeout(3_000);
    assert.equal(viewer.sockets.length, sockets);

    // Trying again leads to the login, where the account is refused.
    await viewer.page.click('#card-action');
    await viewer.page.waitForSelector('#enter:not([hidden])');
    await viewer.page.fill('#username', 'operator');
    await viewer.page.fill('#password', PASSWORD);
    await viewer.page.keyboard.press('Enter');
    await eventually('the refusal', async () =>
      /Invalid credentials/.test(await viewer.page.textContent('#message')));
  } finally {
    await viewer.close();
    await agent.stop();
  }
});

test('nobody shares: the page waits, says so, and shows the picture when somebody does', async () => {
  const { id, joining } = await gateway.createRun('late');
  const viewer = await view(id);
  let agent;
  try {
    await eventually('a sentence', async () =>
      /no machine shows this screen/i.test(await viewer.page.textContent('#card-text')));
    agent = await sharePattern(joining);
    await eventually('the picture', async () => (await viewer.state()) === 'connected', BACK_MS);
  } finally {
    await viewer.close();
    await agent?.stop();
  }
});

test('a run that is deleted, and one that never was', async () => {
  const { id, joining } = await gateway.createRun('short');
  const agent = await sharePattern(joining);
  const viewer = await view(id);
  try {
    await viewer.until('connected');
    await gateway.api('DELETE', `/api/runs/${id}`);
    await viewer.until('refused');
    await viewer.page.click('#card-action');
    await eventually('the sentence', async () =>
      /Run not found/.test(await viewer.page.textContent('#card-text')));
    assert.equal(await viewer.page.getAttribute('#card-back', 'href'), '/');
  } finally {
    await viewer.close();
    await agent.stop();
  }
});
