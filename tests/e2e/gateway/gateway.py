"""A `porthole gateway`, and who speaks to it: the existing web UI with its session, and
whoever signs requests (the existing wrapper and runner)."""
from urllib.parse import quote

from wire import *

SECRET = 'e2e-shared-secret-0123456789abcdef'
PASSWORD = 'correct horse battery'
BROWSER = ('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) '
           'Chrome/120.0.0.0 Safari/537.36')


class Gateway(Process):
    """`porthole gateway`, ready. `data`: the directory of an earlier one."""

    def __init__(self, stack, *options, data=None, port=None, env=None, secret=SECRET, wrap=(),
                 ready=True, **more):
        self.data = data or path('data')
        self.port = port or free_port()
        env = {**({'HMAC_SECRET': secret} if secret else {}), **(env or {})}
        super().__init__(stack, *wrap, PORTHOLE, 'gateway', '--data-dir', self.data, '--listen',
                         '127.0.0.1:%d' % self.port, '--json', *options, env=env, **more)
        self.url = 'http://127.0.0.1:%d' % self.port
        if ready:
            eventually(self.started, 'the gateway is ready')
            expect(self.code is None, 'the gateway has ended:', self.err)

    def started(self):
        """The line of JSON that says so, once it is whole."""
        if self.code is not None:
            return True
        line, newline, _ = self.out.partition('\n')
        return newline and json.loads(line)

    @property
    def setup_code(self):
        """Of the one-time link that the first start prints."""
        said = self.started()
        link = said.get('setupUrl') or said.get('setup_url') or ''
        return said.get('setupCode') or link.partition('#setup=')[2]

    def http(self, stack=None):
        return Http(self.port, stack)

    def ask(self, method, target, fields=(), body=None):
        """One request on a connection of its own, with nothing that was not told."""
        with contextlib.closing(self.http()) as http:
            return http.request(method, target, fields, body)

    def setup(self, username='admin'):
        """Completes set-up and logs in. The administrator's Ui."""
        ui = Ui(self)
        ui.post('/api/auth/setup', {'username': username, 'password': PASSWORD,
                                    'setupCode': self.setup_code}).expect(200)
        return ui.login(username)

    def again(self, stack, *options, **more):
        """The next one on the same data and port."""
        return Gateway(stack, *options, data=self.data, port=self.port, **more)

    def kill(self, stragglers=True):
        """kill -9. Without `stragglers` its other processes must see that themselves."""
        below = descendants(self.pid)
        for pid in [self.pid, *(below if stragglers else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait()
        eventually(lambda: not any(alive(pid) for pid in below), 'its processes end with it')

    def stop(self, number=signal.SIGTERM):
        if self.code is None:
            self.signal(number)
        equal(self.wait(), 0, 'exit code; ' + self.err[-2000:])
        self.check()

    def check(self):
        expect('Sanitizer' not in self.err and 'runtime error' not in self.err, self.err[-8000:])

    def end(self):
        super().end()
        self.check()


class Ui:
    """The existing web UI in a browser: same-origin requests with a session cookie."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.cookie = None

    def fields(self, body=None, kind='application/json', method='POST'):
        """In the order in which a browser sends them."""
        g = self.gateway
        fields = [('Host', '127.0.0.1:%d' % g.port), ('Connection', 'keep-alive')]
        if method not in ('GET', 'HEAD'):
            fields += [('Content-Length', str(len(body or b'')))]
        fields += [('User-Agent', BROWSER)]
        if kind:
            fields += [('Content-Type', kind)]
        fields += [('Accept', '*/*')]
        if method not in ('GET', 'HEAD'):
            fields += [('Origin', g.url)]
        fields += [('Sec-Fetch-Site', 'same-origin'), ('Sec-Fetch-Mode', 'cors'),
                   ('Sec-Fetch-Dest', 'empty'), ('Referer', g.url + '/'),
                   ('Accept-Encoding', 'gzip, deflate, br'), ('Accept-Language', 'en-US,en;q=0.9')]
        return fields + ([('Cookie', 'session=' + self.cookie)] if self.cookie else [])

    def ask(self, method, target, value=None, kind='application/json'):
        body = None if value is None else json.dumps(value, separators=(',', ':')).encode()
        kind = kind if body is not None or method not in ('GET', 'HEAD', 'DELETE') else None
        fields = self.fields(body, kind, method)
        return self.gateway.ask(method, target, fields, body)

    def get(self, target):
        return self.ask('GET', target)

    def post(self, target, value=None, **options):
        return self.ask('POST', target, value, **options)

    def delete(self, target):
        return self.ask('DELETE', target)

    def login(self, username, password=PASSWORD, **more):
        answer = self.post('/api/auth/login',
                           {'username': username, 'password': password, **more}).expect(200)
        self.cookie = re.match('session=([^;]*)', answer.field('Set-Cookie') or '').group(1)
        return self

    def user(self, username, role):
        """The Ui of another user, made by this administrator."""
        self.post('/api/users', {'username': username, 'password': PASSWORD,
                                 'role': role}).expect(200)
        return Ui(self.gateway).login(username)

    def run(self, **what):
        """{"id", "capabilityToken", ...} of a new run."""
        return self.post('/api/runs', {'workerType': 'vnc', **what}).expect(200).json

    def client(self, agent_id, name='Test host'):
        """{"id", "token"} of a new client."""
        return self.post('/api/clients/create', {'displayName': name,
                                                 'agentId': agent_id}).expect(200).json

    def ticket(self, run, rights='control', **more):
        answer = self.post('/api/runs/%s/vnc/tickets' % run, {'rights': rights, **more})
        return answer.expect(200).json['ticket']

    def socket(self, stack, target, protocols=None, origin=None, cookie=True):
        """A WebSocket as a browser opens it."""
        g = self.gateway
        fields = [('Host', '127.0.0.1:%d' % g.port), ('Connection', 'Upgrade'),
                  ('Pragma', 'no-cache'), ('Cache-Control', 'no-cache'),
                  ('User-Agent', BROWSER), ('Upgrade', 'websocket'),
                  ('Origin', g.url if origin is None else origin), ('Sec-WebSocket-Version', '13'),
                  ('Accept-Encoding', 'gzip, deflate, br'),
                  ('Accept-Language', 'en-US,en;q=0.9')]
        if cookie and self.cookie:
            fields += [('Cookie', 'session=' + self.cookie)]
        fields += [('Sec-WebSocket-Key', base64.b64encode(os.urandom(16)).decode()),
                   ('Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits')]
        if protocols:
            fields += [('Sec-WebSocket-Protocol', protocols)]
        return WebSocket(g.port, target, fields, stack)

    def viewer(self, stack, run):
        """noVNC of the existing UI on a run."""
        return self.socket(stack, '/ws/vnc/' + run, 'binary')

    def live(self, stack):
        """/ws, greeted."""
        ws = self.socket(stack, '/ws')
        equal(ws.json()['type'], 'connected', 'greeting of /ws')
        return ws


class Signer:
    """Signs requests with the shared secret, as the existing runner and wrapper do."""

    def __init__(self, gateway, run='', token='', client_token=None, secret=SECRET,
                 agent='python-requests/2.31.0'):
        self.gateway, self.secret, self.agent = gateway, secret, agent
        self.run, self.token, self.client_token = run, token, client_token
        self.http = None

    def fields(self, method, target, body=b'', timestamp=None, nonce=None, run=None, token=None,
               signed=None):
        """The signature's fields. `signed` replaces the signature."""
        timestamp = int(time.time()) if timestamp is None else timestamp
        nonce = secrets.token_hex(8) if nonce is None else nonce
        run = self.run if run is None else run
        token = self.token if token is None else token
        signed = signed or signature(self.secret, method, target, body, timestamp, nonce, run,
                                     token)
        fields = [('X-Signature', signed), ('X-Timestamp', str(timestamp)), ('X-Nonce', nonce)]
        fields += [('X-Run-Id', run)] if run else []
        fields += [('X-Capability-Token', token)] if token else []
        return fields + ([('X-Client-Token', self.client_token)] if self.client_token else [])

    def all_fields(self, method, target, body=b'', **signing):
        """In the order in which Python's requests sends them."""
        return [('Host', '127.0.0.1:%d' % self.gateway.port), ('User-Agent', self.agent),
                ('Accept-Encoding', 'gzip, deflate'), ('Accept', '*/*'),
                ('Connection', 'keep-alive'), ('Content-Type', 'application/json'),
                *self.fields(method, target, body, **signing),
                *([('Content-Length', str(len(body)))] if method != 'GET' else [])]

    def ask(self, method, target, value=None, **signing):
        """On the connection of the last one. `value`: bytes, or JSON with its spaces."""
        body = value if isinstance(value, bytes) else b'' if value is None else \
            json.dumps(value).encode()
        while True:
            fields = self.all_fields(method, target, body, **signing)
            http, self.http = self.http or self.gateway.http(), None
            try:
                answer = http.request(method, target, fields, body if method != 'GET' else None)
            except Gone:
                # A kept connection may have been closed meanwhile, as it may to anybody.
                http.close()
                if http.fresh or 'nonce' in signing:
                    raise
                continue
            if (answer.field('Connection') or '').lower() == 'close':
                http.close()
            else:
                self.http, http.fresh = http, False
            return answer

    def get(self, target, **signing):
        return self.ask('GET', target, **signing)

    def post(self, target, value=None, **signing):
        return self.ask('POST', target, value, **signing)

    def event(self, kind, data, **more):
        return self.post('/api/ingest/event', {'type': kind, 'data': data, **more})


def refused(stack, connecting):
    """A tunnel is not given: an answer in place of 101, or an end with 1008. Which."""
    try:
        ws = connecting()
    except NotUpgraded as no:
        expect(400 <= no.answer.status < 500, 'refused with', no.answer)
        return no.answer.status, no.answer.json.get('error')
    with contextlib.closing(ws):
        code, reason = ws.ended()
    equal(code, 1008, 'close code (%s)' % reason)
    return code, reason
