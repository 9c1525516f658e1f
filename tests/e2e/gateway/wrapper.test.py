# run_tests: parallel timeout=300
"""The existing wrapper: clients, claims, and signed requests with each way to be refused."""
from runner import *

SKEW_S = 300
EXAMPLE = '0123456789abcdef0123456789abcdef'


def ready(stack, **options):
    gateway = Gateway(stack, **options)
    return gateway, gateway.setup()


def wrapper(gateway, client, **options):
    return Signer(gateway, client_token=client['token'], **options)


@case('register, heartbeat, claim')
def claims(stack):
    gateway, ui = ready(stack)
    client = ui.client('agent-1', 'First')
    expect(re.fullmatch('[0-9a-f]{64}', client['token']), 'client token')
    ui.post('/api/clients/create', {'displayName': 'x', 'agentId': 'agent-1'}).expect(
        400, 'Agent ID already exists')
    me = wrapper(gateway, client)
    about = {'displayName': 'First, again', 'agentId': 'agent-1', 'version': '0.9',
             'capabilities': ['vnc']}
    equal(me.post('/api/clients/register', about).expect(200).json,
          {'id': client['id'], 'updated': True}, 'register')
    me.post('/api/clients/register', {**about, 'agentId': 'agent-2'}).expect(
        403, 'Invalid client token')
    wrong = Signer(gateway, client_token='0' * 64)
    wrong.post('/api/clients/register', about).expect(403, 'Invalid client token')
    wrong.post('/api/runs/claim', {'agentId': 'agent-1'}).expect(403, 'Invalid client token')
    expect(400 <= Signer(gateway).post('/api/clients/register', about).status < 404, 'no token')
    row = next(r for r in clients(ui) if r['agent_id'] == 'agent-1')
    equal((row['display_name'], row['status'], row['version']), ('First, again', 'online', '0.9'),
          'row')
    expect('token' not in row, 'a row has its token')

    beat = me.post('/api/clients/heartbeat', {'agentId': 'agent-1'}).expect(200).json
    equal((beat['ok'], 'timestamp' in beat), (True, True), 'heartbeat')

    equal(me.post('/api/runs/claim', {'agentId': 'agent-1'}).expect(200).json, {'run': None},
          'nothing to claim')
    first = ui.run(workerType='claude', command='build it', metadata={'a': 1})
    second = ui.run(agentId='agent-1')
    foreign = ui.run(agentId='agent-7')
    got = [me.post('/api/runs/claim', {'agentId': 'agent-1'}).expect(200).json['run']
           for _ in range(3)]
    equal({r['id'] for r in got if r}, {first['id'], second['id']}, 'claimed')
    equal(got[2], None, 'claimed twice')
    run = next(r for r in got if r['id'] == first['id'])
    token = run.pop('capabilityToken')
    equal(run, {'id': first['id'], 'command': 'build it', 'workerType': 'claude',
                'metadata': {'a': 1}}, 'claim')
    expect(foreign['id'] not in {r['id'] for r in got if r}, 'a run of another agent')
    Runner(gateway, {**run, 'capabilityToken': token}).started().expect(200)
    gateway.stop()


def clients(ui):
    listed = ui.get('/api/clients').expect(200).json
    return listed if isinstance(listed, list) else listed['clients']


@case('32 claims at once: each run is given once')
def claimed_once(stack):
    gateway, ui = ready(stack)
    runs = [ui.run()['id'] for _ in range(8)]
    made = [ui.client('agent-%d' % i) for i in range(4)]

    def claim(i):
        got = wrapper(gateway, made[i % 4]).post('/api/runs/claim', {
            'agentId': 'agent-%d' % (i % 4)}).expect(200).json['run']
        return got and got['id']

    got = together(*[lambda i=i: claim(i) for i in range(32)])
    equal(sorted(filter(None, got)), sorted(runs), 'claimed')
    gateway.stop()


