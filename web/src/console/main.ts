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

function show(text: string, kind: 'problem' | 'note' = 'problem'): void {
  const message = byId('message', HTMLElement);
  message.textContent = text;
  message.dataset['kind'] = kind;
  message.hidden = text === '';
}

function explain(error: unknown): void {
  if (error instanceof CallError && error.status === 401) location.reload();
  show(error instanceof Error ? error.message : String(error));
}

/* Runs a user's wish; what comes of it shows in the list, or in what it returns. */
function act(wish: () => Promise<string | void>): void {
  wish().then((note) => {
    show(note ?? '', 'note');
    refresh();
  }, explain);
}

/* `label`: what the column is called, for where rows stand below each other. */
function cell(label: string, text: string, state?: string): HTMLTableCellElement {
  const td = document.createElement('td');
  td.textContent = text;
  td.dataset['label'] = label;
  if (state !== undefined) td.dataset['state'] = state;
  return td;
}

function action(label: string, wish: () => Promise<string | void>): HTMLButtonElement {
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

function isJoined(vnc: Record<string, unknown>): boolean {
  return vnc['agent'] != null || vnc['clientConnected'] === true;
}

function screenState(vnc: Record<string, unknown>): string {
  if (!isJoined(vnc)) return 'not joined';
  return asObject(vnc['agent'])['authenticated'] === false ? 'existing runner, not authenticated' : 'joined';
}

function runRow(run: Record<string, unknown>, vnc: Record<string, unknown>, mayControl: boolean): HTMLElement {
  const row = document.createElement('tr');
  const id = asText(run['id']);
  const status = asText(run['status']);
  const screen = asText(run['worker_type']) === 'vnc' ? screenState(vnc) : asText(run['worker_type']);
  const actions = cell('', '');
  actions.className = 'actions';
  row.dataset['run'] = id;
  row.append(
    cell('', asText(run['label']) || id),
    cell('State', status, status),
    cell('Screen', screen, screen),
    cell('Viewers', String(asList(vnc['viewers']).length)),
  );
  if (asText(run['worker_type']) === 'vnc') actions.append(viewLink(id));
  if (mayControl) actions.append(...controls(id, status, vnc));
  row.append(actions);
  return row;
}

function controls(id: string, status: string, vnc: Record<string, unknown>): HTMLElement[] {
  const buttons = [action('Delete', () => remove(id))];
  if (status === 'running' || isJoined(vnc)) {
    buttons.unshift(action('Stop', async () => void (await call('POST', `/api/runs/${id}/stop`))));
  } else {
    buttons.unshift(action('Start', () => startScreen(id)));
  }
  return buttons;
}

async function startScreen(id: string): Promise<string> {
  await call('POST', `/api/runs/${id}/vnc/start`);
  return 'A machine that has this run is told to show its screen as soon as it asks.';
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
  const answer = await call('GET', `/api/runs?${query.toString()}`);
  const runs = asList(answer['runs']);
  const states = await Promise.all(runs.map(statusOf));
  const rows = runs.map((run, i) => runRow(run, states[i] ?? {}, mayControl()));
  sayHowMany(rows.length, Number(answer['total']));
  keepFocus(() => list.replaceChildren(...rows));
}

function sayHowMany(shown: number, total: number): void {
  const none = byId('none', HTMLElement);
  none.hidden = shown > 0 && shown >= total;
  if (shown > 0) none.textContent = `The newest ${shown} of ${total}. Search for others.`;
  else if (search.value !== '') none.textContent = 'No run has this in its name, id or command.';
  else none.textContent = 'No runs yet. Add a machine below, then create a run for it here.';
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
  byId('no-machines', HTMLElement).hidden = clients.length > 0;
  offerMachines(clients.map((client) => asText(client['agent_id'])));
  machines.replaceChildren(
    ...clients.map((client) => {
      const row = document.createElement('tr');
      const status = asText(client['status']);
      row.append(
        cell('', asText(client['display_name']) || asText(client['agent_id'])),
        cell('State', status, status),
        cell('Version', asText(client['version']) || '-'),
      );
      return row;
    }),
  );
}

/* What a new run can be for. Drawn anew only when it is another list: somebody may
 * just be choosing. */
function offerMachines(names: string[]): void {
  const select = byId('for-machine', HTMLSelectElement);
  const offered = Array.from(select.options, (option) => option.value);
  if (offered.join('\n') === ['', ...names].join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(new Option('Any machine', ''), ...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

let pending = 0;

/* Many changes that come together are one reason to look. */
function refresh(): void {
  clearTimeout(pending);
  pending = window.setTimeout(() => {
    Promise.all([loadRuns(), loadMachines()]).catch(explain);
  }, SETTLE_MS);
}

/* A text as one word of a command line. */
function shellWord(text: string): string {
  return /^[\w.@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function joinCommand(agent: string): string {
  return (
    `porthole share --gateway-url ${location.origin} --agent-id ${agent} ` +
    '--client-token-file FILE'
  );
}

/* The note that stays below a list until the next. */
function leave(id: string, ...lines: string[]): void {
  const note = byId(id, HTMLElement);
  note.hidden = false;
  note.textContent = lines.join('\n\n');
}

async function createRun(): Promise<void> {
  const label = byId('label', HTMLInputElement);
  const agentId = byId('for-machine', HTMLSelectElement).value;
  const body: Record<string, unknown> = { workerType: 'vnc' };
  if (label.value !== '') body['label'] = label.value;
  if (agentId !== '') body['agentId'] = agentId;
  const run = await call('POST', '/api/runs', body);
  label.value = '';
  leave(
    'join',
    `Run ${asText(run['id'])} waits for ${agentId || 'a machine'}, which takes it when it shares a screen:`,
    joinCommand(agentId === '' ? 'NAME' : shellWord(agentId)),
    `An existing runner takes it with this capability token, which is shown only now: ${asText(run['capabilityToken'])}`,
  );
}

async function addMachine(): Promise<void> {
  const name = byId('agent-id', HTMLInputElement);
  const body = { agentId: name.value, displayName: name.value };
  const client = await call('POST', '/api/clients/create', body);
  leave(
    'machine-join',
    `Put this token into a file of mode 0600 on ${name.value}. It is shown only now:`,
    asText(client['token']),
    joinCommand(shellWord(name.value)),
  );
  name.value = '';
}

function onSubmit(id: string, wish: () => Promise<void>): void {
  byId(id, HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    act(wish);
  });
}

function bind(): void {
  onSubmit('create', createRun);
  onSubmit('machine', addMachine);
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
