#!/usr/bin/python3
"""`porthole share` as the runner of an existing gateway, which this file plays: it
checks each signature, hands out commands, and joins desktop and viewer."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import queue
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import *

SECRET = '0123456789abcdef0123456789abcdef'
TOKEN = 'ab' * 32
CLIENT_TOKEN = 'cd' * 32
RUN = 'l_fbQxUaawc5'


class OldGateway:
    def __init__(self, stack):
        self.events, self.commands, self.acks, self.problems = [], [], {}, []
        self.heartbeats = self.registered = self.n_polls = 0
        self.skew = 0
        self.nonces = set()
        self.sockets = queue.Queue()
        self.headers = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.serve(self, 'GET')

            def do_POST(self):
                owner.serve(self, 'POST')

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.url = 'http://127.0.0.1:%d' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        stack.callback(self.server.server_close)
        stack.callback(self.server.shutdown)

    def judge(self, request, method, path, body):
        field = lambda name: request.headers.get(name, '')
        stamp = field('X-Timestamp')
        if not (field('X-Signature') and stamp.isdigit() and field('X-Nonce')):
            return 401, 'Missing authentication headers'
        if abs(time.time() + self.skew - int(stamp)) > 300:
            return 401, 'Request timestamp out of allowed range'
        if field('X-Nonce') in self.nonces:
            return 401, 'Nonce already used (replay attack detected)'
        text = '\n'.join([method, path, hashlib.sha256(body).hexdigest(), stamp, field('X-Nonce'),
                          field('X-Run-Id'), field('X-Capability-Token')])
        if field('X-Signature') != hmac.new(SECRET.encode(), text.encode(), 'sha256').hexdigest():
            return 401, 'Invalid signature'
        self.nonces.add(field('X-Nonce'))
        if path.startswith('/api/clients'):
            if field('X-Client-Token') != CLIENT_TOKEN:
                return 403, 'Invalid client token'
        elif (field('X-Run-Id'), field('X-Capability-Token')) != (RUN, TOKEN):
            return 403, 'Invalid capability token for run'
        return 200, None

    def serve(self, request, method):
        body = request.rfile.read(int(request.headers.get('Content-Length') or 0))
        path = request.path
        if path == '/ws/vnc/' + RUN:
            self.upgrade(request)
            return
        status, error = self.judge(request, method, path, body)
        answer = {'error': error} if error else self.answer(path, body)
        if error and not self.skew:
            self.problems.append((path, error))
        data = json.dumps(answer).encode()
        request.send_response(status)
        stamp = time.time() + self.skew
        request._headers_buffer = [line for line in request._headers_buffer
                                   if not line.startswith(b'Date:')]
        request.send_header('Date', time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime(stamp)))
        request.send_header('Content-Type', 'application/json')
        request.send_header('Content-Length', str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def answer(self, path, body):
        if path == '/api/clients/register':
            self.registered += 1
            return {'id': 'abcdefghijkl', 'updated': True}
        if path == '/api/clients/heartbeat':
            self.heartbeats += 1
            return {'ok': True, 'timestamp': int(time.time())}
        if path == '/api/ingest/event':
            self.events.append(json.loads(body))
            return {'ok': True, 'eventId': len(self.events)}
        if path.endswith('/ack'):
            command = path.split('/')[-2]
            self.acks[command] = json.loads(body)
            self.commands = [c for c in self.commands if c['id'] != command]
            return {'ok': True}
        if path == '/api/runs/%s/commands' % RUN:
            self.n_polls += 1
            return self.commands
        self.problems.append((path, 'no such endpoint'))
        return {}

    def upgrade(self, request):
        key = request.headers['Sec-WebSocket-Key'].encode()
        accept = base64.b64encode(hashlib.sha1(
            key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest())
        self.headers.append(dict(request.headers))
        request.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                            b'Connection: Upgrade\r\nSec-WebSocket-Accept: ' + accept +
                            b'\r\nSec-WebSocket-Protocol: binary\r\n\r\n')
        request.close_connection = True
        socket = Desktop(request.rfile, request.connection)
        self.sockets.put(socket)
        socket.over.wait(60)

    def command(self, text):
        name = 'cmd-%d' % (len(self.acks) + len(self.commands))
        self.commands = [*self.commands, {'id': name, 'command': text, 'created_at': 1}]
        return name

    def acked(self, command):
        return eventually(lambda: self.acks.get(command), 'an acknowledgement of ' + command)

    def markers(self, event):
        found = [json.loads(e['data']) for e in self.events if e['type'] == 'marker']
        return [m for m in found if m['event'] == event]


class Desktop:
    """The gateway's end of a desktop's WebSocket, and a viewer that looks through it."""

    def __init__(self, stream, sock):
        self.stream, self.sock, self.buffer = stream, sock, b''
        self.over = threading.Event()
        sock.settimeout(PATIENCE_S)

    def frame(self):
        head = self.stream.read(2)
        if len(head) < 2:
            raise Gone()
        n = head[1] & 127
        expect(head[1] & 128, 'a client masks its frames')
        if n == 126:
            n = struct.unpack('>H', self.stream.read(2))[0]
        elif n == 127:
            n = struct.unpack('>Q', self.stream.read(8))[0]
        mask = self.stream.read(4)
        data = self.stream.read(n)
        plain = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        return head[0] & 15, plain

    def read(self, n):
        while len(self.buffer) < n:
            opcode, data = self.frame()
            if opcode == 8:
                raise Gone()
            if opcode == 2:
                self.buffer += data
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def send(self, data):
        self.sock.sendall(bytes([0x82, len(data)]) + data)

    def see(self):
        """A viewer's first steps: the size of the screen, and a piece of it."""
        equal(self.read(12), b'RFB 003.008\n')
        self.send(b'RFB 003.008\n')
        equal(self.read(2), b'\x01\x01')
        self.send(b'\x01')
        equal(self.read(4), b'\0\0\0\0')
        self.send(b'\x01')
        size = struct.unpack('>HH', self.read(4))
        self.read(16)
        self.read(struct.unpack('>I', self.read(4))[0])
        self.send(struct.pack('>BxHi', 2, 1, 0))
        self.send(struct.pack('>BBHHHH', 3, 0, 0, 0, 8, 8))
        return size, self.read(4)

    def close(self):
        self.sock.sendall(b'\x88\x02\x03\xe8')
        self.over.set()