@case('each check has its answer, in the order of the checks')
def checks(stack):
    gateway, ui = ready(stack)
    run, other = ui.run(), ui.run()
    target = '/api/runs/%s/commands' % run['id']
    now = int(time.time())
    good = Signer(gateway, run['id'], run['capabilityToken'])

    def ask(fields, text, status, error):
        answer = gateway.ask('GET', target, fields)
        answer.expect(status, error, text)

    def change(signer=good, without=(), **signing):
        fields = signer.fields('GET', target, **signing)
        return [(n, v) for n, v in fields if n not in without]

    missing = (401, 'Missing authentication headers')
    late = (401, 'Request timestamp out of allowed range')
    replayed = (401, 'Nonce already used (replay attack detected)')
    wrong = (401, 'Invalid signature')
    for name in ('X-Signature', 'X-Timestamp', 'X-Nonce'):
        ask(change(without=[name]), 'without ' + name, *missing)
    for stamp in ('0', '', 'abc'):
        ask(change(timestamp=stamp, signed='0' * 64), 'timestamp %r' % stamp, *missing)
    ask(change(nonce='', signed='0' * 64), 'no nonce', *missing)
    for stamp in (now - 1000, now + 1000, 1, 99999999999):
        ask(change(timestamp=stamp), 'timestamp %d' % stamp, *late)
    # An old timestamp beside a bad signature and a used nonce: the timestamp is told.
    used = change(nonce='0011223344556677')
    ask(used, 'good', 200, None)
    ask(used, 'the same again', *replayed)
    ask(change(nonce='0011223344556677'), 'the nonce again', *replayed)
    ask(change(nonce='0011223344556677', signed='0' * 64), 'nonce before signature', *replayed)
    ask(change(nonce='0011223344556677', timestamp=now - 1000), 'timestamp before nonce', *late)
    for signed in ('0' * 64, 'x' * 64, '0' * 63, 'ab', good.fields('GET', target)[0][1]):
        ask(change(signed=signed), 'signature ' + signed[:8], *wrong)
    ask(change(Signer(gateway, run['id'], run['capabilityToken'], secret='other ' * 8)),
        'another secret', *wrong)
    # A nonce is spent only by a good signature.
    ask(change(nonce='8877665544332211', signed='0' * 64), 'bad', *wrong)
    ask(change(nonce='8877665544332211'), 'then good', 200, None)
    ask(change(nonce='x'), 'a nonce of one character', 200, None)

    capability = (403, 'Invalid capability token for run')
    for token in ('0' * 64, run['capabilityToken'][:-1], other['capabilityToken']):
        ask(change(token=token), 'token ' + token[:8], *capability)
    ask(change(run='nothing-here'), 'an unknown run', *capability)
    for without in (['token'], ['run']):
        fields = change(**{what: '' for what in without})
        answer = gateway.ask('GET', target, fields)
        expect(answer.status in (400, 401, 403), without, answer)
    mismatch = Signer(gateway, other['id'], other['capabilityToken'])
    ask(change(mismatch), 'the token of another run', 403, 'Capability token mismatch')
    gateway.stop()


@case('what is signed is what counts: method, path, body, time, nonce, run, token')
def bound(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    good = Signer(gateway, run['id'], run['capabilityToken'])
    target, body = '/api/ingest/event', b'{"type": "info", "data": "hi", "sequence": 0}'
    kind = [('Content-Type', 'application/json')]

    def send(fields, body=body, target=target, method='POST'):
        return gateway.ask(method, target, kind + fields, body)

    send(good.fields('POST', target, body)).expect(200)
    for changed in (body + b' ', body.replace(b'hi', b'ho'), body.replace(b': ', b':'), b'', b'{}'):
        send(good.fields('POST', target, body), changed).expect(401, 'Invalid signature')
    send(good.fields('GET', target, body)).expect(401, 'Invalid signature')
    send(good.fields('POST', '/api/ingest/event/', body)).expect(401, 'Invalid signature')
    send(good.fields('POST', '/api/runs/claim', body)).expect(401, 'Invalid signature')
    for name, value in (('X-Timestamp', str(int(time.time()) - 1)), ('X-Nonce', 'another'),
                        ('X-Run-Id', 'another')):
        fields = [(n, value if n == name else v) for n, v in good.fields('POST', target, body)]
        send(fields).expect(401, 'Invalid signature', name)
    # The body's bytes are hashed, however they came.
    http = gateway.http(stack)
    chunks = b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in (body[:7], body[7:])) + b'0\r\n\r\n'
    http.put('POST', target, [*kind, *good.fields('POST', target, body),
                              ('Transfer-Encoding', 'chunked')], chunks)
    http.answer().expect(200)
    gateway.stop()


def at_second(signer, target, offset, wanted):
    """The clock may step between us and the gateway: soon after it has, and a few times."""
    for _ in range(5):
        time.sleep(1 - time.time() % 1 + 0.02)
        answer = signer.get(target, timestamp=int(time.time()) + offset)
        if answer.status == wanted:
            return answer
    raise Failed('%+d s: %s' % (offset, answer))


