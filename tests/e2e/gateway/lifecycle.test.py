#!/usr/bin/python3
"""How a gateway ends, and what it starts with: signals, a lost store process, a database of
an existing gateway, one of a newer Porthole. And what doctor says of it."""
import http.server
import os
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *

BOUND_S = 10  # what takes 2 s at most, on a machine that is busy


def timed_stop(gateway, number=signal.SIGTERM):
    start = time.monotonic()
    gateway.stop(number)
    took = time.monotonic() - start
    expect(took < BOUND_S, 'it took %.1f s' % took)


def watched(stack, *options):
    """A gateway with a shared screen and who looks at it: (gateway, shell, socket, share)."""
    gateway, shell = with_admin(stack, *options)
    made = shell.run('run', 'create', '--agent-id', 'lab-7', '--json').json
    share = sharing(stack, shell, machine(shell))
    joined(shell, made['id'])
    ws = WebSocket(gateway.port, '/ws/vnc/' + made['id'], upgrade_fields(
        'binary, porthole.ticket.' + shell.run('ticket', made['id'], '--json').json['ticket']),
        stack)
    TunnelViewer(ws).picture()
    return gateway, shell, ws, share


@case('SIGTERM: viewers and live pages are told, exit code 0')
def drain(stack):
    for number in (signal.SIGTERM, signal.SIGINT):
        gateway, _, ws, share = watched(stack)
        live = Ui(gateway).login('alice').live(stack)
        timed_stop(gateway, number)
        equal(ws.ended()[0], 1001, 'the viewer\'s close code')
        equal(live.ended()[0], 1001, 'the live page\'s close code')
        equal(share.code, None, 'the machine waits for the next one')
        expect(not os.path.exists(os.path.join(gateway.data, 'admin.sock')), 'a socket is left')


@case('connections that hang do not keep it')
def hanging(stack):
    gateway, _, ws, _ = watched(stack)
    wires = [Wire(connect(gateway.port)) for _ in range(40)]
    for i, wire in enumerate(wires):
        wire.send([b'', b'GET / HT', b'POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                   b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{'][i % 3])
    Http(gateway.port, stack).request('GET', '/api/health').expect(200)
    admin = connect(os.path.join(gateway.data, 'admin.sock'))
    admin.sendall(b'{"op": "user.li')
    timed_stop(gateway)
    ws.ended()
    for wire in wires:
        wire.close()


@case('a second SIGTERM does not wait')
def second(stack):
    gateway, _, ws, _ = watched(stack)
    gateway.signal(signal.SIGTERM)
    with contextlib.suppress(ProcessLookupError):
        gateway.signal(signal.SIGTERM)
    timed_stop(gateway)


def processes(gateway):
    return {pid: name_of(pid) for pid in descendants(gateway.pid)}


def owner_of(gateway, name):
    """The process below the gateway that has this file open."""
    for pid in descendants(gateway.pid):
        for fd in os.listdir('/proc/%d/fd' % pid):
            with contextlib.suppress(OSError):
                if os.readlink('/proc/%d/fd/%s' % (pid, fd)).endswith(name):
                    return pid
    raise Failed('no process has %s' % name)


@case('without its store process the gateway ends and says so; the next one goes on')
def store_lost(stack):
    gateway, shell, ws, _ = watched(stack)
    os.kill(owner_of(gateway, '/porthole.db'), signal.SIGKILL)
    equal(gateway.wait(), 1)
    expect('store process' in gateway.err and 'start again' in gateway.err, gateway.err)
    gateway.check()
    again = gateway.again(stack)
    equal(len(shell.run('run', 'list', '--json').json), 1)
    again.stop()


@case('without its supervisor the gateway ends and says so')
def supervisor_lost(stack):
    gateway, _ = with_admin(stack)
    store = owner_of(gateway, '/porthole.db')
    others = [pid for pid in children(gateway.pid) if pid != store]
    equal(len(others), 1, 'processes beside the store\'s')
    os.kill(others[0], signal.SIGKILL)
    equal(gateway.wait(), 1)
    expect('supervisor' in gateway.err, gateway.err)
    gateway.check()


@case('killed, it leaves nothing behind that stops the next one')
def killed(stack):
    gateway, shell = with_admin(stack)
    gateway.kill(stragglers=False)
    shell.admin('user', 'list')  # the socket that is left answers nobody
    again = gateway.again(stack)
    shell.run('run', 'list')
    again.stop()