def join(stack, gateway, *options, env=None, **more):
    token = file('capability', TOKEN + '\n')
    env = {'HMAC_SECRET': SECRET, 'CLIENT_TOKEN': CLIENT_TOKEN,
           'VNC_COMMAND_POLL_INTERVAL': '0.2', **(env or {})}
    return Porthole(stack, 'share', '--screen', 'pattern', '--size', '320x200', '--listen',
                    '127.0.0.1:0', '--run-id', RUN, '--capability-token-file', token,
                    '--gateway-url', gateway.url, '--agent-id', 'agent-1', *options, env=env,
                    **more)


@case('it registers, says that it started, polls and beats')
def joins(stack):
    gateway = OldGateway(stack)
    join(stack, gateway)
    started = eventually(lambda: gateway.markers('started'), 'the started marker')[0]
    equal(started['command'], 'vnc')
    equal(started['workerType'], 'vnc')
    equal(started['displayMode'], 'screen')
    equal(started['resolution'], '320x200')
    equal(len(started['capabilities']), 4)
    equal(started['agentId'], 'agent-1')
    eventually(lambda: gateway.n_polls > 3, 'polls')
    expect(gateway.registered == 1 and gateway.heartbeats >= 1, 'registered, and beats')
    equal([e['sequence'] for e in gateway.events], list(range(len(gateway.events))))
    equal(gateway.problems, [])


@case('START opens a WebSocket on which it is the server, and stays seen while streaming')
def streams(stack):
    gateway = OldGateway(stack)
    share = join(stack, gateway)
    start = gateway.command('__START_VNC_STREAM__')
    desktop = gateway.sockets.get(timeout=PATIENCE_S)
    equal(gateway.headers[0].get('X-VNC-Client'), 'true')
    equal(gateway.acked(start), {'result': 'VNC streaming started', 'error': None})
    size, _ = desktop.see()
    equal(size, (320, 200))
    unknown = gateway.command('make coffee')
    expect(gateway.acked(unknown)['error'], 'an unknown command is an error')
    # Its viewer leaves; the next one finds it again.
    desktop.close()
    again = gateway.sockets.get(timeout=PATIENCE_S)
    equal(again.see()[0], (320, 200))
    stop = gateway.command('__STOP__')
    equal(gateway.acked(stop), {'result': 'Stopping', 'error': None})
    eventually(lambda: gateway.markers('finished'), 'the finished marker')
    equal(gateway.markers('finished')[0]['exitCode'], 0)
    equal(share.wait(), 0)
    desktop.over.set()
    again.over.set()
    equal(gateway.problems, [])


@case('a clock that is wrong is corrected by the gateway\'s')
def clock(stack):
    gateway = OldGateway(stack)
    gateway.skew = 4000
    share = join(stack, gateway)
    eventually(lambda: gateway.markers('started'), 'the started marker')
    expect('clock' in share.err, 'it says so:', share.err)


@case('a secret that is too short, or none, is an error')
def secrets(stack):
    gateway = OldGateway(stack)
    short = join(stack, gateway, env={'HMAC_SECRET': 'short'}, ready=False)
    equal(short.wait(), 1)
    expect('32' in short.err, short.err)
    nothing = join(stack, gateway, env={'HMAC_SECRET': '', 'CLIENT_TOKEN': ''}, ready=False)
    equal(nothing.wait(), 1)
    expect('credential' in nothing.err, nothing.err)
    equal(gateway.events, [])


@case('a wrong capability token ends it with a sentence')
def refused(stack):
    gateway = OldGateway(stack)
    wrong = file('wrong', 'ef' * 32 + '\n')
    share = join(stack, gateway, '--capability-token-file', wrong)
    equal(share.wait(), 1)
    expect('capability token' in share.err, share.err)


@case('a token in argv is overwritten at once, and no secret is logged')
def hidden(stack):
    gateway = OldGateway(stack)
    share = join(stack, gateway, '--capability-token', TOKEN, '--verbose')
    eventually(lambda: gateway.markers('started'), 'the started marker')
    with open('/proc/%d/cmdline' % share.pid, 'rb') as f:
        expect(TOKEN.encode() not in f.read(), 'the token stands in the list of processes')
    for secret in (TOKEN, SECRET, CLIENT_TOKEN):
        expect(secret not in share.err and secret not in share.out, 'a secret was logged')


main()
