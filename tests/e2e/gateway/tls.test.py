#!/usr/bin/python3
"""A gateway with TLS: who trusts it and why, and a new certificate under SIGHUP."""
import os
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *


def make_certificate(name, cert, key):
    """Self-signed, for 127.0.0.1 and gateway.test, into these files."""
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=' + name, '-days',
        '30', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:gateway.test', '-keyout', key,
        '-out', cert)
    os.chmod(key, 0o600)


def pin_of(cert):
    public = run('openssl', 'x509', '-in', cert, '-noout', '-pubkey')
    der = sp.run(['openssl', 'pkey', '-pubin', '-outform', 'der'], input=public,
                 stdout=sp.PIPE, check=True).stdout
    return 'sha256:' + hashlib.sha256(der).hexdigest()


class SecureHttp(Http):
    """HTTPS with that certificate and no other."""

    def __init__(self, port, stack=None, cert=None):
        super().__init__(port, stack)
        context = ssl.create_default_context(cafile=cert)
        self.sock = context.wrap_socket(self.sock, server_hostname='127.0.0.1')

    @property
    def subject(self):
        return dict(part[0] for part in self.sock.getpeercert()['subject'])['commonName']


class SecureWebSocket(WebSocket, SecureHttp):
    pass


class SecureGateway(Gateway):
    def __init__(self, stack, *options, **more):
        self.cert, self.key = path('cert.pem'), path('key.pem')
        make_certificate('first', self.cert, self.key)
        super().__init__(stack, '--tls-cert', self.cert, '--tls-key', self.key, *options, **more)
        if more.get('ready', True):
            self.url = self.started()['url']

    def subject(self, cert=None):
        """Of the certificate that a new connection sees."""
        pem = ssl.get_server_certificate(('127.0.0.1', self.port))
        return run('openssl', 'x509', '-noout', '-subject', '-in',
                   file('seen.pem', pem)).decode().split('=')[-1].strip()

    def hang_up(self, awaited):
        before = self.err.count(awaited)
        self.signal(signal.SIGHUP)
        eventually(lambda: self.err.count(awaited) > before, awaited)


def with_admin_tls(stack, *options):
    gateway = SecureGateway(stack, *options)
    shell = Shell(gateway)
    shell.admin('user', 'create', 'alice', '--admin', '--password-file',
                file('password', PASSWORD + '\n'))
    shell.login('alice', code=1)  # unknown issuer
    shell.run('login', gateway.url, '--username', 'alice', '--password-file',
              file('password', PASSWORD + '\n'), '--ca-file', gateway.cert)
    return gateway, shell


@case('login with --ca-file, --pin or --insecure, and not without')
def trust(stack):
    gateway, shell = with_admin_tls(stack)
    expect(gateway.url.startswith('https://'), gateway.url)
    shell.run('run', 'list')  # the file was kept with the login
    at = ('login', gateway.url, '--username', 'alice', '--password-file',
          file('password', PASSWORD + '\n'))
    for wrong in ((), ('--ca-file', '/etc/hostname'), ('--pin', 'sha256:' + '00' * 32),
                  ('--ca-file', path('none'))):
        said = shell.run(*at, *wrong, code=1)
        expect('--ca-file' in said.err or '--pin' in said.err or 'certificate' in said.err or
               'pin' in said.err, said.err)
    shell.run(*at, '--pin', 'sha256:00', code=1)
    shell.run(*at, '--pin', pin_of(gateway.cert))
    shell.run('run', 'list')
    shell.run(*at, '--insecure')
    shell.run('run', 'list', code=1)
    shell.run('run', 'list', '--insecure')
    said = shell.run('login', gateway.url.replace('https', 'http'), '--username', 'alice',
                     '--password-file', file('password', PASSWORD + '\n'), code=1).err
    expect(PASSWORD not in said, said)


