# run_tests: parallel timeout=300
"""Hostile peers at the gateway, rights: what other sites, guessers, and holders of the wrong
ticket, signature or file get."""
import stat

from runner import *


def ready(stack, *options):
    gateway = Gateway(stack, *options)
    return gateway, gateway.setup()


# --- Cross-site, rebinding, CSRF

def foreign(gateway):
    return ('http://evil.example', 'null', 'https://127.0.0.1:%d' % gateway.port,
            'http://127.0.0.1:%d' % (gateway.port + 1), gateway.url + '.evil.example',
            'http://localhost.evil.example', 'file://')


def not_upgraded(connecting, status, *details):
    try:
        connecting().close()
    except NotUpgraded as no:
        equal(no.answer.status, status, details)
        return
    raise Failed('upgraded: %s' % (details,))


@case('Cross-site WebSocket hijacking: a foreign Origin gets 403 before 101')
def hijacking(stack):
    gateway, ui = ready(stack)
    run = ui.run()['id']
    for target in ('/ws', '/ws/vnc/' + run):
        for origin in foreign(gateway):
            not_upgraded(lambda: ui.socket(stack, target, origin=origin), 403, target, origin)
        bare = [f for f in upgrade_fields('binary') if f[0] != 'Origin']
        not_upgraded(lambda: WebSocket(gateway.port, target, [
            *bare, ('Cookie', 'session=' + ui.cookie)]), 403, target, 'no Origin, but a cookie')
        ui.socket(stack, target, 'binary' if run in target else None)
    ticket = ui.ticket(run)
    not_upgraded(lambda: ui.socket(stack, '/ws/vnc/' + run, 'binary, porthole.ticket.' + ticket,
                                   'http://evil.example', cookie=False), 403, 'with a ticket')
    answer = gateway.ask('GET', '/api/runs', [('Origin', 'http://evil.example'),
                                              ('Cookie', 'session=' + ui.cookie)])
    equal((answer.status, answer.field('Access-Control-Allow-Origin')), (403, None), 'REST')
    gateway.stop()
    expect('refused /api/runs for origin http://evil.example: 403' in gateway.err, gateway.err)


@case('DNS rebinding: a foreign Host gets 421')
def rebinding(stack):
    gateway, ui = ready(stack)
    p = gateway.port
    for host in ('evil.example', 'evil.example:%d' % p, '127.0.0.1:%d' % (p + 1), '0.0.0.0:%d' % p,
                 '127.0.0.1.evil.example', '127.0.0.2:%d' % p):
        for target in ('/', '/api/health', '/api/auth/status', '/metrics', '/nothing'):
            equal(gateway.ask('GET', target, [('Host', host)]).status, 421, (host, target))
        fields = [('Host', host), ('Cookie', 'session=' + ui.cookie)]
        for target in ('/ws', '/ws/vnc/x', '/ws/agent/x'):
            not_upgraded(lambda: WebSocket(p, target, fields + upgrade_fields()), 421, host, target)
    for host in ('localhost:%d' % p, '127.0.0.1:%d' % p, '[::1]:%d' % p):
        gateway.ask('GET', '/api/health', [('Host', host)]).expect(200)
    gateway.stop()
    expect('refused /api/health for host evil.example: 421' in gateway.err, gateway.err)


@case('CSRF: a cookie alone changes nothing from elsewhere, nor does GET')
def csrf(stack):
    gateway, ui = ready(stack)
    run = ui.run()['id']
    cookie = ('Cookie', 'session=' + ui.cookie)
    body = b'{"workerType":"vnc"}'
    for origin in foreign(gateway):
        for kind in ('application/json', 'text/plain', 'application/x-www-form-urlencoded'):
            fields = [cookie, ('Origin', origin), ('Content-Type', kind)]
            for method, target in (('POST', '/api/runs'), ('DELETE', '/api/runs/' + run),
                                   ('POST', '/api/runs/%s/stop' % run),
                                   ('DELETE', '/api/runs/%s/vnc' % run),
                                   ('POST', '/api/auth/logout')):
                gateway.ask(method, target, fields, body).expect(403, text=(origin, kind, target))
    for target in ('/api/runs/%s/stop' % run, '/api/runs/%s/vnc/start' % run, '/api/auth/logout',
                   '/api/auth/setup', '/api/clients/create'):
        expect(ui.get(target).status in (404, 405), 'GET', target)
    whole = ui.get('/api/runs/' + run).expect(200).json
    equal((whole['commands'], ui.get('/api/runs').json['total']), ([], 1), 'what has changed')
    gateway.stop()


