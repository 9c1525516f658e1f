// Runs a gateway as its administrator does, and machines that join it.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROGRAM, startJson, startPorthole } from './porthole.mjs';

const run = promisify(execFile);

export const PASSWORD = 'correct horse battery';

class Gateway {
  #running;
  #token = null;
  #files = 0;

  constructor(dir) {
    this.dir = dir;
    this.dataDir = join(dir, 'data');
  }

  async start(listen = '127.0.0.1:0') {
    const where = ['--data-dir', this.dataDir, '--listen', listen];
    this.#running = await startJson(['gateway', ...where]);
    this.url = this.#running.facts.url;
    this.setupUrl = this.#running.facts.setupUrl;
  }

  // As after a crash: at the same address, with the same data.
  async killAndStart() {
    await this.#running.kill();
    await this.start(new URL(this.url).host);
  }

  kill() {
    return this.#running.kill();
  }

  async stop() {
    const code = await this.#running.stop();
    await rm(this.dir, { recursive: true, force: true });
    return code;
  }

  // An administrative command; its answer.
  async cli(...argv) {
    const { stdout } = await run(PROGRAM, [...argv, '--data-dir', this.dataDir, '--json']);
    return JSON.parse(stdout);
  }

  async secretFile(text) {
    const path = join(this.dir, `secret-${this.#files++}`);
    await writeFile(path, `${text}\n`, { mode: 0o600 });
    return path;
  }

  async createUser(name, role, ...more) {
    const file = await this.secretFile(PASSWORD);
    return this.cli('user', 'create', name, '--role', role, '--password-file', file, ...more);
  }

  async loginLink(name) {
    return `${this.url}/#login=${(await this.cli('user', 'link', name)).code}`;
  }

  // A request of a program that is logged in as `admin`, a user to be created before.
  async api(method, path, body) {
    if (this.#token === null) {
      const { code } = await this.cli('user', 'link', 'admin');
      this.#token = (await this.#call('POST', '/api/auth/exchange', { code, bearer: true })).token;
    }
    return this.#call(method, path, body);
  }

  async #call(method, path, body) {
    const headers = { 'Content-Type': 'application/json' };
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    const response = await fetch(this.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.error}`);
    return answer;
  }

  // A new machine; the options with which it joins, and then takes what runs wait for it.
  async createMachine(agentId) {
    const { token } = await this.cli('client', 'create', agentId);
    const file = await this.secretFile(token);
    const where = ['--listen', '127.0.0.1:0', '--gateway-url', this.url];
    return [...where, '--agent-id', agentId, '--client-token-file', file];
  }

  // A run of a new machine; its id, and the options with which that joins for it.
  async createRun(label) {
    const agentId = `${label}-machine`;
    const joining = await this.createMachine(agentId);
    const created = await this.api('POST', '/api/runs', { workerType: 'vnc', label, agentId });
    const file = await this.secretFile(created.capabilityToken);
    joining.push('--run-id', created.id, '--capability-token-file', file);
    return { id: created.id, joining };
  }
}

export async function startGateway() {
  const gateway = new Gateway(await mkdtemp(join(tmpdir(), 'porthole-e2e-')));
  await gateway.start();
  return gateway;
}

export function sharePattern(joining, ...more) {
  return startPorthole(['share', '--screen', 'pattern', ...joining, ...more]);
}