@case('a database of a newer Porthole, of another program, and a damaged one are refused')
def databases(stack):
    gateway, shell = with_admin(stack)
    gateway.stop()
    name = os.path.join(gateway.data, 'porthole.db')
    with contextlib.closing(sqlite3.connect(name)) as db:
        db.execute('PRAGMA user_version = 99')
        db.commit()
    shell.admin('user', 'list', code=1).says('newer Porthole', '99')
    refused_start = Gateway(stack, data=gateway.data, ready=False)
    equal(refused_start.wait(), 1)
    expect('newer Porthole' in refused_start.err, refused_start.err)
    with contextlib.closing(sqlite3.connect(name)) as db:
        equal(db.execute('SELECT count(*) FROM users').fetchone(), (1,), 'it was left alone')
    os.unlink(name)
    old_database(name)
    os.chmod(name, 0o600)
    shell.admin('user', 'list', code=1).says('porthole gateway import')
    with open(name, 'wb') as out:
        out.write(b'SQLite format 3\0' + 8000 * b'x')
    shell.admin('user', 'list', code=1).says('damaged')


OLD_SCHEMA = '''
CREATE TABLE runs (id TEXT PRIMARY KEY, client_id TEXT, status TEXT, label TEXT, command TEXT,
  repo_path TEXT, repo_name TEXT, waiting_approval INTEGER, created_at INTEGER, started_at,
  finished_at, exit_code INTEGER, error_message TEXT, capability_token TEXT, metadata TEXT,
  tags TEXT, worker_type TEXT, claimed_by TEXT, claimed_at INTEGER);
CREATE TABLE commands (id TEXT PRIMARY KEY, run_id TEXT, command TEXT, arguments TEXT, status TEXT,
  created_at, acked_at, result TEXT, error TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, run_id TEXT, type TEXT, data TEXT, step_id TEXT,
  timestamp, sequence INTEGER);
CREATE TABLE clients (id TEXT PRIMARY KEY, display_name TEXT, agent_id TEXT UNIQUE,
  token_hash TEXT, last_seen_at INTEGER, version TEXT, capabilities TEXT, status TEXT,
  operator_enabled INTEGER, metadata TEXT, created_at);
CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT, password_hash TEXT, totp_secret TEXT,
  role TEXT);
CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT, expires_at INTEGER);
CREATE TABLE nonces (nonce TEXT PRIMARY KEY, created_at INTEGER);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY, user_id TEXT, action TEXT, target_type TEXT,
  target_id TEXT, details TEXT, ip_address TEXT, created_at);
'''
TOKEN, CLIENT_TOKEN = 'ab' * 32, 'cd' * 32
# libsodium's own of PASSWORD are made below by a gateway: this one is nobody's.
OLD_HASH = '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$' + 43 * 'A'
AT = 1700000000


def old_database(name, password_hash=OLD_HASH):
    """What an existing gateway leaves behind: times as numbers and as texts."""
    with contextlib.closing(sqlite3.connect(name)) as db:
        db.executescript('PRAGMA journal_mode = WAL;' + OLD_SCHEMA)
        db.execute('INSERT INTO users VALUES (?, ?, ?, NULL, ?)',
                   ('u1', 'oldadmin', password_hash, 'admin'))
        db.execute('INSERT INTO users VALUES (?, ?, ?, NULL, ?)', ('u2', 'olduser', None, 'king'))
        db.execute('INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', (
            '-lient_00001', 'Old host', 'old-agent',
            hashlib.sha256(CLIENT_TOKEN.encode()).hexdigest(), AT, '1.0', '["vnc"]', 'online', 1,
            None, '2023-11-14 22:13:20'))
        for i, (created, started) in enumerate(((AT, AT + 1),
                                                ('2023-11-14 22:13:20', '2023-11-14T22:13:21Z'))):
            db.execute('INSERT INTO runs VALUES (%s)' % ','.join(19 * '?'), (
                'l_fbQxUaawc%d' % i, '-lient_00001', 'running', 'old run %d' % i, 'vnc', '/r', 'r',
                0, created, started, None, None, None, TOKEN, '{"a": 1}', '["t"]', 'vnc', None,
                None))
            for k in range(3):
                db.execute('INSERT INTO events (run_id, type, data, timestamp, sequence) VALUES '
                           '(?, ?, ?, ?, ?)', ('l_fbQxUaawc%d' % i, 'info', 'event %d' % k,
                                               [AT + k, '2023-11-14 22:13:2%d' % k][i], k))
        db.execute('INSERT INTO commands VALUES (?, ?, ?, NULL, ?, ?, NULL, NULL, NULL)', (
            'c1', 'l_fbQxUaawc0', '__START_VNC_STREAM__', 'pending', '2023-11-14 22:13:25'))
        db.execute('INSERT INTO audit_log (user_id, action, target_type, target_id, details, '
                   'ip_address, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)', (
                       'u1', 'login', 'user', 'u1', '{}', '10.0.0.1', '2023-11-14 22:13:20'))
        db.commit()


def imported(shell, name):
    said = shell.admin('gateway', 'import', name, '--json').json
    return {kind: said[kind] for kind in ('users', 'clients', 'runs', 'events', 'audit')}


