// Starts the program as a user does, and asks the X server behind it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { eventually } from './eventually.mjs';

const run = promisify(execFile);
export const PROGRAM = process.env.PORTHOLE ?? 'build-asan/src/cli/porthole';
const START_TIMEOUT_MS = 60_000;

// Runs `porthole ARGS --json`; resolves with what it prints when it is ready.
export async function startJson(args, operands = []) {
  const child = spawn(PROGRAM, [...args, '--json', ...operands], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line', { signal: AbortSignal.timeout(START_TIMEOUT_MS) }),
    once(child, 'exit').then(([code]) => {
      throw new Error(`porthole ended with ${code} before it was ready`);
    }),
  ]);
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    return (await ended)[0];
  };
  return {
    facts: JSON.parse(line),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

// The same for what shares a screen.
export async function startPorthole(args, operands = []) {
  const porthole = await startJson(args, operands);
  const address = new URL(porthole.facts.browser[0]);
  return {
    ...porthole,
    url: address.href, // with the secret
    origin: address.origin,
    port: Number(address.port),
  };
}

// `porthole desktop` with a command that tells how to reach its X server and
// then runs `script` (sh) in it.
export async function startDesktop(args, script) {
  const dir = await mkdtemp(join(tmpdir(), 'porthole-e2e-'));
  const tell = `printf '%s\\n%s\\n' "$DISPLAY" "$XAUTHORITY" > '${dir}/x.part'
    mv '${dir}/x.part' '${dir}/x'
    cd '${dir}'
    ${script}
    exec sleep infinity`;
  const porthole = await startPorthole(['desktop', ...args], ['--', 'sh', '-c', tell]);
  const text = await eventually('the desktop runs its command', () => readFile(join(dir, 'x'), 'utf8'));
  const [DISPLAY, XAUTHORITY] = text.split('\n');
  const env = { ...process.env, DISPLAY, XAUTHORITY, LC_ALL: 'C.UTF-8' };
  return {
    ...porthole,
    dir,
    // Runs a program in the desktop; resolves with its output.
    async x(program, ...argv) {
      const { stdout } = await run(program, argv, { env, encoding: 'buffer', maxBuffer: 1 << 28 });
      return stdout;
    },
    async text(program, ...argv) {
      return (await this.x(program, ...argv)).toString('utf8');
    },
    // Makes a text the content of a selection, as a program that copies does.
    async copy(selection, text) {
      const xclip = spawn('xclip', ['-selection', selection], {
        env,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      xclip.stdin.end(text);
      await once(xclip, 'exit');
    },
    async stop() {
      const code = await porthole.stop();
      await rm(dir, { recursive: true, force: true });
      return code;
    },
  };
}

export async function writePassword(dir, text) {
  const path = join(dir, 'password');
  await writeFile(path, `${text}\n`, { mode: 0o600 });
  return path;
}
