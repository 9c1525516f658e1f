# run_tests: parallel timeout=300
"""The existing web UI at `porthole gateway`: what it asks, and what it must be told."""
from runner import *


@case('set-up: once, with the code, and what status says before and after')
def setup(stack):
    gateway = Gateway(stack)
    ui = Ui(gateway)
    code = gateway.setup_code
    expect(len(code) >= 16, 'no code in', gateway.out)
    equal(ui.get('/api/auth/status').expect(200).json,
          {'setupRequired': True, 'cloudflareEnabled': False, 'localAuthEnabled': False}, 'before')
    first = {'username': 'admin', 'password': PASSWORD}
    for more in ({}, {'setupCode': 'x'}, {'setupCode': code + 'x'}, {'setupCode': code[:-1]}):
        ui.post('/api/auth/setup', {**first, **more}).expect(403)
    for name, password in (('ab', PASSWORD), ('x' * 255, PASSWORD), ('admin', 'x' * 11),
                           ('admin', 'x' * 201), (7, PASSWORD), ('admin', None)):
        ui.post('/api/auth/setup', {'username': name, 'password': password,
                                    'setupCode': code}).expect(400)
    equal(ui.get('/api/auth/status').json['setupRequired'], True, 'still before')
    done = ui.post('/api/auth/setup', {**first, 'setupCode': code}).expect(200).json
    equal((done['ok'], done['totpUri'], type(done['userId'])), (True, None, str), 'set-up')
    equal(ui.get('/api/auth/status').json,
          {'setupRequired': False, 'cloudflareEnabled': False, 'localAuthEnabled': True}, 'after')
    ui.post('/api/auth/setup', {**first, 'setupCode': code}).expect(400, 'Setup already completed')
    ui.login('admin')
    gateway.stop()
    # The next start asks nobody for set-up.
    gateway = gateway.again(stack)
    equal(Ui(gateway).get('/api/auth/status').json['setupRequired'], False, 'the next start')
    equal(gateway.setup_code, '', 'a code again')
    gateway.stop()


@case('set-up with the code in X-Setup-Code')
def setup_header(stack):
    gateway = Gateway(stack)
    body = json.dumps({'username': 'admin', 'password': PASSWORD}).encode()
    fields = [*Ui(gateway).fields(body), ('X-Setup-Code', gateway.setup_code)]
    gateway.ask('POST', '/api/auth/setup', fields, body).expect(200)
    gateway.stop()


