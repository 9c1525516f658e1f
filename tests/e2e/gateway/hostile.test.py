# run_tests: parallel timeout=300
"""Hostile peers at the gateway, requests: a case a row of what must be defended against.
Other sites and stolen rights are in hostile_rights.test.py, frames in
hostile_frames.test.py, slow peers in slow.test.py, replay, clock, canonical form and the
body's hash in wrapper.test.py."""
from runner import *

NEXT = b'GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n'


def ready(stack, *options):
    gateway = Gateway(stack, *options)
    return gateway, gateway.setup()


# --- Smuggling

# Head lines after "POST /api/auth/login HTTP/1.1" and Host, and a body.
SMUGGLED = {
    'a length beside chunks': (b'Content-Length: 5\r\nTransfer-Encoding: chunked', b'0\r\n\r\n'),
    'chunks beside a length': (b'Transfer-Encoding: chunked\r\nContent-Length: 5', b'0\r\n\r\n'),
    'two lengths': (b'Content-Length: 2\r\nContent-Length: 2', b'{}'),
    'two lengths that differ': (b'Content-Length: 2\r\nContent-Length: 0', b'{}'),
    'a list of lengths': (b'Content-Length: 2, 2', b'{}'),
    'length +2': (b'Content-Length: +2', b'{}'),
    'length -1': (b'Content-Length: -1', b''),
    'length 0x2': (b'Content-Length: 0x2', b'{}'),
    'length 2^64 + 2': (b'Content-Length: 18446744073709551618', b'{}'),
    'an empty length': (b'Content-Length:', b''),
    'coding identity': (b'Transfer-Encoding: identity', b'{}'),
    'coding gzip, chunked': (b'Transfer-Encoding: gzip, chunked', b'0\r\n\r\n'),
    'coding chunked, identity': (b'Transfer-Encoding: chunked, identity', b'0\r\n\r\n'),
    'coding xchunked': (b'Transfer-Encoding: xchunked', b'0\r\n\r\n'),
    'chunked twice': (b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', b'0\r\n\r\n'),
    'coding with VT': (b'Transfer-Encoding: \x0bchunked', b'0\r\n\r\n'),
    'obs-fold': (b'Transfer-Encoding:\r\n chunked', b'0\r\n\r\n'),
    'a space before the colon': (b'Content-Length : 2', b'{}'),
    'a bare LF': (b'X-A: b\nContent-Length: 2', b'{}'),
    'a bare CR': (b'X-A: b\rContent-Length: 2', b'{}'),
    'NUL in a value': (b'X-A: b\0c\r\nContent-Length: 2', b'{}'),
    'NUL in a name': (b'X\0A: b\r\nContent-Length: 2', b'{}'),
    'no name': (b': b\r\nContent-Length: 2', b'{}'),
    'no colon': (b'Content-Length 2', b'{}'),
    'a second Host': (b'Host: 127.0.0.1\r\nContent-Length: 2', b'{}'),
    'chunk size 2^64': (b'Transfer-Encoding: chunked', b'10000000000000002\r\n{}\r\n0\r\n\r\n'),
    'chunk size -2': (b'Transfer-Encoding: chunked', b'-2\r\n{}\r\n0\r\n\r\n'),
    'chunk size 0x2': (b'Transfer-Encoding: chunked', b'0x2\r\n{}\r\n0\r\n\r\n'),
    'chunk size with a blank': (b'Transfer-Encoding: chunked', b' 2\r\n{}\r\n0\r\n\r\n'),
    'no chunk size': (b'Transfer-Encoding: chunked', b'\r\n{}\r\n0\r\n\r\n'),
    'a long chunk extension': (b'Transfer-Encoding: chunked',
                               b'2;' + b'x' * 300 + b'\r\n{}\r\n0\r\n\r\n'),
    'a chunk line that ends by LF': (b'Transfer-Encoding: chunked', b'2\n{}\r\n0\r\n\r\n'),
    'a chunk longer than told': (b'Transfer-Encoding: chunked', b'2\r\n{}x\r\n0\r\n\r\n'),
}

START_LINES = {
    'no Host': b'GET /api/health HTTP/1.1\r\n\r\n',
    'HTTP/0.9': b'GET /api/health\r\n\r\n',
    'lower-case version': b'GET /api/health http/1.1\r\nHost: HOST\r\n\r\n',
    'no version number': b'GET /api/health HTTP/\r\nHost: HOST\r\n\r\n',
    'HTTP/11.1': b'GET /api/health HTTP/11.1\r\nHost: HOST\r\n\r\n',
    'tabs': b'GET\t/api/health\tHTTP/1.1\r\nHost: HOST\r\n\r\n',
    'two spaces': b'GET  /api/health HTTP/1.1\r\nHost: HOST\r\n\r\n',
    'a space in the path': b'GET /api/hea lth HTTP/1.1\r\nHost: HOST\r\n\r\n',
    'a space before': b' GET /api/health HTTP/1.1\r\nHost: HOST\r\n\r\n',
    'NUL in the path': b'GET /api/health\0 HTTP/1.1\r\nHost: HOST\r\n\r\n',
    'nothing': b'\r\n\r\nGET\r\n\r\n',
    'a method with a colon': b'GE:T /api/health HTTP/1.1\r\nHost: HOST\r\n\r\n',
    'CONNECT': b'CONNECT HTTP/1.0\r\n\r\n',
    'chunks in HTTP/1.0': (b'POST /api/auth/login HTTP/1.0\r\nHost: HOST\r\n'
                           b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    'TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    'HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
}


@case('Smuggling: a doubtful request is refused and nothing behind it is read')
def smuggling(stack):
    gateway, _ = ready(stack)
    host = b'127.0.0.1:%d' % gateway.port
    requests = {name: b'POST /api/auth/login HTTP/1.1\r\nHost: %s\r\n'
                      b'Content-Type: application/json\r\n%s\r\n\r\n%s' % (host, *what)
                for name, what in SMUGGLED.items()}
    requests.update({name: what.replace(b'HOST', host) for name, what in START_LINES.items()})
    wrong = {}
    for name, what in requests.items():
        got = once(gateway.port, what + NEXT % gateway.port, 15)
        fit = [[400], [501], [505], [413] if 'chunk' in name else [] if name == 'TLS' else [400]]
        if got not in fit:
            wrong[name] = got
    expect(not wrong, wrong)
    gateway.ask('GET', '/api/health').expect(200)
    gateway.stop()


@case('requests sent ahead are answered in order, their bodies too')
def pipelined(stack):
    gateway, ui = ready(stack)
    http = gateway.http(stack)
    bearer = ('Authorization', 'Bearer ' + ui.cookie)
    for i in range(20):
        body = json.dumps({'workerType': 'vnc', 'id': 'run-%d' % i}).encode()
        http.put('POST', '/api/runs', [bearer, ('Content-Type', 'application/json')], body)
        http.put('GET', '/api/runs/run-%d' % i, [bearer])
    for i in range(20):
        for _ in range(2):
            equal(http.answer().expect(200).json['id'], 'run-%d' % i, 'order')
    gateway.stop()


# --- Oversize

@case('Oversize: 414, 431, 413, and JSON that is too deep')
def oversize(stack):
    gateway, ui = ready(stack)
    bearer = ('Authorization', 'Bearer ' + ui.cookie)
    kind = ('Content-Type', 'application/json')

    def status(method, target, fields, body=None):
        with contextlib.closing(gateway.http()) as http:
            with contextlib.suppress(Gone):
                http.put(method, target, fields, body)
            return http.answer().status

    equal(status('GET', '/api/health?' + 'x' * 8192, []), 414, 'a long line')
    equal(status('GET', '/api/health', [('X-A', 'x' * 17000)]), 431, 'a long field')
    equal(status('GET', '/api/health', [('X-%d' % i, 'x') for i in range(101)]), 431, 'fields')
    equal(status('GET', '/ws', upgrade_fields(extra=[('Sec-WebSocket-Key', 'x' * 65536)])), 431,
          'a long key')
    equal(once(gateway.port, b'GET /' + b'x' * (1 << 20), 15), [414], 'a line without an end')

    body = b'{"workerType":"vnc","label":"%s"}'
    expect(status('POST', '/api/runs', [bearer, kind], body % (b'x' * (1 << 20))) == 413, 'a body')
    huge = [bearer, kind, ('Content-Length', str(1 << 40))]
    equal(status('POST', '/api/runs', huge, b'{'), 413, 'a body that is announced')
    chunk = b'%x\r\n%s\r\n' % (65536, b' ' * 65536)
    equal(status('POST', '/api/runs', [bearer, kind, ('Transfer-Encoding', 'chunked')],
                 chunk * 17), 413, 'chunks')
    for depth, wanted in ((10, 200), (33, 400), (100000, 400)):
        deep = b'{"workerType":"vnc","metadata":{"a":%s}}' % (
            b'[' * (depth - 2) + b']' * (depth - 2))
        equal(status('POST', '/api/runs', [bearer, kind], deep), wanted, 'depth %d' % depth)
    for wrong in (b'', b'{', b'[]', b'null', b'"x"', b'{"a":1}{"b":2}', b'{"label":"\xff"}',
                  b'{"label":"\\ud800"}', b'{"label":"a\\u0000b"}', b'{"id":"x","id":"y"}',
                  b'{"label":1e999}', b'\xef\xbb\xbf{}', b"{'a':1}", b'{"metadata":{"a":NaN}}'):
        answer = gateway.ask('POST', '/api/runs', [bearer, kind], wrong)
        expect(answer.status == 400 or (wrong == b'' and answer.status == 200), wrong, answer)
    gateway.ask('POST', '/api/runs', [bearer, ('Content-Type', 'text/plain')], b'{}')
    gateway.stop()


# --- Paths and SQL

@case('Path traversal: no way to a file')
def traversal(stack):
    gateway, ui = ready(stack)
    with open('/etc/passwd', 'rb') as text:
        secret = text.readline().strip()
    for up in ('/../', '/%2e%2e/', '/..%2f', '/..%5c', '/.%2e/', '//', '/./', '/assets/../',
               '/%252e%252e/', '/..%c0%af', '/.../'):
        for file_ in ('etc/passwd', 'porthole.db', 'etc/passwd%00.js', 'etc/passwd.'):
            for target in (up * 8 + file_, '/api' + up + file_, '/assets' + up * 6 + file_,
                           '/api/runs/' + up + file_, '/ws/vnc' + up + file_):
                http = gateway.http()
                with contextlib.closing(http):
                    answer = http.request('GET', target, [
                        ('Authorization', 'Bearer ' + ui.cookie)])
                allowed = (400, 401, 403, 404, 426) if target.startswith('/ws') else (400, 404)
                expect(answer.status in allowed, target, answer)
                expect(secret not in answer.body and b'SQLite' not in answer.body, target)
    for target in ('/api/runs/%00', '/api/runs/x%00y', '/api/runs/%', '/api/runs/%zz',
                   '/api/runs/.', '/api/runs/..', '/api/runs//vnc', '/api//runs', '/API/runs',
                   '/api/runs/x%0d%0aA:b'):
        answer = ui.get(target)
        expect(answer.status in (400, 404), target, answer)
    gateway.stop()


SQL = ("'", "';--", "' OR '1'='1", "x'; DROP TABLE runs; --", '" OR ""="', '%', '_', '%%%',
       '\\', 'x\' UNION SELECT token_hash FROM clients --', '1) OR (1=1', 'a*', '[a-z]', '\u0000x')


@case('SQL injection: such strings are data')
def sql(stack):
    gateway, ui = ready(stack)
    mine = ui.run(label='the only one', tags=['tag'])
    for text in SQL:
        nul = '\0' in text
        part = quote(text, safe='')
        for target in ('/api/runs/' + part, '/api/runs/%s/vnc' % part,
                       '/api/runs/%s/events' % part):
            expect(ui.get(target).status in (400, 404), target)
        for name in ('search', 'status', 'tag', 'workerType', 'clientId', 'limit', 'offset'):
            answer = ui.get('/api/runs?%s=%s' % (name, part))
            expect(answer.status in (200, 400), name, text, answer)
            expect(answer.status == 400 or answer.json['total'] == 0, name, text, answer)
        equal(ui.get('/api/runs/%s/events?after=%s' % (mine['id'], part)).status, 400, text)
        answer = ui.post('/api/auth/login', {'username': text + 'xx', 'password': text + PASSWORD})
        expect(answer.status in (400, 401, 429), text, answer)
        if not nul:
            other = ui.run(label=text, tags=[text], metadata={text: text})['id']
            whole = ui.get('/api/runs/' + other).json
            equal((whole['label'], whole['tags'], whole['metadata']), (text, [text], {text: text}),
                  text)
            ui.delete('/api/runs/' + other).expect(200)
            runner = Runner(gateway, mine)
            runner.sequence = SQL.index(text)
            runner.event('info', text).expect(200)
            equal(ui.get('/api/runs/%s/events' % mine['id']).json[-1]['data'], text, 'event')
    equal(ui.get('/api/runs').json['total'], 1, 'runs that are left')
    gateway.stop()


main()
