# run_tests: parallel timeout=300
"""Who may knock: local peers, browsers, strangers, and who speaks something else."""
import base64
import os
import re
import socket
import struct
import time

from harness import *

# A viewer in a few lines, for another user: prints what it is told in place of
# security types, or "in".
KNOCK = r'''
import socket, sys
family, address = (socket.AF_UNIX, sys.argv[1]) if sys.argv[1][0] == "/" else (
    socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, (sys.argv[1], int(sys.argv[2])))
s = socket.socket(family)
s.settimeout(30)
try:
    s.connect(address)
except PermissionError:
    sys.exit("kept out")
f = s.makefile("rwb")
f.read(12); f.write(b"RFB 003.008\n"); f.flush()
n = f.read(1)[0]
if n == 0:
    print(f.read(int.from_bytes(f.read(4), "big")).decode())
else:
    print("in", f.read(n))
    f.write(b"\1"); f.flush(); print(f.read(4))
'''


def knock(stack, *address):
    stranger = as_nobody(stack, '/usr/bin/python3', '-c', KNOCK, *address)
    stranger.wait()
    return stranger.out + stranger.err


@case('a local peer of another user is refused with a reason')
def strangers(stack):
    six, plain = free_port('::1'), free_port()
    server, port = share(stack, '--listen', '[::1]:%d' % six, '--rfb-listen',
                         '127.0.0.1:%d' % plain)
    for address in (('127.0.0.1', port), ('::1', six), ('127.0.0.1', plain)):
        said = knock(stack, *address)
        expect('Other users' in said and 'in ' not in said.split('\n')[0][:3], address, said)
    viewer(stack, port).look()
    server.stop()
    server, port = share(stack, '--allow-local-users')
    expect('in' in knock(stack, '127.0.0.1', port), 'not let in')
    server.stop()
    server, port = share(stack, '--password-file', file('password', 'geheim'))
    expect("b'\\x02'" in knock(stack, '127.0.0.1', port), 'is not asked for a password')
    server.stop()
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', 'unix:' + path('socket'))
    expect('kept out' in knock(stack, server.entrances()[0][5:]), 'lets in')
    server.stop()


def http(port, text, host='127.0.0.1'):
    """Status and all of the answer to a request; None when there is none."""
    with connect((host, port)) as sock:
        sock.sendall(text.replace('\n', '\r\n').encode('latin-1'))
        sock.settimeout(20)
        data = b''
        try:
            while b'\r\n\r\n' not in data:
                part = sock.recv(65536)
                if not part:
                    break
                data += part
        except ConnectionError:
            pass
    return (int(data.split()[1]), data.decode('latin-1')) if data else (None, '')


KEY = base64.b64encode(b'0123456789abcdef').decode()


def upgrade(port, host=None, origin=None, protocols=None, path_='/websockify'):
    text = 'GET %s HTTP/1.1\nHost: %s\nUpgrade: websocket\nConnection: Upgrade\n' % (
        path_, host or '127.0.0.1:%d' % port)
    text += 'Sec-WebSocket-Version: 13\nSec-WebSocket-Key: %s\n' % KEY
    text += 'Origin: %s\n' % origin if origin else ''
    text += 'Sec-WebSocket-Protocol: %s\n' % protocols if protocols else ''
    return http(port, text + '\n')