@case('login, me, logout; the cookie; the texts of refusal')
def login(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    answer = ui.post('/api/auth/login', {'username': 'admin', 'password': PASSWORD}).expect(200)
    said = answer.json
    equal((said['ok'], sorted(said['user']), said['user']['username'], said['user']['role']),
          (True, ['id', 'role', 'username'], 'admin', 'admin'), 'login')
    expect(said['expiresAt'], 'expiresAt')
    parts = answer.field('Set-Cookie').split('; ')
    expect(re.fullmatch('session=[0-9a-f]{96}', parts[0]), 'cookie', parts[0][:12])
    equal(sorted(parts[1:]), ['HttpOnly', 'Max-Age=86400', 'Path=/', 'SameSite=Strict'],
          'attributes')

    me = ui.get('/api/auth/me').expect(200).json
    equal((me['user']['username'], me['user']['role'], sorted(me['user'])),
          ('admin', 'admin', ['id', 'role', 'source', 'username']), 'me')
    expect('deviceId' in me, 'deviceId')

    stranger = Ui(gateway)
    for path_ in ('/api/auth/me', '/api/runs', '/api/vnc/stats', '/api/runs/x', '/api/clients'):
        stranger.get(path_).expect(401, 'Authentication required', path_)
    for wrong in ('0' * 96, 'x', ui.cookie[:-1], ui.cookie + '0'):
        stranger.cookie = wrong
        stranger.get('/api/runs').expect(401, 'Invalid or expired session', wrong[:8])
    bearer = [('Authorization', 'Bearer ' + ui.cookie)]
    gateway.ask('GET', '/api/auth/me', bearer).expect(200)
    gateway.ask('GET', '/api/auth/me', [('Authorization', 'Bearer ' + '0' * 96)]).expect(
        401, 'Invalid or expired session')

    for name, password in (('admin', 'wrong'), ('nobody', PASSWORD), ('admin', PASSWORD + ' ')):
        Ui(gateway).post('/api/auth/login', {'username': name, 'password': password}).expect(
            401, 'Invalid credentials')
    for body in ({}, {'username': 'admin'}, {'username': 1, 'password': 2}, []):
        Ui(gateway).post('/api/auth/login', body).expect(400)

    equal(ui.post('/api/auth/logout').expect(200).json, {'ok': True}, 'logout')
    ui.get('/api/auth/me').expect(401, 'Invalid or expired session')
    gateway.stop()


def totp(secret, at=None):
    """RFC 6238: six digits of this half minute."""
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack('>Q', int(at or time.time()) // 30), 'sha1').digest()
    start = mac[-1] & 15
    return '%06d' % ((struct.unpack('>I', mac[start:start + 4])[0] & 0x7fffffff) % 10 ** 6)


@case('a second factor')
def second_factor(stack):
    gateway = Gateway(stack)
    ui = Ui(gateway)
    said = ui.post('/api/auth/setup', {'username': 'admin', 'password': PASSWORD,
                                       'enableTotp': True,
                                       'setupCode': gateway.setup_code}).expect(200).json
    expect(said['totpUri'].startswith('otpauth://totp/'), said['totpUri'][:15])
    secret = re.search('[?&]secret=([A-Z2-7]+)', said['totpUri']).group(1)
    who = {'username': 'admin', 'password': PASSWORD}
    answer = ui.post('/api/auth/login', who).expect(401)
    equal(answer.json, {'error': 'TOTP code required', 'totpRequired': True}, 'without a code')
    wrong = '%06d' % ((int(totp(secret)) + 1) % 10 ** 6)
    ui.post('/api/auth/login', {**who, 'totpCode': wrong}).expect(401, 'Invalid TOTP code')
    ui.post('/api/auth/login', {**who, 'password': 'wrong password', 'totpCode': totp(
        secret)}).expect(401, 'Invalid credentials')
    ui.login('admin', totpCode=totp(secret))
    ui.get('/api/auth/me').expect(200)
    gateway.stop()


@case('roles: a viewer looks, an operator works')
def roles(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run()['id']
    looks, works = ui.user('looks', 'viewer'), ui.user('works', 'operator')
    looks.get('/api/runs').expect(200)
    looks.get('/api/runs/' + run).expect(200)
    looks.get('/api/runs/%s/vnc' % run).expect(200)
    looks.get('/api/runs/%s/events' % run).expect(200)
    for path_, value in (('/api/runs', {'workerType': 'vnc'}), ('/api/runs/%s/stop' % run, None),
                         ('/api/clients/create', {'displayName': 'x', 'agentId': 'y'}),
                         ('/api/users', {'username': 'more', 'password': PASSWORD,
                                         'role': 'admin'})):
        looks.post(path_, value).expect(403, 'Insufficient permissions', path_)
    works.run()
    works.post('/api/runs/%s/stop' % run).expect(200)
    works.client('agent-2')
    works.post('/api/users', {'username': 'more', 'password': PASSWORD, 'role': 'viewer'}).expect(
        403, 'Insufficient permissions')
    gateway.stop()


@case('runs: created in both spellings, listed in snake_case, paged')
def runs(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.post('/api/runs', {'workerType': 'vnc', 'label': 'a desk', 'tags': ['x', 'y'],
                                'metadata': {'os': 'linux', 'deep': {'n': 1}},
                                'workingDir': '/tmp'}).expect(200).json
    token = run.pop('capabilityToken')
    expect(re.fullmatch('[0-9a-f]{64}', token), 'capability token')
    expect(re.fullmatch('[A-Za-z0-9_-]{12}', run['id']), 'id', run['id'])
    equal(run, {'id': run['id'], 'status': 'pending', 'attachedMcpSessionId': None,
                'autonomous': False}, 'created')

    other = ui.post('/api/runs', {'worker_type': 'vnc'}).expect(200).json['id']
    bare = ui.post('/api/runs', {}).expect(200).json['id']
    claude = ui.run(workerType='claude', command='do it')['id']
    ui.post('/api/runs', {'id': '-own_id', 'workerType': 'vnc'}).expect(200)
    ui.post('/api/runs', {'id': '-own_id', 'workerType': 'vnc'}).expect(409)
    for wrong in ({'id': 'a b'}, {'id': ''}, {'id': 'x' * 51}, {'id': '../x'}, {'tags': 'x'},
                  {'metadata': []}, {'label': 5}, {'workerType': 5}, {'tags': [1]}, []):
        ui.post('/api/runs', wrong).expect(400, text=str(wrong))

    listed = ui.get('/api/runs').expect(200).json
    equal({k: listed[k] for k in ('total', 'offset', 'hasMore')},
          {'total': 5, 'offset': 0, 'hasMore': False}, 'list')
    expect(listed['limit'] >= 5, 'limit')
    rows = {row['id']: row for row in listed['runs']}
    equal({id_: rows[id_]['worker_type'] for id_ in (run['id'], other, bare, claude)},
          {run['id']: 'vnc', other: 'vnc', bare: 'vnc', claude: 'claude'}, 'worker_type')
    row = rows[run['id']]
    for key in ('created_at', 'started_at', 'finished_at', 'exit_code', 'status', 'label'):
        expect(key in row, 'a row has no', key)
    expect('capability_token' not in json.dumps(listed) and token not in json.dumps(listed),
           'the list gives capability tokens away')
    equal((row['status'], row['label']), ('pending', 'a desk'), 'row')

    seen = []
    while True:
        page = ui.get('/api/runs?limit=2&offset=%d' % len(seen)).expect(200).json
        equal((page['total'], page['limit'], page['offset']), (5, 2, len(seen)), 'page')
        seen += [row['id'] for row in page['runs']]
        if not page['hasMore']:
            break
    equal(sorted(seen), sorted(rows), 'all pages')
    equal(len(ui.get('/api/runs?status=running').expect(200).json['runs']), 0, 'filter')
    for query in ('limit=x', 'limit=-1', 'offset=-1', 'limit=99999999999999999999'):
        ui.get('/api/runs?' + query).expect(400, text=query)

    whole = ui.get('/api/runs/' + run['id']).expect(200).json
    equal((whole['tags'], whole['metadata'], whole['artifacts'], whole['commands']),
          (['x', 'y'], {'os': 'linux', 'deep': {'n': 1}}, [], []), 'details')
    expect(token not in json.dumps(whole), 'details give the capability token away')
    ui.get('/api/runs/nothing-here').expect(404, 'Run not found')
    gateway.stop()


@case('events: in order, after, limit, secrets redacted')
def events(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run()
    runner = Runner(gateway, run)
    ids = [runner.event('info', 'line %d' % i).expect(200).json['eventId'] for i in range(12)]
    equal(ids, sorted(set(ids)), 'event ids')
    base = '/api/runs/%s/events' % run['id']
    got = ui.get(base).expect(200).json
    equal([sorted(e) for e in got[:1]], [['data', 'id', 'sequence', 'timestamp', 'type']], 'keys')
    equal([(e['id'], e['data'], e['sequence']) for e in got],
          [(id_, 'line %d' % i, i) for i, id_ in enumerate(ids)], 'events')
    equal([e['id'] for e in ui.get(base + '?after=%d&limit=3' % ids[4]).json], ids[5:8], 'a page')
    equal(ui.get(base + '?after=%d' % ids[-1]).json, [], 'behind the last')
    for query in ('?after=x', '?limit=0', '?limit=1001', '?limit=-5', '?after=1;drop'):
        ui.get(base + query).expect(400, text=query)
    ui.get('/api/runs/nothing-here/events').expect(404, 'Run not found')

    key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----'
    for text, secret in (('password=hunter22 x', 'hunter22'),
                         ('token: abcd1234efgh', 'abcd1234efgh'), (key, 'c2VjcmV0c2VjcmV0')):
        runner.event('stdout', text).expect(200)
        last = ui.get(base + '?after=%d' % ids[-1]).json[-1]
        expect(secret not in last['data'], 'stored as it came:', text)
    gateway.stop()


@case('the VNC endpoints: start with and without a JSON content type, stats, stop')
def vnc(stack):
    gateway = Gateway(stack, '--legacy-runner')
    ui = gateway.setup()
    run = ui.run()['id']
    base = '/api/runs/%s/vnc' % run
    equal(ui.get('/api/vnc/stats').expect(200).json,
          {'activeTunnels': 0, 'pendingTunnels': 0, 'tunnels': []}, 'stats')
    told = ui.post(base + '/start').expect(200).json
    equal({k: told[k] for k in ('runId', 'command', 'wsUrl')},
          {'runId': run, 'command': START, 'wsUrl': '/ws/vnc/' + run}, 'start')
    expect(told['message'] and told['commandId'], told)
    ui.post(base + '/start', kind=None).expect(200)
    for fields in ([], [('Content-Length', '0')]):
        gateway.ask('POST', base + '/start',
                    [('Authorization', 'Bearer ' + ui.cookie), *fields]).expect(200)
    equal(ui.delete(base).expect(200).json, {'runId': run, 'message': 'VNC tunnel closed'},
          'DELETE without a tunnel')

    runner, _, _, _ = joined(stack, gateway, ui)
    stats = ui.get('/api/vnc/stats').expect(200).json
    equal((stats['activeTunnels'], stats['pendingTunnels'], len(stats['tunnels'])), (1, 0, 1),
          'stats')
    row = stats['tunnels'][0]
    equal((row['runId'], row['status'], row['totalBytes']),
          (runner.run, 'active', row['bytesFromClient'] + row['bytesFromViewer']), 'row')

    stop = ui.post('/api/runs/%s/stop' % run).expect(200).json
    equal((stop['ok'], type(stop['commandId'])), (True, str), 'stop')
    commands = ui.get('/api/runs/' + run).json['commands']
    expect(any(c['id'] == stop['commandId'] and c['command'] == STOP and
               c['status'] == 'pending' for c in commands), 'the UI does not see it:', commands)
    stranger = Ui(gateway)
    for method, target in (('GET', base), ('POST', base + '/start'), ('DELETE', base),
                           ('GET', '/api/vnc/stats')):
        stranger.ask(method, target).expect(401, 'Authentication required', target)
    gateway.stop()


@case('what else it calls is empty, not 404; health needs nobody')
def rest(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    for target in ('/api/dashboard/stats', '/api/dashboard/activity', '/api/dashboard/active-runs',
                   '/api/dashboard/needs-attention', '/api/clients', '/api/alerts',
                   '/api/alerts/stats', '/api/alerts/rules'):
        ui.get(target).expect(200, text=target).json
        Ui(gateway).get(target).expect(401, 'Authentication required', target)
    health = Ui(gateway).get('/api/health').expect(200).json
    equal((health['status'], sorted(health['connections'])), ('ok', ['clients', 'subscriptions']),
          'health')
    expect(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', health['timestamp']), health)
    ui.get('/api/nothing-here').expect(404)
    ui.ask('PUT', '/api/health').expect(405)
    gateway.stop()


def told(ws, kind):
    """The next message of that type."""
    for _ in range(50):
        said = ws.json()
        if said['type'] == kind:
            return said
    raise Failed('no %s came' % kind)


@case('/ws: subscribe, and what happens is told')
def live(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run, other = ui.run(), ui.run()
    runner, stranger = Runner(gateway, run), Runner(gateway, other)
    ws = ui.live(stack)
    ws.text({'type': 'ping'})
    equal(ws.json()['type'], 'pong', 'ping')
    ws.text({'type': 'subscribe', 'runId': 'nothing-here'})
    equal(ws.json()['type'], 'error', 'an unknown run')
    ws.text({'type': 'subscribe', 'runId': run['id']})
    said = ws.json()
    equal((said['type'], said['runId']), ('subscribed', run['id']), 'subscribed')
    equal(ui.get('/api/health').json['connections'], {'clients': 1, 'subscriptions': 1}, 'health')

    stranger.event('info', 'of another run').expect(200)
    id_ = runner.event('info', 'live').expect(200).json['eventId']
    said = told(ws, 'event')
    expect('live' in json.dumps(said) and 'another' not in json.dumps(said), said)
    expect(str(id_) in json.dumps(said), 'without its id:', said)
    queued = ui.post('/api/runs/%s/vnc/start' % run['id']).json['commandId']
    expect(queued in json.dumps(told(ws, 'command_queued')), 'another command')
    runner.ack(runner.wait_for(START)).expect(200)
    expect(queued in json.dumps(told(ws, 'command_completed')), 'another command')
    ui.post('/api/runs/%s/stop' % run['id']).expect(200)
    told(ws, 'stop_requested')

    ws.text({'type': 'unsubscribe', 'runId': run['id']})
    runner.event('info', 'nobody hears').expect(200)
    ws.text({'type': 'ping'})
    expect('nobody hears' not in json.dumps(told(ws, 'pong')), 'after unsubscribe')
    client = ui.client('agent-1')
    Signer(gateway, client_token=client['token']).post('/api/clients/register', {
        'displayName': 'x', 'agentId': 'agent-1'}).expect(200)
    told(ws, 'client_updated')

    ui.post('/api/auth/logout').expect(200)
    expect(ws.ended()[0], 'stays open after logout')
    gateway.stop()


@case('SIGTERM: /ws and viewers are told 1001, exit code 0')
def goes(stack):
    gateway = Gateway(stack, '--legacy-runner')
    ui = gateway.setup()
    _, _, desktop, viewer = joined(stack, gateway, ui)
    ws = ui.live(stack)
    gateway.signal(signal.SIGTERM)
    for what, socket_ in (('viewer', viewer), ('runner', desktop), ('/ws', ws)):
        equal(socket_.ended()[0], 1001, what)
        socket_.close()
    gateway.stop()


main()