@case('the clock: -301 and +301 are refused, -300 and +300 are not')
def clock(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    signer = Signer(gateway, run['id'], run['capabilityToken'])
    target = '/api/runs/%s/commands' % run['id']
    for offset in (-SKEW_S - 1, SKEW_S + 1):
        answer = at_second(signer, target, offset, 401)
        answer.expect(401, 'Request timestamp out of allowed range', '%+d' % offset)
        expect(answer.field('Date'), 'without Date a clock cannot be set right')
    for offset in (-SKEW_S, 0, SKEW_S):
        at_second(signer, target, offset, 200)
    for stamp in ('1e9', '0x10', '+%d' % time.time(), ' %d' % time.time(), '%d.5' % time.time(),
                  '-5', '9' * 30):
        fields = signer.fields('GET', target, timestamp=stamp)
        answer = gateway.ask('GET', target, fields)
        if stamp[0] != ' ':  # blanks around a value do not belong to it
            expect(answer.status in (400, 401), stamp, answer)
    gateway.stop()


@case('a replay is refused, also after a restart and a kill')
def replay(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    signer = Signer(gateway, run['id'], run['capabilityToken'])
    body = b'{"type": "info", "data": "once", "sequence": 0}'
    fields = signer.all_fields('POST', '/api/ingest/event', body)
    told = 'Nonce already used (replay attack detected)'
    gateway.ask('POST', '/api/ingest/event', fields, body).expect(200)
    gateway.ask('POST', '/api/ingest/event', fields, body).expect(401, told)
    gateway.stop()
    gateway = gateway.again(stack)
    gateway.ask('POST', '/api/ingest/event', fields, body).expect(401, told, 'after a restart')
    gateway.kill()
    gateway = gateway.again(stack)
    gateway.ask('POST', '/api/ingest/event', fields, body).expect(401, told, 'after a kill')
    ui.gateway = gateway
    events = ui.get('/api/runs/%s/events' % run['id']).expect(200).json
    equal([e['data'] for e in events], ['once'], 'events')
    gateway.stop()


@case('the same request 16 times at once: one takes effect')
def race(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    signer = Signer(gateway, run['id'], run['capabilityToken'])
    body = b'{"type": "info", "data": "once", "sequence": 0}'
    fields = signer.all_fields('POST', '/api/ingest/event', body)
    got = together(*[lambda: gateway.ask('POST', '/api/ingest/event', fields, body).status
                     for _ in range(16)])
    equal(sorted(got), [200] + [401] * 15, 'answers')
    equal(len(ui.get('/api/runs/%s/events' % run['id']).json), 1, 'events')
    gateway.stop()


@case('duplicated X- fields, a query, multipart: 400')
def stricter(stack):
    gateway, ui = ready(stack)
    run = ui.run()
    client = ui.client('agent-1')
    signer = Signer(gateway, run['id'], run['capabilityToken'], client['token'])
    target = '/api/runs/%s/commands' % run['id']
    fields = signer.fields('GET', target)
    for name, value in fields:
        for again in (value, 'x'):
            gateway.ask('GET', target, signer.fields('GET', target) + [(name.lower(), again)]
                        ).expect(400, text='%s twice' % name)
    for query in ('?', '?x=1', '?limit=5'):
        fields = signer.fields('GET', target)
        gateway.ask('GET', target + query, fields).expect(400, text=query)
    for what, value in (('nonce', 'x' * 1000), ('run', 'a/b'), ('token', 'a;b')):
        fields = signer.fields('GET', target, **{what: value})
        answer = gateway.ask('GET', target, fields)
        expect(answer.status in (400, 401, 403), what, answer)
    form = b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\ninfo\r\n--b--\r\n'
    for signed in (form, b''):
        fields = signer.fields('POST', '/api/ingest/event', signed)
        gateway.ask('POST', '/api/ingest/event', [
            ('Content-Type', 'multipart/form-data; boundary=b'), *fields], form).expect(
                400, text='multipart')
    gateway.stop()


@case('a signature of the facts is one of ours')
def known(stack):
    del stack
    token, run = 'ab' * 32, 'l_fbQxUaawc5'
    for method, target, body, run_, token_, wanted in (
            ('GET', '/api/runs/l_fbQxUaawc5/commands', b'', run, token,
             '23228ccb11372730e87a929f108a2384d67cc9df18191b91967a2a2b353786d1'),
            ('POST', '/api/ingest/event', b'{"type": "info", "data": "hi", "sequence": 0}', run,
             token, 'aac0f26e9f47d80ecdfa038e419694f777db6f1997add2422ee6fc002d83853e'),
            ('POST', '/api/runs/claim', b'{"agentId":"agent-1"}', '', '',
             '4a8cebcc5808a5927e5fa1e25a831ae357ab3859c78b77c1a43281e24e176143')):
        equal(signature(EXAMPLE, method, target, body, 1700000000, '0011223344556677', run_,
                        token_), wanted, target)


@case('a gateway refuses a secret that is too short, and runs without one')
def short(stack):
    for secret in ('x', 'x' * 31):
        gateway = Gateway(stack, secret=secret, ready=False)
        expect(gateway.wait() != 0, 'it starts with', secret)
        expect('HMAC_SECRET' in gateway.err and '32' in gateway.err, gateway.err)
    gateway, ui = ready(stack, secret=None)
    run = ui.run()
    for secret in (SECRET, '', 'default'):
        signer = Signer(gateway, run['id'], run['capabilityToken'], secret=secret)
        expect(signer.event('info', 'x').status in (401, 403), 'accepted with %r' % secret)
    gateway.stop()
    gateway, ui = ready(stack, secret='x' * 32)
    run = ui.run()
    Signer(gateway, run['id'], run['capabilityToken'], secret='x' * 32).event(
        'info', 'x').expect(200)
    gateway.stop()


main()