@case('a WebSocket needs the secret, and a right Host and Origin')
def websockets(stack):
    server, port = share(stack)
    ours, good = 'http://127.0.0.1:%d' % port, 'binary, porthole.secret.' + server.secret
    equal(len(base64.urlsafe_b64decode(server.secret + '==')) >= 16, True, 'bits of the secret')
    equal(upgrade(port, protocols=good)[0], 101, 'with the secret')
    equal(upgrade(port, origin=ours, protocols=good)[0], 101, 'with our own origin')
    expect('Sec-WebSocket-Protocol: binary\r\n' in upgrade(port, protocols=good)[1], 'binary')
    expect('porthole.secret' not in upgrade(port, protocols=good)[1], 'the secret comes back')
    wrong = server.secret[:-1] + ('A' if server.secret[-1] != 'A' else 'B')
    for protocols in (None, 'binary', 'binary, porthole.secret.', 'binary, porthole.secret.x',
                      'binary, porthole.secret.' + wrong, 'porthole.secret' + server.secret,
                      'binary, porthole.secret.' + server.secret + 'x',
                      'binary, ' + server.secret):
        equal(upgrade(port, protocols=protocols)[0], 403, protocols)
    equal(upgrade(port, protocols=good, path_='/other')[0], 404, 'another path')
    for host in ('evil.example', 'evil.example:%d' % port, '127.0.0.1:%d' % (port + 1),
                 '127.0.0.1.evil.example', '0.0.0.0:%d' % port, '127.0.0.2:%d' % port):
        equal(upgrade(port, host=host, protocols=good)[0], 421, host)
        equal(http(port, 'GET / HTTP/1.1\nHost: %s\n\n' % host)[0], 421, host)
    for origin in ('http://evil.example', 'null', 'https://127.0.0.1:%d' % port,
                   'http://127.0.0.1:%d' % (port + 1), 'http://localhost.evil.example',
                   ours + '.evil.example', 'file://'):
        equal(upgrade(port, origin=origin, protocols=good)[0], 403, origin)
    for host in ('localhost:%d' % port, '[::1]:%d' % port):
        equal(upgrade(port, host=host, protocols=good)[0], 101, host)
    server.stop()


@case('further hosts and origins; with a password no secret')
def configured(stack):
    server, port = share(stack, '--host', 'lab.example', '--origin', 'https://page.example')
    good = 'binary, porthole.secret.' + server.secret
    equal(upgrade(port, host='lab.example:%d' % port, protocols=good)[0], 101, 'host')
    equal(upgrade(port, origin='https://page.example', protocols=good)[0], 101, 'origin')
    equal(upgrade(port, origin='http://page.example', protocols=good)[0], 403, 'origin')
    equal(upgrade(port, origin='https://page.example')[0], 403, 'no secret')
    server.stop()
    server, port = share(stack, '--password-file', file('password', 'geheim'))
    equal(server.secret, '', 'secret')
    equal(upgrade(port, protocols='binary')[0], 101, 'binary')
    equal(upgrade(port)[0], 101, 'no subprotocol')
    server.stop()


@case('a viewer over a WebSocket, masked and in small pieces')
def over_websocket(stack):
    server, port = share(stack, '--size', '64x48')
    sock = connect(port)
    stack.callback(sock.close)
    text = ('GET /websockify HTTP/1.1\nHost: localhost:%d\nUpgrade: websocket\nConnection: Upgrade\n'
            'Sec-WebSocket-Version: 13\nSec-WebSocket-Key: %s\n'
            'Sec-WebSocket-Protocol: binary, porthole.secret.%s\n\n' % (port, KEY, server.secret))
    sock.sendall(text.replace('\n', '\r\n').encode())
    stream = sock.makefile('rb')
    while stream.readline() != b'\r\n':
        pass
    pending = b''

    def say(data):
        for byte in data:
            sock.sendall(b'\x82\x81' + b'mask' + bytes([byte ^ b'm'[0]]))

    def hear(n):
        nonlocal pending
        while len(pending) < n:
            head = stream.read(2)
            size = head[1]
            if size >= 126:
                size = int.from_bytes(stream.read(2 if size == 126 else 8), 'big')
            pending += stream.read(size)
        taken, pending = pending[:n], pending[n:]
        return taken
    equal(hear(12), b'RFB 003.008\n', 'greeting')
    say(b'RFB 003.008\n')
    equal(hear(2), b'\x01\x01', 'types')
    say(b'\x01')
    equal(hear(4), bytes(4), 'result')
    say(b'\x01')
    equal(struct.unpack('>HH', hear(4)), (64, 48), 'size')
    hear(16)
    hear(int.from_bytes(hear(4), 'big'))
    say(struct.pack('>BBHHHH', 3, 0, 0, 0, 64, 48))
    equal(hear(4)[0], 0, 'update')
    server.stop()


HELLO = bytes.fromhex('16030100c4010000c00303') + bytes(200)