@case('XSS and clickjacking: the fields of every answer, and what is not HTML')
def xss(stack):
    gateway, ui = ready(stack)
    nasty = '<img src=x onerror=alert(1)>"\'</script>'
    run = ui.run(label=nasty, metadata={'name': nasty})['id']
    for target in ('/', '/api/runs/' + run, '/api/health', '/nothing-here', '/api/nothing-here',
                   '/api/runs/%3Cscript%3E'):
        answer = ui.get(target)
        policy = answer.field('Content-Security-Policy') or ''
        expect("default-src 'self'" in policy or "default-src 'none'" in policy, target, policy)
        expect("frame-ancestors 'none'" in policy and 'unsafe' not in policy, target, policy)
        equal((answer.field('X-Content-Type-Options'), answer.field('Referrer-Policy')),
              ('nosniff', 'no-referrer'), target)
        if target.startswith('/api/'):
            expect(answer.field('Content-Type').startswith('application/json'), target)
            expect(b'<script>' not in answer.body, answer)
    equal(ui.get('/api/runs/' + run).json['label'], nasty, 'kept as it came')
    gateway.stop()


# --- Brute force, timing

def attempt(gateway, username, password, source='127.0.0.1', extra=()):
    http = Http(gateway.port, source=source)
    body = json.dumps({'username': username, 'password': password}).encode()
    with contextlib.closing(http):
        return http.request('POST', '/api/auth/login', [
            ('Content-Type', 'application/json'), *extra], body)


@case('Brute force: after 5 failures one waits, who comes from elsewhere does not')
def brute_force(stack):
    gateway, ui = ready(stack)
    got = [attempt(gateway, 'admin', 'guess number %d' % i, extra=[
        ('X-Forwarded-For', '10.0.0.%d' % i), ('X-Real-IP', '10.0.0.%d' % i)]) for i in range(12)]
    equal([a.status for a in got[:5]], [401] * 5, 'the first five')
    equal({a.status for a in got[6:]}, {429}, 'behind them')
    expect(int(got[-1].field('Retry-After')) >= 1, 'Retry-After')
    got[-1].expect(429)
    equal(attempt(gateway, 'admin', PASSWORD).status, 429, 'the right one from there')
    equal(attempt(gateway, 'admin', 'one more guess', '127.0.0.4').status, 401, 'one try')
    equal(attempt(gateway, 'admin', PASSWORD, '127.0.0.4').status, 429, 'and then bound')
    for _ in range(2):
        equal(attempt(gateway, 'admin', PASSWORD, '127.0.0.2').status, 200, 'from elsewhere')
    ui.get('/api/auth/me').expect(200)
    equal(attempt(gateway, 'other', 'x', '127.0.0.3').status, 401, 'somebody else')
    gateway.stop()