@case('a database of an existing gateway is taken over, and again without effect')
def take_over(stack):
    for running in (False, True):
        gateway = Gateway(stack) if running else None
        shell = Shell(gateway, data=None if running else path('data'))
        name = path('old.db')
        old_database(name)
        before = hashlib.sha256(open(name, 'rb').read()).hexdigest()
        equal(imported(shell, name),
              {'users': 2, 'clients': 1, 'runs': 2, 'events': 6, 'audit': 1})
        equal(imported(shell, name),
              {'users': 0, 'clients': 0, 'runs': 0, 'events': 0, 'audit': 0})
        equal(hashlib.sha256(open(name, 'rb').read()).hexdigest(), before, 'the file is left alone')
        shell.admin('gateway', 'import', path('none'), code=3).says('No such file')
        shell.admin('gateway', 'import', file('junk', 'not a database' * 100), code=1)
        shell.admin('gateway', 'import', code=2)
        roles = {u['username']: u['role'] for u in
                 shell.admin('user', 'list', '--json').json['users']}
        equal(roles, {'oldadmin': 'admin', 'olduser': 'viewer'})
        gateway = gateway or Gateway(stack, data=shell.data)
        equal(Ui(gateway).get('/api/auth/status').json['setupRequired'], False)
        shell.gateway = gateway
        shell.admin('user', 'password', 'oldadmin', '--password-file',
                    file('password', PASSWORD + '\n'))
        shell.login('oldadmin')
        for i in range(2):
            shown = shell.run('run', 'show', 'l_fbQxUaawc%d' % i, '--json').json
            equal((shown['created_at'], shown['started_at'], shown['status'], shown['tags']),
                  (AT, AT + 1, 'running', ['t']), 'run %d' % i)
            events = shell.run('run', 'events', 'l_fbQxUaawc%d' % i, '--json').out.splitlines()
            equal([(e['data'], e['timestamp']) for e in map(json.loads, events)],
                  [('event %d' % k, AT + k) for k in range(3)])
        # The runner that has the run goes on with its token.
        signer = Signer(gateway, 'l_fbQxUaawc0', TOKEN)
        equal([c['command'] for c in signer.get('/api/runs/l_fbQxUaawc0/commands').expect(200)
               .json], ['__START_VNC_STREAM__'])
        Signer(gateway, client_token=CLIENT_TOKEN).post(
            '/api/clients/heartbeat', {'agentId': 'old-agent'}).expect(200)
        shell.admin('client', 'delete', 'old-agent')
        gateway.stop()


class Health(http.server.BaseHTTPRequestHandler):
    """A gateway whose clock is off by `skew` seconds."""
    skew, status = 0, 200

    def do_GET(self):
        self.send_response(self.status)
        self.send_header('Content-Type', 'application/json')
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.skew)

    def log_message(self, *_):
        pass


def fake(stack, **what):
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), type('Fake', (Health,), what))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return 'http://127.0.0.1:%d' % server.server_port


def doctor(url, env=None):
    """{name: check} of what doctor says about a gateway."""
    shell = Shell()
    argv = ['doctor', '--json'] + (['--gateway-url', url] if url else [])
    done = sp.run([PORTHOLE, *argv], stdout=sp.PIPE, stderr=sp.PIPE, check=False,
                  env={**shell.env, **(env or {})}, timeout=PATIENCE_S)
    expect(b'Sanitizer' not in done.stderr, done.stderr.decode())
    return done.returncode, {c['name']: c for c in json.loads(done.stdout)['checks']}


@case('doctor: a gateway that is there, one that is not, a clock that is off, a short secret')
def checked(stack):
    gateway = Gateway(stack)
    code, said = doctor(gateway.url)
    equal((said['gateway']['state'], said['clock']['state']), ('ok', 'ok'))
    usual = doctor('')[0]
    equal(code, usual, 'exit code')
    equal(doctor('', {'GATEWAY_URL': gateway.url})[1]['gateway']['state'], 'ok')
    gateway.stop()
    code, said = doctor(gateway.url)
    equal((said['gateway']['state'], code), ('missing', 1))
    expect('clock' not in said and said['gateway']['advice'], said)
    for skew, state in ((400, 'missing'), (-400, 'missing'), (120, 'warning'), (-120, 'warning'),
                        (0, 'ok')):
        code, said = doctor(fake(stack, skew=skew))
        equal(said['clock']['state'], state, 'a clock %d s off' % skew)
        expect(state == 'ok' or ('ahead' if skew < 0 else 'behind') in said['clock']['detail'],
               said['clock'])
        equal(code, 1 if state == 'missing' else usual, 'exit code, %d s off' % skew)
    equal(doctor(fake(stack, status=404))[1]['gateway']['state'], 'missing')
    equal(doctor('nonsense')[1]['gateway']['state'], 'missing')
    short = 'short-secret'
    code, said = doctor('', {'HMAC_SECRET': short})
    equal((said['secret']['state'], code), ('missing', 1))
    expect(short not in json.dumps(said), 'it is shown')
    equal(doctor('', {'HMAC_SECRET': SECRET})[1]['secret']['state'], 'ok')


main()
