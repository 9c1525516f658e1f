#!/usr/bin/python3
"""A gateway whose peers leave at any moment: agents, viewers, live pages, runners and
administrators at once, each of which may break off in the middle of anything. The
gateway stays, loses nothing it acknowledged, and ends in order."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import secrets
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import *

SECRET = '0123456789abcdef0123456789abcdef'
PASSWORD = 'correct horse battery'
SEED = int(os.environ.get('CHAOS_SEED', '0')) or secrets.randbits(32)
SECONDS = float(os.environ.get('CHAOS_SECONDS', '6'))
NO_BODY = hashlib.sha256(b'').hexdigest()


class Gone(Exception):
    """The other side has closed, or we have."""


def hmac_hex(key, text):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Gateway:
    def __init__(self, stack):
        self.dir, self.password = path('data'), file('password', PASSWORD + '\n')
        self.process = Process(
            stack, PORTHOLE, 'gateway', '--data-dir', self.dir, '--listen', '127.0.0.1:0', '--json',
            '--legacy-runner', '--address-rate', '1000000', '--agent-rate', '1000000',
            env={'HMAC_SECRET': SECRET})
        ready = json.loads(eventually(lambda: self.process.out, 'the gateway is ready'))
        self.port = int(ready['url'].rsplit(':', 1)[1])
        run(PORTHOLE, 'user', 'create', 'admin', '--admin', '--password-file', self.password,
            '--data-dir', self.dir)
        self.token = self.login('admin')

    def login(self, name):
        status, answer = self.ask('POST', '/api/auth/login', {
            'username': name, 'password': PASSWORD, 'bearer': True}, token=None)
        return answer['token'] if status == 200 else None

    def ask(self, method, target, body=None, token='', fields=None):
        """Status and answer of one whole request."""
        text = None if body is None else json.dumps(body).encode()
        head = {'Content-Type': 'application/json', **(fields or {})}
        if token is not None:
            head['Authorization'] = 'Bearer ' + (token or self.token)
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, text, head)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(said) if said[:1] in (b'{', b'[') else said

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=PATIENCE_S)


class Run:
    def __init__(self, gateway, client=None):
        _, answer = gateway.ask('POST', '/api/runs', client or {})
        self.id, self.token = answer['id'], answer['capabilityToken']
        self.kept = []  # texts of events that were acknowledged

    def sign(self, method, target, body=b'', key=SECRET, agent=None):
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        text = '\n'.join([method, target, hashlib.sha256(body).hexdigest(), stamp, nonce,
                          self.id, self.token])
        fields = {'X-Signature': hmac_hex(key, text), 'X-Timestamp': stamp, 'X-Nonce': nonce,
                  'X-Run-Id': self.id, 'X-Capability-Token': self.token}
        return {**fields, 'X-Agent-Id': agent} if agent else fields


class Peer:
    """A connection that may be broken off, and the frames of a WebSocket on it."""

    def __init__(self, gateway, dice):
        self.dice, self.rest = dice, b''
        self.socket = gateway.connect()
        self.socket.settimeout(2)
        self.host = '127.0.0.1:%d' % gateway.port

    def break_off(self):
        if self.dice.random() < 0.5:  # else in order
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def send(self, data):
        """At times only the beginning, and then nothing ever."""
        try:
            if self.dice.random() < 0.02:
                self.socket.sendall(data[:self.dice.randrange(len(data) + 1)])
                raise Gone()
            self.socket.sendall(data)
        except OSError as error:
            raise Gone() from error

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except OSError as error:
            raise Gone() from error
        if not more:
            raise Gone()
        self.rest += more

    def receive(self, n):
        while len(self.rest) < n:
            self.fill()
        part, self.rest = self.rest[:n], self.rest[n:]
        return part

    def receive_to(self, end):
        while end not in self.rest:
            self.fill()
        part, self.rest = self.rest.split(end, 1)
        return part

    def request(self, method, target, fields=None, body=b''):
        lines = ['%s %s HTTP/1.1' % (method, target), 'Host: ' + self.host]
        lines += ['%s: %s' % field for field in (fields or {}).items()]
        if body or method == 'POST':
            lines += ['Content-Type: application/json', 'Content-Length: %d' % len(body)]
        return '\r\n'.join(lines + ['', '']).encode() + body

    def upgrade(self, target, fields, early=b''):
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.send(self.request('GET', target, {
            'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': key, **fields}) + early)
        if self.dice.random() < 0.1:
            raise Gone()
        if b' 101 ' not in self.receive_to(b'\r\n\r\n').split(b'\r\n')[0]:
            raise Gone()

    def frame(self, data, opcode=2, fin=True):
        n = len(data)
        size = (struct.pack('>B', 0x80 | n) if n < 126 else
                struct.pack('>BH', 0xfe, n) if n < 65536 else struct.pack('>BQ', 0xff, n))
        mask = bytes(4)
        return bytes([(0x80 if fin else 0) | opcode]) + size + mask + data

    def say(self, message):
        self.send(self.frame(json.dumps(message).encode(), 1))

    def next_frame(self):
        first, size = self.receive(2)
        size &= 127
        if size == 126:
            size, = struct.unpack('>H', self.receive(2))
        elif size == 127:
            size, = struct.unpack('>Q', self.receive(8))
        data = self.receive(size)
        if first & 15 == 8:
            raise Gone()
        if first & 15 == 9:
            self.send(self.frame(data, 10))
        return first & 15, data


class Chaos:
    def __init__(self, gateway):
        self.gateway, self.end = gateway, time.monotonic() + SECONDS
        _, client = gateway.ask('POST', '/api/clients/create', {
            'displayName': 'chaos', 'agentId': 'chaos'})
        self.key = hmac_hex(client['token'], 'porthole agent key')
        self.runs = [Run(gateway, {'clientId': client['id']}) for _ in range(3)]
        self.own = Run(gateway)  # of an existing runner, and not deleted
        _, user = gateway.ask('POST', '/api/users', {
            'username': 'guest', 'password': PASSWORD, 'role': 'operator'})
        self.guest, self.guest_token = user['id'], gateway.login('guest')
        self.client = client['id']
        self.problems = []
        self.done = {}

    def actor(self, number, act):
        dice = random.Random('%d %d' % (SEED, number))
        while time.monotonic() < self.end and not self.problems:
            peer = None
            try:
                peer = Peer(self.gateway, dice)
                act(peer, dice)
                self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
            except (Gone, OSError):
                pass
            except Exception:
                self.problems.append(traceback.format_exc())
            if peer:
                peer.break_off()

    def requests(self, peer, dice):
        """Requests without waiting for answers."""
        run = dice.choice(self.runs)
        targets = ['/api/health', '/api/runs?limit=200', '/api/runs/%s' % run.id, '/', '/metrics',
                   '/api/vnc/stats', '/api/audit', '/api/runs/%s/vnc' % run.id, '/x/machines',
                   '/api/runs/%s/events' % run.id, '/api/dashboard/stats', '/..%2f', '/%00']
        token = {'Authorization': 'Bearer ' + dice.choice([self.gateway.token, 'x' * 96])}
        for _ in range(dice.randrange(1, 8)):
            peer.send(peer.request('GET', dice.choice(targets), token))
        if dice.random() < 0.3:
            peer.send(peer.request('POST', '/api/auth/login', body=b'{"a":' * 31 + b'1' + b'}' * 31))
        if dice.random() < 0.5:
            peer.receive(dice.randrange(1, 2000))

    def events(self, peer, dice):
        """What is acknowledged is kept."""
        for _ in range(5):
            text = secrets.token_hex(8)
            body = json.dumps({'type': 'info', 'data': text}).encode()
            peer.send(peer.request('POST', '/api/ingest/event',
                                   self.own.sign('POST', '/api/ingest/event', body), body))
            if dice.random() < 0.1:
                return
            if peer.receive_to(b'}').startswith(b'HTTP/1.1 200'):
                self.own.kept.append(text)

    def live(self, peer, dice):
        peer.upgrade('/ws', {'Cookie': 'session=' + dice.choice(
            [self.gateway.token, self.guest_token or 'x']), 'Origin': 'http://' + peer.host})
        for _ in range(dice.randrange(30)):
            what = dice.choice(['subscribe', 'unsubscribe', 'ping', 'nonsense'])
            peer.say({'type': what, 'runId': dice.choice(self.runs).id})
            if dice.random() < 0.1:
                peer.send(peer.frame(b'', 9))
            if dice.random() < 0.3:
                peer.next_frame()

    def agent(self, peer, dice):
        run = dice.choice(self.runs)
        target = '/ws/agent/' + run.id
        fields = run.sign('GET', target, key=self.key, agent='chaos')
        peer.upgrade(target, {**fields, 'Sec-WebSocket-Protocol': 'porthole.agent.v1'})
        peer.say({'type': 'hello', 'version': 1, 'kinds': ['rfb'], 'agent': 'chaos'})
        until = time.monotonic() + dice.random()
        while time.monotonic() < until:
            opcode, data = peer.next_frame()
            message = json.loads(data) if opcode == 1 else {}
            if message.get('type') != 'open':
                continue
            if dice.random() < 0.1:
                peer.say({'type': 'refused', 'channel': message['channel'], 'reason': 'no'})
            elif dice.random() < 0.9:
                threading.Thread(target=self.channel, args=(run, message, dice.random())).start()
        if dice.random() < 0.2:
            peer.send(peer.frame(b'[[', 1))

    def channel(self, run, message, seed):
        dice = random.Random(seed)
        target = '/ws/agent/%s/%s' % (run.id, message['channel'])
        peer = None
        try:
            peer = Peer(self.gateway, dice)
            fields = run.sign('GET', target, key=self.key, agent='chaos')
            peer.upgrade(target, {**fields, 'Sec-WebSocket-Protocol': message['protocol']})
            self.stream(peer, dice)
            self.done['channel'] = self.done.get('channel', 0) + 1
        except (Gone, OSError):
            pass
        if peer:
            peer.break_off()

    def stream(self, peer, dice, most=200000):
        for _ in range(dice.randrange(20)):
            peer.send(peer.frame(bytes(dice.choice([0, 1, 64, 5000, most])),
                                 fin=dice.random() < 0.9))
            if dice.random() < 0.3:
                peer.socket.settimeout(0.05)
                peer.next_frame()

    def viewer(self, peer, dice):
        run = dice.choice(self.runs)
        status, ticket = self.gateway.ask(
            'POST', '/api/runs/%s/vnc/tickets' % run.id,
            {'rights': dice.choice(['view', 'control'])},
            dice.choice([None, self.gateway.token, self.guest_token or 'x']) or '')
        if status != 200:
            return
        protocol = dice.choice(['binary', 'porthole.v1'])
        early = peer.frame(bytes(1000)) if dice.random() < 0.3 else b''
        peer.upgrade('/ws/vnc/' + run.id, {
            'Sec-WebSocket-Protocol': '%s, porthole.ticket.%s' % (protocol, ticket['ticket'])},
            early)
        self.stream(peer, dice)

    def runner(self, peer, dice):
        """An existing runner, and now and then its viewer."""
        self.gateway.ask('POST', '/api/runs/%s/vnc/start' % self.own.id)
        target = '/api/runs/%s/commands' % self.own.id
        self.gateway.ask('GET', target, token=None, fields=self.own.sign('GET', target))
        if dice.random() < 0.5:
            peer.upgrade('/ws/vnc/' + self.own.id, {'X-VNC-Client': 'true'})
        else:
            peer.upgrade('/ws/vnc/' + self.own.id, {'Authorization': 'Bearer ' + self.gateway.token})
        # Little enough to be read before there is a viewer: who is not, is missed after a minute.
        self.stream(peer, dice, 5000)

    def administrator(self, _, dice):
        ask, at = self.gateway.ask, dice.randrange(len(self.runs))
        run, what = self.runs[at], dice.randrange(8)
        if what == 0:
            ask('DELETE', '/api/runs/' + run.id)
            self.runs[at] = Run(self.gateway, {'clientId': self.client})
        elif what == 1:
            ask('PATCH', '/api/users/' + self.guest, {'disabled': True})
            ask('PATCH', '/api/users/' + self.guest, {'disabled': False})
            self.guest_token = self.gateway.login('guest')
        elif what == 2:
            ask('DELETE', '/api/runs/%s/vnc' % run.id)
        elif what == 3:
            ask('POST', '/api/auth/logout', token=self.guest_token or 'x')
            self.guest_token = self.gateway.login('guest')
        elif what == 4:
            _, status = ask('GET', '/api/runs/%s/vnc' % run.id)
            for viewer in status.get('viewers', [])[:3]:
                ask('POST', '/api/runs/%s/vnc/control' % run.id, {'channel': viewer['channel']})
                ask('DELETE', '/api/runs/%s/vnc/viewers/%s' % (run.id, viewer['channel']))
        elif what == 5:
            ask('PATCH', '/api/clients/' + self.client, {'operatorEnabled': False})
            ask('PATCH', '/api/clients/' + self.client, {'operatorEnabled': True})
        elif what == 6:
            ask('POST', '/api/runs/%s/vnc/control' % run.id, {'channel': None})
        else:
            ask('POST', '/api/runs/%s/command' % run.id, {'command': 'x'})
        time.sleep(0.05 * dice.random())

    def rage(self):
        acts = [self.requests] * 2 + [self.events] * 3 + [self.live] * 2 + [self.agent] * 4 + [
            self.viewer] * 6 + [self.runner] * 2 + [self.administrator] * 2
        threads = [threading.Thread(target=self.actor, args=pair) for pair in enumerate(acts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def list_events(gateway, run):
    texts, after = set(), 0
    while True:
        _, events = gateway.ask('GET', '/api/runs/%s/events?after=%d&limit=1000' % (run.id, after))
        if not events:
            return texts
        texts |= {event['data'] for event in events}
        after = events[-1]['id']


@case('peers that leave at any moment leave the gateway whole')
def _(stack):
    gateway = Gateway(stack)
    chaos = Chaos(gateway)
    chaos.rage()
    seed = 'seed %d' % SEED
    expect(not chaos.problems, seed, *chaos.problems)
    expect(gateway.process.code is None, seed, gateway.process.err)
    missing = set(chaos.own.kept) - list_events(gateway, chaos.own)
    expect(not missing, seed, 'acknowledged, but gone:', len(missing))
    for part in ('requests', 'events', 'live', 'agent', 'channel', 'viewer'):
        expect(chaos.done.get(part), seed, 'nobody got to the end as', part)

    def is_quiet():
        left[:] = gateway.ask('GET', '/api/vnc/stats')[1]['tunnels']
        return not left
    left = []
    try:
        eventually(is_quiet)
    except Failed:
        left = [gateway.ask('GET', '/api/runs/%s/vnc' % tunnel['runId'])[1] for tunnel in left]
        raise Failed('of peers that are gone there still is: %s %s' % (left, seed)) from None
    gateway.process.signal(signal.SIGTERM)
    equal(gateway.process.wait(20), 0, seed + gateway.process.err)
    expect('Sanitizer' not in gateway.process.err and 'runtime error' not in gateway.process.err,
           seed, gateway.process.err)
    if os.environ.get('CHAOS_SECONDS'):
        print('#', seed, chaos.done, len(chaos.own.kept))


def read_bytes(name):
    try:
        with open(name, 'rb') as data:
            return data.read()
    except OSError:
        return b''


@case('no secret is in a log, an argument or an environment')
def _(stack):
    gateway = Gateway(stack)
    run, ask = Run(gateway), gateway.ask
    _, ticket = ask('POST', '/api/runs/%s/vnc/tickets' % run.id, {'rights': 'view'})
    _, link = ask('POST', '/api/runs/%s/links' % run.id, {'rights': 'view', 'ttl': 60})
    secret = {'secret': SECRET, 'password': PASSWORD, 'session': gateway.token,
              'token': run.token, 'ticket': ticket['ticket'], 'link': link['code']}
    for name, value in secret.items():  # in all the places where somebody may put one
        for target in ('/ws/vnc/%s?ticket=%s' % (run.id, value.replace(' ', '+')),
                       '/x?token=' + value.replace(' ', '+')):
            ask('GET', target, token=value, fields={'Origin': 'http://elsewhere', 'X-Nonce': value})
        ask('POST', '/api/links/ticket', {'code': value}, token=None)
        ask('POST', '/api/auth/exchange', {'code': value}, token=None)
        ask('POST', '/api/auth/login', {'username': 'admin', 'password': value}, token=None)
        event = b'{"type": "info", "data": "x"}'
        fields = run.sign('POST', '/api/ingest/event', event, key=value)
        ask('POST', '/api/ingest/event', json.loads(event), token=None, fields=fields)
    pids = [gateway.process.pid] + descendants(gateway.process.pid)
    expect(len(pids) >= 3, 'loop, store and supervisor:', pids)
    for name, value in secret.items():
        expect(value not in gateway.process.err, name, 'is in the log:', gateway.process.err)
        for pid in pids:
            for place in ('cmdline', 'environ'):
                expect(value.encode() not in read_bytes('/proc/%d/%s' % (pid, place)),
                       'the %s is in %s of process %d' % (name, place, pid))
    for name in os.listdir(gateway.dir):
        expect(os.stat(os.path.join(gateway.dir, name)).st_mode & 0o077 == 0, name, 'is open to others')
        kept = read_bytes(os.path.join(gateway.dir, name))
        for what, value in secret.items():
            expect(value.encode() not in kept, 'the', what, 'is kept in', name)


main()