@case('Timing: an unknown run and a wrong token look alike')
def alike(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    seen = []
    for run_id, token in ((run['id'], '0' * 64), ('l_fbQxUaawc5', '0' * 64),
                          ('l_fbQxUaawc5', run['capabilityToken'])):
        signer = Signer(gateway, run_id, token)
        answer = signer.get('/api/runs/%s/commands' % run_id)
        seen.append((answer.status, answer.body, [n for n, _ in answer.fields]))
    expect(all(s == seen[0] for s in seen), seen)
    seen = []
    for name in ('admin', 'nobody-here'):
        answer = attempt(gateway, name, 'wrong password')
        seen.append((answer.status, answer.body, [n for n, _ in answer.fields]))
    equal(seen[0], seen[1], 'login')
    gateway.stop()


# --- Roles and tickets

def knock(gateway, target, protocols, **options):
    """True when a WebSocket without a cookie stands."""
    try:
        ws = WebSocket(gateway.port, target, upgrade_fields(protocols), **options)
    except NotUpgraded as no:
        expect(no.answer.status in (400, 401, 403, 404, 429), protocols, no.answer)
        return False
    with contextlib.closing(ws):
        ws.frame(b'?', PING)
        try:
            return ws.next_frame()[0] != CLOSE
        except Gone:
            return False


@case('Role confusion: a ticket is for one run, one time, its rights, half a minute')
def tickets(stack):
    gateway, ui = ready(stack)
    run, other = ui.run(), ui.run()
    mine, theirs = '/ws/vnc/' + run['id'], '/ws/vnc/' + other['id']

    def offer(value):
        return 'binary, porthole.ticket.' + value

    looks = ui.user('looks', 'viewer')
    looks.post('/api/runs/%s/vnc/tickets' % run['id'], {'rights': 'control'}).expect(
        403, 'Insufficient permissions')
    looks.ticket(run['id'], 'view')
    ticket = ui.ticket(run['id'])
    expect(not knock(gateway, theirs, offer(ticket)), 'at another run')
    for target in ('/ws', '/ws/agent/' + run['id'], '/ws/agent/' + run['id'] + '/x'):
        expect(not knock(gateway, target, offer(ui.ticket(run['id']))), 'at', target)
    ticket = ui.ticket(run['id'])
    expect(knock(gateway, mine, offer(ticket)), 'a good ticket is refused')
    expect(not knock(gateway, mine, offer(ticket)), 'twice')
    ticket = ui.ticket(run['id'])
    expect(knock(gateway, mine + '?ticket=' + quote(ticket), 'binary'), 'in the query')
    expect(not knock(gateway, mine, offer(ticket)), 'then as a protocol')
    both = together(*[lambda: knock(gateway, mine, offer(once_only))
                      for once_only in [ui.ticket(run['id'])] for _ in range(8)])
    equal(sum(both), 1, 'eight at once with one ticket')
    ticket = ui.ticket(run['id'], ttl=1)
    time.sleep(2.5)
    expect(not knock(gateway, mine, offer(ticket)), 'too late')
    for value in ('', 'x', '0' * 64, run['capabilityToken'], ui.cookie, ticket[:-1]):
        expect(not knock(gateway, mine, offer(value)), 'with', value[:8])
    expect(not knock(gateway, mine, 'binary'), 'with nothing')
    for wrong in ({'rights': 'all'}, {}, {'rights': 'view', 'ttl': 31},
                  {'rights': 'view', 'ttl': 0}, {'rights': 'view', 'ttl': 'x'},
                  {'rights': ['view']}):
        ui.post('/api/runs/%s/vnc/tickets' % run['id'], wrong).expect(400, text=str(wrong))
    ui.post('/api/runs/nothing-here/vnc/tickets', {'rights': 'view'}).expect(404, 'Run not found')
    gateway.stop()
    expect('http: refused' not in gateway.err, 'a role is no foreign host:', gateway.err)


@case('Role confusion: who may only look presses no key of an existing runner')
def looking(stack):
    gateway, ui = ready(stack, '--legacy-runner')
    run = ui.run()
    runner = Runner(gateway, run)
    ui.post('/api/runs/%s/vnc/start' % run['id']).expect(200)
    _, desktop = runner.stream(stack)
    offer = 'binary, porthole.ticket.' + ui.ticket(run['id'], 'view')
    try:
        ws = WebSocket(gateway.port, '/ws/vnc/' + run['id'], upgrade_fields(offer), stack)
        desktop.frame(b'RFB 003.008\n')
        equal(ws.binary(12), b'RFB 003.008\n', 'version')
        ws.frame(b'RFB 003.008\n')
        equal(desktop.message(), b'RFB 003.008\n', 'version')
        key = struct.pack('>BBxxI', 4, 1, 0x61)
        ws.frame(key)
        request = struct.pack('>BBHHHH', 3, 0, 0, 0, W, H)
        ws.frame(request)
        equal(desktop.message(), request, 'what came')
    except (NotUpgraded, Gone):
        pass  # refused: nothing comes either
    gateway.stop()


@case('Role confusion: signed requests are no sessions, and sessions no signatures')
def crossed(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    client = ui.client('agent-1')
    signer = Signer(gateway, run['id'], run['capabilityToken'], client['token'])
    for method, target in (('GET', '/api/runs'), ('POST', '/api/runs'), ('GET', '/api/vnc/stats'),
                           ('POST', '/api/runs/%s/vnc/start' % run['id']),
                           ('DELETE', '/api/runs/' + run['id']), ('GET', '/api/users'),
                           ('POST', '/api/runs/%s/vnc/tickets' % run['id'])):
        answer = signer.ask(method, target, {'rights': 'view'} if method == 'POST' else None)
        equal(answer.status, 401, (method, target))
    for target in ('/api/ingest/event', '/api/runs/claim', '/api/clients/register',
                   '/api/clients/heartbeat'):
        ui.post(target, {'agentId': 'agent-1', 'type': 'info', 'data': 'x', 'displayName': 'x'}
                ).expect(401, 'Missing authentication headers')
    ui.get('/api/runs/%s/commands' % run['id']).expect(401, 'Missing authentication headers')
    gateway.ask('GET', '/api/runs', [('Authorization', 'Bearer ' + client['token'])]).expect(401)
    gateway.stop()


# --- Tokens, logs, files

@case('Token leakage and log injection: every log is searched')
def logs(stack):
    gateway, ui = ready(stack, '--legacy-runner')
    code = gateway.setup_code
    client = ui.client('agent-1', 'A\r\nFAKE LINE one\x1b[31m')
    runner, command, desktop, viewer = joined(stack, gateway, ui)
    runner.client_token = client['token']
    runner.register()
    runner.heartbeat().expect(200)
    runner.event('stdout', 'my password=hunter22secret').expect(200)
    ticket = ui.ticket(runner.run)
    knock(gateway, '/ws/vnc/%s?ticket=%s' % (runner.run, ticket), 'binary')
    other = ui.ticket(runner.run)
    knock(gateway, '/ws/vnc/wrong', 'binary, porthole.ticket.' + other)
    viewer.frame(b'typed-by-a-person')
    desktop.frame(b'seen-on-the-screen')
    viewer.binary(18), desktop.message()
    attempt(gateway, 'admin', 'not-the-password')
    attempt(gateway, 'evil\r\nFAKE LINE two\x1b]0;x\x07\0' + 'x' * 240, 'whatever else')
    gateway.ask('GET', '/api/health?token=query-secret', [('User-Agent', 'a\x1b[2J' + 'b' * 5000)])
    gateway.ask('GET', '/api/runs/x%0d%0aFAKE%20LINE%20three%1b', [('User-Agent', 'c' * 5000)])
    knock(gateway, '/ws/vnc/x%0d%0aFAKE%20LINE%20four', 'binary')
    ui.run(label='l\nFAKE LINE five')
    Signer(gateway, runner.run, '0' * 64, secret='wrong secret ' * 3).event('info', 'x')
    for process in [gateway.pid, *descendants(gateway.pid)]:
        with open('/proc/%d/cmdline' % process, 'rb') as text:
            argv = text.read()
            for secret in (SECRET, code, client['token']):
                expect(secret.encode() not in argv, 'in the process list')
    metrics = ui.get('/metrics')
    stats = ui.get('/api/vnc/stats').body + metrics.body
    gateway.stop()

    secrets_ = {'HMAC_SECRET': SECRET, 'password': PASSWORD, 'session': ui.cookie,
                'client token': client['token'], 'capability token': runner.token,
                'ticket in the query': ticket, 'ticket': other, 'typed': 'typed-by-a-person',
                'seen': 'seen-on-the-screen', 'a wrong password': 'not-the-password',
                'event data': 'hunter22secret', 'a query': 'query-secret', 'set-up code': code}
    for name, secret in secrets_.items():
        expect(secret not in gateway.err, name, 'is in the log')
        expect(secret.encode() not in stats, name, 'is in the statistics')
    for folder, _, files in os.walk(gateway.data):
        for file_ in files:
            with open(os.path.join(folder, file_), 'rb') as data:
                data = data.read()
            for name in ('password', 'session', 'client token', 'ticket', 'ticket in the query',
                         'a wrong password', 'event data', 'set-up code'):
                expect(secrets_[name].encode() not in data, name, 'is in', file_)

    lines = gateway.err.split('\n')
    expect(not any(line.lstrip().startswith('FAKE LINE') for line in lines), 'forged lines')
    for line in lines:
        expect(not re.search('[\x00-\x08\x0b-\x1f\x7f]', line), 'control bytes', repr(line)[:200])
        expect(len(line) < 2048, 'a line of %d bytes' % len(line))


@case('Files: 0600 in a folder of 0700, and not in one that is open to others')
def files(stack):
    umask = os.umask(0)
    stack.callback(os.umask, umask)
    gateway, ui = ready(stack)
    ui.run()
    equal(stat.S_IMODE(os.stat(gateway.data).st_mode), 0o700, 'folder')
    for name in os.listdir(gateway.data):
        equal(stat.S_IMODE(os.stat(os.path.join(gateway.data, name)).st_mode), 0o600, name)
    other = Gateway(stack, data=gateway.data, ready=False)
    expect(other.wait() != 0, 'two gateways on one folder')
    gateway.ask('GET', '/api/health').expect(200)
    gateway.stop()
    os.chmod(gateway.data, 0o777)
    other = Gateway(stack, data=gateway.data, ready=False)
    expect(other.wait() != 0 and gateway.data in other.err, 'a folder of all:', other.err)


main()
