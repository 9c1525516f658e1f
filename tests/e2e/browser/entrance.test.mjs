// Who gets in, what the others are told, and coming back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from './eventually.mjs';
import { startPorthole, writePassword } from './porthole.mjs';
import { Viewer, launch } from './viewer.mjs';

const PATTERN = ['share', '--screen', 'pattern'];
const WRONG_SECRET = '0123456789abcdef0123456789abcdef';

let dir;
let browser;

async function withPorthole(args, call) {
  const porthole = await startPorthole([...PATTERN, ...args]);
  try {
    await call(porthole);
  } finally {
    assert.equal(await porthole.stop(), 0);
  }
}

async function withViewer(url, call) {
  const viewer = await Viewer.open(browser, url);
  try {
    await call(viewer);
  } finally {
    await viewer.close();
  }
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'porthole-e2e-'));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

for (const [what, fragment] of [['no', ''], ['a wrong', `#${WRONG_SECRET}`]]) {
  test(`${what} secret: says what to do, and does not knock again`, async () => {
    await withPorthole(['--listen', '127.0.0.1:0'], async (porthole) => {
      await withViewer(`${porthole.origin}/${fragment}`, async (viewer) => {
        await viewer.until('refused');
        assert.match(await viewer.page.textContent('#card-text'), /address that porthole printed/);
        await viewer.page.waitForTimeout(3_000);
        assert.equal(viewer.sockets.length, 1);

        await viewer.page.goto(porthole.url);
        await viewer.until('connected');
      });
    });
  });
}

test('a reload keeps the secret', async () => {
  await withPorthole(['--listen', '127.0.0.1:0'], async (porthole) => {
    await withViewer(porthole.url, async (viewer) => {
      await viewer.until('connected');
      await viewer.page.reload();
      await viewer.until('connected');
    });
  });
});

test('a restart has a new secret, and the page says so', async () => {
  let first = await startPorthole([...PATTERN, '--listen', '127.0.0.1:0']);
  await withViewer(first.url, async (viewer) => {
    await viewer.until('connected');
    await first.stop();
    await viewer.until('reconnecting');
    assert.match(await viewer.page.textContent('#card-text'), /Trying again in \d+ s/);
    await withPorthole(['--listen', `127.0.0.1:${first.port}`], () => viewer.until('refused'));
  });
});

test('a wrong password is asked for again, once', async () => {
  const file = await writePassword(dir, 'geheim');
  await withPorthole(['--listen', '127.0.0.1:0', '--password-file', file], async (porthole) => {
    await withViewer(porthole.url, async (viewer) => {
      await viewer.until('password');
      await viewer.page.fill('#password', 'falsch');
      await viewer.page.keyboard.press('Enter');
      await viewer.page.waitForSelector('#login-error:not([hidden])');
      assert.match(await viewer.page.textContent('#login-error'), /Wrong password/);
      await viewer.page.waitForTimeout(3_000);
      assert.equal(viewer.sockets.length, 1);

      await viewer.page.fill('#password', 'geheim');
      await viewer.page.keyboard.press('Enter');
      await viewer.until('connected');
    });
  });
});

test('a password may be typed slowly: the server need not wait for it', async () => {
  const file = await writePassword(dir, 'geheim');
  const first = await startPorthole([...PATTERN, '--listen', '127.0.0.1:0', '--password-file', file]);
  await withViewer(first.url, async (viewer) => {
    await viewer.until('password');
    await first.stop();
    const listen = ['--listen', `127.0.0.1:${first.port}`];
    await withPorthole([...listen, '--password-file', file], async () => {
      await viewer.page.fill('#password', 'geheim');
      assert.equal(await viewer.state(), 'password');
      await viewer.page.keyboard.press('Enter');
      await viewer.until('connected');
    });
  });
});

test('comes back by itself when the server does', async () => {
  const file = await writePassword(dir, 'geheim');
  const first = await startPorthole([...PATTERN, '--listen', '127.0.0.1:0', '--password-file', file]);
  await withViewer(first.url, async (viewer) => {
    await viewer.until('password');
    await viewer.page.fill('#password', 'geheim');
    await viewer.page.keyboard.press('Enter');
    await viewer.until('connected');
    await first.stop();
    await viewer.until('reconnecting');
    const listen = ['--listen', `127.0.0.1:${first.port}`];
    await withPorthole([...listen, '--password-file', file], () => viewer.until('connected'));
  });
});

test("another site's page is refused, even with the secret", async () => {
  const site = createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1');
  await once(site, 'listening');
  try {
    await withPorthole(['--listen', '127.0.0.1:0'], async (porthole) => {
      const page = await browser.newPage();
      const knock = ([url, secret]) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url, ['binary', `porthole.secret.${secret}`]);
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        });
      const to = [`ws://127.0.0.1:${porthole.port}/websockify`, porthole.url.split('#')[1]];
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      assert.equal(await page.evaluate(knock, to), 'refused');
      await page.goto(`${porthole.origin}/`);
      assert.equal(await page.evaluate(knock, to), 'open');
      await page.close();
    });
  } finally {
    site.close();
  }
});

test("the desktop's name is text, not markup", async () => {
  const name = '<img src=x onerror="document.title=1"> & co';
  await withPorthole(['--listen', '127.0.0.1:0', '--name', name], async (porthole) => {
    await withViewer(porthole.url, async (viewer) => {
      await viewer.until('connected');
      await eventually('the title', async () => (await viewer.page.title()) === name);
      assert.equal(await viewer.page.textContent('#name'), name);
      assert.equal(await viewer.page.locator('#tools img').count(), 0);
    });
  });
});
