import './style.css';
import { asList, asObject, asText, call, CallError } from '../call.ts';
import { byId } from '../dom.ts';
import { enter, type User } from './enter.ts';
import { onLive } from './live.ts';

const REFRESH_MS = 5_000;
const SETTLE_MS = 150;

const list = byId('list', HTMLElement);
const machines = byId('machines', HTMLElement);
const search = byId('search', HTMLInputElement);

function show(problem: string): void {
  const message = byId('message', HTMLElement);
  message.textContent = problem;
  message.hidden = problem === '';
}

function explain(error: unknown): void {
  if (error instanceof CallError && error.status === 401) location.reload();
  show(error instanceof Error ? error.message : String(error));
}

/* Runs a user's wish; what comes of it shows in the list. */
function act(wish: () => Promise<unknown>): void {
  wish().then(() => {
    show('');
    refresh();
  }, explain);
}

function cell(text: string, state?: string): HTMLTableCellElement {
  const td = document.createElement('td');
  td.textContent = text;
  if (state !== undefined) td.dataset['state'] = state;
  return td;
}

function action(label: string, wish: () => Promise<unknown>): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = label;
  button.addEventListener('click', () => act(wish));
  return button;
}

function viewLink(id: string): HTMLAnchorElement {
  const link = document.createElement('a');
  link.className = 'button';
  link.href = `/runs/${id}`;
  link.textContent = 'View';
  return link;
}

function screenState(vnc: Record<string, unknown>): string {
  if (vnc['legacy'] === true || asObject(vnc['stats'])['legacy'] === true) {
    return 'existing runner, not authenticated';
  }
  return vnc['agent'] == null && vnc['clientConnected'] !== true ? 'not joined' : 'joined';
}

function runRow(run: Record<string, unknown>, vnc: Record<string, unknown>, mayControl: boolean): HTMLElement {
  const row = document.createElement('tr');
  const id = asText(run['id']);
  const status = asText(run['status']);
  const screen = asText(run['worker_type']) === 'vnc' ? screenState(vnc) : asText(run['worker_type']);
  const actions = cell('');
  actions.className = 'actions';
  row.dataset['run'] = id;
  row.append(
    cell(asText(run['label']) || id),
    cell(status, status),
    cell(screen, screen),
    cell(String(asList(vnc['viewers']).length)),
  );
  if (asText(run['worker_type']) === 'vnc') actions.append(viewLink(id));
  if (mayControl) {
    actions.append(action('Start', () => call('POST', `/api/runs/${id}/vnc/start`)));
    actions.append(action('Stop', () => call('POST', `/api/runs/${id}/stop`)));
    actions.append(action('Delete', () => remove(id)));
  }
  row.append(actions);
  return row;
}

async function remove(id: string): Promise<void> {
  if (confirm(`Delete run ${id} with its events? Its viewers are disconnected.`)) {
    await call('DELETE', `/api/runs/${id}`);
  }
}

let user: User = { username: '', role: 'viewer' };

function mayControl(): boolean {
  return user.role !== 'viewer';
}

async function statusOf(run: Record<string, unknown>): Promise<Record<string, unknown>> {
  if (asText(run['worker_type']) !== 'vnc') return {};
  return call('GET', `/api/runs/${asText(run['id'])}/vnc`).catch(() => ({}));
}

async function loadRuns(): Promise<void> {
  const query = new URLSearchParams({ limit: '100' });
  if (search.value !== '') query.set('search', search.value);
  const runs = asList((await call('GET', `/api/runs?${query.toString()}`))['runs']);
  const states = await Promise.all(runs.map(statusOf));
  const rows = runs.map((run, i) => runRow(run, states[i] ?? {}, mayControl()));
  byId('none', HTMLElement).hidden = rows.length > 0;
  keepFocus(() => list.replaceChildren(...rows));
}

/* A list that is drawn anew must not take the keyboard's place in it away. */
function keepFocus(draw: () => void): void {
  const at = document.activeElement;
  const run = at?.closest('tr')?.dataset['run'];
  const label = at?.textContent;
  draw();
  if (run === undefined) return;
  const row = list.querySelector(`tr[data-run="${CSS.escape(run)}"]`);
  for (const item of row?.querySelectorAll<HTMLElement>('a, button') ?? []) {
    if (item.textContent === label) item.focus();
  }
}

async function loadMachines(): Promise<void> {
  const clients = asList((await call('GET', '/api/clients'))['clients']);
  machines.replaceChildren(
    ...clients.map((client) => {
      const row = document.createElement('tr');
      const status = asText(client['status']);
      row.append(
        cell(asText(client['display_name']) || asText(client['agent_id'])),
        cell(status, status),
        cell(asText(client['version'])),
      );
      return row;
    }),
  );
}

let pending = 0;

/* Many changes that come together are one reason to look. */
function refresh(): void {
  clearTimeout(pending);
  pending = window.setTimeout(() => {
    Promise.all([loadRuns(), loadMachines()]).catch(explain);
  }, SETTLE_MS);
}

function bind(): void {
  byId('create', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const label = byId('label', HTMLInputElement);
    act(async () => {
      const body = label.value === '' ? { workerType: 'vnc' } : { workerType: 'vnc', label: label.value };
      const run = await call('POST', '/api/runs', body);
      label.value = '';
      const join = byId('join', HTMLElement);
      join.hidden = false;
      join.textContent =
        `Run ${asText(run['id'])} is waiting for a screen. On a machine of this gateway, with the ` +
        `capability token in a file:\n\n${asText(run['capabilityToken'])}\n\nporthole share ` +
        `--gateway-url ${location.origin} --run-id ${asText(run['id'])} --capability-token-file FILE ` +
        `--agent-id NAME --client-token-file FILE`;
    });
  });
  byId('machine', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const name = byId('agent-id', HTMLInputElement);
    act(async () => {
      const body = { agentId: name.value, displayName: name.value };
      const client = await call('POST', '/api/clients/create', body);
      const join = byId('machine-join', HTMLElement);
      join.hidden = false;
      join.textContent =
        `Put this token into a file of mode 0600 on ${name.value}; it is shown only now:\n\n` +
        `${asText(client['token'])}\n\nporthole share --gateway-url ${location.origin} ` +
        `--agent-id ${name.value} --client-token-file FILE`;
      name.value = '';
    });
  });
  byId('logout', HTMLElement).addEventListener('click', () => {
    call('POST', '/api/auth/logout').then(() => location.reload(), explain);
  });
  search.addEventListener('input', refresh);
}

async function start(): Promise<void> {
  user = await enter(show);
  byId('who', HTMLElement).textContent = `${user.username} (${user.role})`;
  byId('logout', HTMLElement).hidden = false;
  byId('runs', HTMLElement).hidden = false;
  byId('create', HTMLElement).hidden = byId('machine', HTMLElement).hidden = !mayControl();
  bind();
  onLive(refresh);
  setInterval(refresh, REFRESH_MS);
  refresh();
}

start().catch(explain);