@case('the cookie is for HTTPS alone, and plain HTTP gets no session')
def cookie(stack):
    gateway, shell = with_admin_tls(stack)
    http = SecureHttp(gateway.port, stack, gateway.cert)
    body = json.dumps({'username': 'alice', 'password': PASSWORD}).encode()
    fields = [('Content-Type', 'application/json'), ('Origin', gateway.url)]
    answer = http.request('POST', '/api/auth/login', fields, body).expect(200)
    words = [word.strip() for word in answer.field('Set-Cookie').split(';')]
    for word in ('Secure', 'HttpOnly', 'SameSite=Strict', 'Path=/'):
        expect(word in words, word, 'is missing:', words)
    wire = Wire(connect(gateway.port))
    wire.send(b'GET /api/auth/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    expect(b'setupRequired' not in wire.rest(), 'it answers plain HTTP')
    said = shell.run('ticket', shell.run('run', 'create', '--json').json['id'], '--json').json
    expect(said['url'].startswith('wss://127.0.0.1'), said['url'])


@case('a new certificate under SIGHUP: who is connected stays, who comes sees the new one')
def reload(stack):
    gateway, shell = with_admin_tls(stack)
    first = file('first.pem', open(gateway.cert, encoding='ascii').read())
    token = machine(shell)
    made = shell.run('run', 'create', '--agent-id', 'lab-7', '--json').json
    share = sharing(stack, shell, token, '--pin', pin_of(first), '--verbose')
    joined(shell, made['id'])

    def ticket():
        value = shell.run('ticket', made['id'], '--json').json['ticket']
        return upgrade_fields('binary, porthole.ticket.' + value)

    ws = SecureWebSocket(gateway.port, '/ws/vnc/' + made['id'], ticket(), stack, cert=first)
    equal(ws.subject, 'first')
    viewer = TunnelViewer(ws)
    viewer.picture()
    api = SecureHttp(gateway.port, stack, first)
    api.request('GET', '/api/health').expect(200)

    make_certificate('second', gateway.cert, gateway.key)
    gateway.hang_up('read again')
    equal(gateway.subject(), 'second')
    viewer.picture()
    api.request('GET', '/api/health').expect(200)
    equal(api.subject, 'first')
    shell.run('login', gateway.url, '--username', 'alice', '--password-file',
              file('password', PASSWORD + '\n'), '--ca-file', gateway.cert)

    # What cannot be used leaves the old one in place.
    good = open(gateway.cert, encoding='ascii').read()
    key = open(gateway.key, encoding='ascii').read()

    def put(to, text, mode=0o600):
        with open(to, 'w', encoding='ascii') as out:
            out.write(text)
        os.chmod(to, mode)

    other_cert, other_key = path('cert.pem'), path('key.pem')
    make_certificate('third', other_cert, other_key)
    put(gateway.key, open(other_key, encoding='ascii').read())
    gateway.hang_up('the old certificate stays')
    put(gateway.key, key)
    put(gateway.cert, good[:len(good) // 2])
    gateway.hang_up('the old certificate stays')
    put(gateway.cert, '')
    gateway.hang_up('the old certificate stays')
    os.unlink(gateway.cert)
    gateway.hang_up('the old certificate stays')
    put(gateway.cert, good)
    put(gateway.key, key, 0o644)
    gateway.hang_up('chmod 600')
    put(gateway.key, key * 200)
    gateway.hang_up('the old certificate stays')
    equal(gateway.subject(), 'second')
    viewer.picture()
    put(gateway.key, key)
    gateway.hang_up('read again')
    equal(gateway.subject(), 'second')
    viewer.picture()
    expect(share.code is None, share.err)
    expect('PRIVATE KEY' not in gateway.err, gateway.err)
    gateway.stop()
    equal(ws.ended()[0], 1001, 'the close code')


@case('files that cannot be used: it does not start, and says why')
def wrong_files(stack):
    cert, key = path('cert.pem'), path('key.pem')
    make_certificate('one', cert, key)
    other_cert, other_key = path('cert.pem'), path('key.pem')
    make_certificate('two', other_cert, other_key)
    os.chmod(other_key, 0o644)
    shell = Shell(data=path('data'))
    for files, code, said in (((cert, path('none')), 1, 'No such file'),
                              ((path('none'), key), 1, 'No such file'),
                              ((cert, other_key), 1, 'chmod 600'), ((key, cert), 1, ''),
                              ((other_cert, key), 1, ''), (('/dev/zero', key), 1, 'too large'),
                              ((os.path.dirname(cert), key), 1, '')):
        shell.admin('gateway', '--listen', '127.0.0.1:0', '--tls-cert', files[0], '--tls-key',
                    files[1], code=code).says(said, files[0] if said == 'too large' else '')
    shell.admin('gateway', '--tls-cert', cert, code=2).says('--tls-key')
    shell.admin('gateway', '--tls-key', cert, code=2).says('--tls-cert')


@case('behind a proxy that ends TLS the cookie is Secure too')
def proxied(stack):
    gateway = Gateway(stack, '--public-url', 'https://gw.example.org')
    equal(gateway.started()['url'], 'https://gw.example.org')
    Shell(gateway).admin('user', 'create', 'alice', '--admin', '--password-file',
                         file('password', PASSWORD + '\n'))
    body = json.dumps({'username': 'alice', 'password': PASSWORD}).encode()
    fields = [('Host', 'gw.example.org'), ('Origin', 'https://gw.example.org'),
              ('Content-Type', 'application/json')]
    answer = gateway.ask('POST', '/api/auth/login', fields, body).expect(200)
    expect('; Secure' in answer.field('Set-Cookie'), answer.field('Set-Cookie'))
    expect('https://gw.example.org/#login=' in Shell(gateway).admin('user', 'link', 'alice').out,
           'the link')


class Proxy:
    """An HTTP proxy that knows where gateway.test is, and asks for a login."""

    LOGIN = base64.b64encode(b'me:p@ss').decode()

    def __init__(self, stack):
        self.asked, self.refused = [], 0
        self.listener = stack.enter_context(socket.create_server(('127.0.0.1', free_port())))
        self.port = self.listener.getsockname()[1]
        self.url = 'http://me:p%%40ss@127.0.0.1:%d' % self.port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.connect, args=(Wire(self.listener.accept()[0]),),
                                 daemon=True).start()

    def connect(self, wire):
        try:
            method, target, _ = wire.line().decode().split()
            fields = b''.join(iter(wire.line, b'')).decode()
        except Gone:
            return wire.close()
        if 'Basic ' + self.LOGIN not in fields:
            self.refused += 1
            wire.send(b'HTTP/1.1 407 Login\r\nContent-Length: 0\r\n\r\n')
            return wire.close()
        port = int(target.partition(':')[2])
        self.asked.append('%s %s' % (method, target))
        with socket.create_connection(('127.0.0.1', port)) as there, wire.sock as here:
            wire.send(b'HTTP/1.1 200 Connected\r\n\r\n')
            back = threading.Thread(target=self.copy, args=(there, here), daemon=True)
            back.start()
            self.copy(here, there)
            back.join()

    @staticmethod
    def copy(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


@case('an agent behind a proxy: requests and WebSockets go through it, but not to NO_PROXY')
def through_a_proxy(stack):
    gateway, shell = with_admin_tls(stack, '--host', 'gateway.test')
    proxy = Proxy(stack)
    token = machine(shell)
    far = 'https://gateway.test:%d' % gateway.port  # nobody but the proxy knows that name

    def look(agent):
        made = shell.run('run', 'create', '--agent-id', 'lab-7', '--json').json
        joined(shell, made['id'])
        value = shell.run('ticket', made['id'], '--json').json['ticket']
        fields = upgrade_fields('binary, porthole.ticket.' + value)
        TunnelViewer(SecureWebSocket(gateway.port, '/ws/vnc/' + made['id'], fields, stack,
                                     cert=gateway.cert)).picture()
        equal(agent.err.count('agent: connected to'), 1, 'control WebSockets')
        agent.stop()

    for env in ({'HTTPS_PROXY': proxy.url}, {'https_proxy': proxy.url, 'NO_PROXY': 'other.test'},
                {'ALL_PROXY': proxy.url, 'HTTPS_PROXY': ''}):
        proxy.asked.clear()
        look(sharing(stack, shell, token, '--ca-file', gateway.cert, url=far, env=env))
        equal(set(proxy.asked), {'CONNECT gateway.test:%d' % gateway.port}, env)
        # One at least for requests, the control WebSocket, and the viewer's.
        expect(len(proxy.asked) >= 3, env, proxy.asked)
    proxy.asked.clear()
    for env in ({'NO_PROXY': 'gateway.test, 127.0.0.1'}, {'no_proxy': '*'},
                {'NO_PROXY': '127.0.0.0/8'}):
        look(sharing(stack, shell, token, '--ca-file', gateway.cert,
                     env={'HTTPS_PROXY': proxy.url, **env}))
    equal(proxy.asked, [], 'what NO_PROXY keeps away')
    said = sharing(stack, shell, token, '--ca-file', gateway.cert, url=far,
                   env={'HTTPS_PROXY': proxy.url.replace('http', 'socks5')})
    equal(said.wait(), 1)
    expect('NO_PROXY' in said.err and 'p%40ss' not in said.err, said.err)
    wrong = sharing(stack, shell, token, '--ca-file', gateway.cert, url=far,
                    env={'HTTPS_PROXY': 'http://127.0.0.1:%d' % proxy.port})
    eventually(lambda: 'cannot register' in wrong.err, 'it says that it cannot')
    expect(proxy.refused, 'the proxy was asked')
    wrong.stop()
    gateway.stop()


main()