@case('who shows HTTP or TLS after the greeting is closed without a word')
def wrong_language(stack):
    plain = free_port()
    server, port = share(stack, '--rfb-listen', '127.0.0.1:%d' % plain)
    for words in (b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', HELLO, b'\0' * 12, b'RFB 9.9\n\n\n\n',
                  b'RFB 003.00x\n', b'SSH-2.0-OpenSSH_9.2\r\n'):
        for address, wait in ((port, True), (plain, False)):
            sock = connect(address)
            equal(sock.recv(12), b'RFB 003.008\n', 'greeting')
            sock.sendall(words)
            expect(closed_quietly(sock), words, 'was answered')
            sock.close()
    # TLS at once, before the greeting.
    sock = connect(port)
    sock.sendall(HELLO)
    expect(closed_quietly(sock), 'TLS was answered')
    viewer(stack, port).look()
    server.stop()


@case('a security type that is not offered is refused')
def wrong_type(stack):
    server, port = share(stack, '--password-file', file('password', 'geheim'))
    for kind in (0, 1, 16, 19, 255):
        v = Viewer(port, init=False)
        v.send(b'RFB 003.008\n')
        equal(v.read(2), b'\x01\x02', 'types')
        v.send(bytes([kind]) + b'\x01' * 17)
        equal(v.u32(), 1, 'result for type %d' % kind)
        v.read_text()
        expect(closed_quietly(v.sock), kind)
    for version, answer in ((b'RFB 003.003\n', b'\0\0\0\x02'), (b'RFB 003.889\n', b'\x01\x02'),
                            (b'RFB 003.005\n', b'\0\0\0\x02'), (b'RFB 003.007\n', b'\x01\x02')):
        v = Viewer(port, init=False)
        v.send(version)
        equal(v.read(len(answer)), answer, version)
        v.close()
    server.stop()


@case('the secret is in no command line, environment or log')
def secrecy(stack):
    passwords = file('password', 'GehAim77\nanSchau5\n')
    server, port = share(stack, '--verbose')
    locked, locked_port = share(stack, '--verbose', '--password-file', passwords)
    upgrade(port, protocols='binary, porthole.secret.' + server.secret)
    upgrade(port, protocols='binary, porthole.secret.' + server.secret + 'x')
    v = viewer(stack, port)
    v.send(b'\x06\0\0\0' + struct.pack('>I', 9) + b'cut-Text!')
    for key in b'keys%':
        v.key(key, 1)
        v.key(key, 0)
    v.look()
    v = Viewer(locked_port, init=False)
    v.send(b'RFB 003.008\n\x02' + b'GehAim77GehAim77')
    v.read(2 + 16)
    v.u32()
    secrets = [server.secret, 'GehAim77', 'anSchau5', 'cut-Text']
    for process in (server, locked):
        for secret in secrets:
            expect(secret not in process.err, process.err)
        for pid in [process.pid] + descendants(process.pid):
            for what in ('cmdline', 'environ'):
                try:
                    with open('/proc/%d/%s' % (pid, what), 'rb') as data:
                        text = data.read().decode('latin-1')
                except PermissionError:
                    continue
                for secret in secrets:
                    expect(secret not in text, what, text)
    equal(os.stat('/proc/%d/mem' % server.pid).st_uid, 0, 'not dumpable: its memory is root\'s')
    server.stop()
    locked.stop()


@case('heads that are too long or never end; 300 that wait')
def slow_and_long(stack):
    server, port = share(stack)
    status, text = http(port, 'GET / HTTP/1.1\nHost: localhost:%d\nX: %s\n\n' % (port, 'x' * 70000))
    expect(status in (None, 400, 413, 431), status)
    status, text = http(port, 'GET /' + 'x' * 9000 + ' HTTP/1.1\nHost: localhost:%d\n\n' % port)
    expect(status in (400, 414, 431), status)
    before = status_of(server.pid, 'VmRSS')
    crowd = []
    for i in range(300):
        sock = connect(port)
        sock.sendall(b'GET / HTTP/1.1\r\nHost: ' if i % 2 else b'RFB 003')
        crowd.append(sock)
    v = viewer(stack, port)
    v.look()
    grown = status_of(server.pid, 'VmRSS') - before
    expect(grown < 60000, grown, 'KB more')
    for sock in crowd:
        sock.close()
    v.look()
    server.stop()


main()
