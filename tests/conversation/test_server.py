#!/usr/bin/python3
"""Visitors of all kinds against `porthole share --screen pattern`.

PORTHOLE names the program. Plays server.talks, then what is easier said as a
program: vanishing at every byte, garbage, more connections than descriptors.
"""
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 30
GROWTH_MAX = 64 << 20
PASSWORD = 'sesame'
READY = b'RFB 003.008\n\x01\x01'
WIDTH, HEIGHT = 320, 240


class Failure(Exception):
    pass


# Bytes

def provide(stream):
    body = struct.pack('>I', 0x10000001) + stream
    return b'\x06\0\0\0' + struct.pack('>i', -len(body)) + body


def bomb(announced):
    z = zlib.compressobj(9)
    stream = z.compress(struct.pack('>I', announced))
    zeros = bytes(1 << 20)
    for _ in range(512):
        stream += z.compress(zeros)
    return provide(stream + z.flush())


def random_keys():
    dice = random.Random(1)
    keys = [struct.pack('>BBHI', 4, dice.getrandbits(1), 0, dice.randrange(1 << 16))
            for _ in range(100000)]
    return b''.join(keys)


MADE = {
    'empty_blocks': lambda: provide(b'\x78\x9c' + b'\0\0\0\xff\xff' * 100000),
    'junk_after_stream': lambda: provide(zlib.compress(b'\0\0\0\2a\0') + b'junk'),
    'bomb_of_4_bytes': lambda: bomb(4),
    'bomb_of_2_gb': lambda: bomb(1 << 31),
    'random_keys': random_keys,
}


def octets(text):
    """A list of byte values; None is any byte."""
    result = []
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', text):
        times = 1
        if re.match(r'\d+\*', token):
            times, token = int(token.split('*')[0]), token.split('*')[1]
        if token.startswith('"'):
            one = list(token[1:-1].encode().decode('unicode_escape').encode('latin-1'))
        elif token.startswith('='):
            one = list(MADE[token[1:]]())
        elif token == '..':
            one = [None]
        else:
            one = list(bytes.fromhex(token))
        result += one * times
    return result


# The server

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, folder, password=False, descriptors=None):
        self.port, self.web_port = free_port(), free_port()
        self.log = open(os.path.join(folder, 'server-%d.log' % self.port), 'w+b')
        command = [os.environ['PORTHOLE'], 'share', '--screen', 'pattern',
                   '--size', '%dx%d' % (WIDTH, HEIGHT),
                   '--listen', '127.0.0.1:%d' % self.web_port,
                   '--rfb-listen', '127.0.0.1:%d' % self.port]
        if password:
            path = os.path.join(folder, 'password')
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
                f.write(PASSWORD + '\n')
            command += ['--password-file', path]

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, preexec_fn=limit)
        self.await_listening()

    def await_listening(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.check_alive()
            try:
                socket.create_connection(('127.0.0.1', self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise Failure('the server does not listen: ' + self.log_text())

    def log_text(self):
        self.log.seek(0)
        return self.log.read().decode('utf-8', 'replace')

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failure('the server has ended: ' + self.log_text())

    def processes(self):
        """The program is a small supervisor and the process that talks."""
        pids, found = [self.process.pid], []
        while pids:
            pid = pids.pop()
            found.append(pid)
            try:
                with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
                    pids += [int(p) for p in f.read().split()]
            except OSError:
                pass
        return found

    def memory(self):
        total = 0
        for pid in self.processes():
            with open('/proc/%d/statm' % pid) as f:
                total += int(f.read().split()[1]) * resource.getpagesize()
        return total

    def cpu_seconds(self):
        ticks = 0
        for pid in self.processes():
            with open('/proc/%d/stat' % pid) as f:
                fields = f.read().rsplit(')', 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf('SC_CLK_TCK')

    def connect(self):
        s = socket.create_connection(('127.0.0.1', self.port), timeout=PATIENCE_S)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure('the server does not end on SIGTERM')
        text = self.log_text()
        if status != 0 or 'Sanitizer' in text or 'runtime error' in text:
            raise Failure('the server ended with %d: %s' % (status, text))


# Visitors

def read_exactly(s, n):
    data = bytearray()
    while len(data) < n:
        part = s.recv(min(n - len(data), 1 << 16))
        if not part:
            raise Failure('closed after %d of %d bytes: %s' % (len(data), n, data[:60].hex()))
        data += part
    return bytes(data)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def log_in(s, password_server=False):
    if password_server:
        raise Failure('no talk logs in with the password')
    s.sendall(READY)
    if read_exactly(s, 12 + 2 + 4) != b'RFB 003.008\n\x01\x01\0\0\0\0':
        raise Failure('an unusual login')
    init = read_exactly(s, 24)
    if init[17:20] != b'\0\0\0':
        raise Failure('dirty padding in ServerInit')
    read_exactly(s, struct.unpack('>I', init[20:24])[0])


def read_update(s):
    """The rectangles of one update as (x, y, w, h, encoding, body): Raw at 32 bits and
    ExtendedDesktopSize are understood."""
    head = read_exactly(s, 4)
    if head[:2] != b'\0\0':
        raise Failure('not an update: ' + head.hex())
    rects = []
    for _ in range(struct.unpack('>H', head[2:])[0]):
        x, y, w, h, encoding = struct.unpack('>HHHHi', read_exactly(s, 12))
        if encoding == 0:
            body = read_exactly(s, w * h * 4)
        elif encoding == -308:
            body = read_exactly(s, 4)
            if body[1:] != b'\0\0\0':
                raise Failure('dirty padding in ExtendedDesktopSize')
            body += read_exactly(s, 16 * body[0])
        else:
            raise Failure('encoding %d was not asked for' % encoding)
        rects.append((x, y, w, h, encoding, body))
    return rects


class Neighbour(threading.Thread):
    """A well-behaved viewer that asks for one update after the other."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.updates, self.trouble, self.done = 0, None, False
        self.socket = server.connect()
        log_in(self.socket)
        self.socket.sendall(b'\x02\0\0\1\0\0\0\0')
        self.start()

    def run(self):
        try:
            incremental = 0
            while not self.done:
                self.socket.sendall(struct.pack('>BBHHHH', 3, incremental, 0, 0, WIDTH, HEIGHT))
                read_update(self.socket)
                self.updates += 1
                incremental = 1
                time.sleep(0.02)
        except (Failure, OSError) as trouble:
            self.trouble = trouble

    def check_served(self):
        before, end = self.updates, time.monotonic() + PATIENCE_S
        while self.updates < before + 2:
            if self.trouble or time.monotonic() > end:
                raise Failure('the other viewer gets no updates: %s' % self.trouble)
            time.sleep(0.01)

    def leave(self):
        self.done = True
        self.join(PATIENCE_S)
        self.socket.close()


class Visit:
    """One connection that does what a talk says: each verb is a method."""

    def __init__(self, server):
        self.server = server
        self.socket = server.connect()

    def at(self, rest):
        assert rest == 'ready'
        log_in(self.socket)

    def say(self, rest):
        self.many('1 ' + rest)

    def many(self, rest):
        count, rest = rest.split(' ', 1)
        data = memoryview(bytes(octets(rest)) * int(count))
        self.socket.settimeout(5)
        try:
            while data:
                data = data[self.socket.send(data):]
        except (socket.timeout, ConnectionError):
            pass  # it is what comes next that counts
        self.socket.settimeout(PATIENCE_S)

    def hear(self, rest):
        wanted = octets(rest)
        got = read_exactly(self.socket, len(wanted))
        for i, (a, b) in enumerate(zip(wanted, got)):
            if a is not None and a != b:
                raise Failure('byte %d of %s is not %02x' % (i, got[:80].hex(), a))

    def reason(self, rest):
        length = struct.unpack('>I', read_exactly(self.socket, 4))[0]
        if not 1 <= length <= 1000 or not read_exactly(self.socket, length).isascii():
            raise Failure('a strange reason')

    def clipboard(self, rest):
        flags, rest = rest.split(' ', 1)
        head = read_exactly(self.socket, 12)
        if head[:4] != b'\3\0\0\0' or head[8:] != bytes.fromhex(flags):
            raise Failure('not that cut text: ' + head.hex())
        stream = read_exactly(self.socket, -struct.unpack('>i', head[4:8])[0] - 4)
        if zlib.decompress(stream) != bytes(octets(rest)):
            raise Failure('another text: %r' % zlib.decompress(stream))

    def resized(self, rest):
        results = [int(r) for r in rest.split()]
        while True:
            self.socket.sendall(struct.pack('>BBHHHH', 3, 0, 0, 0, 1, 1))
            for x, y, w, h, encoding, body in read_update(self.socket):
                if encoding == -308 and x == 1:
                    if y not in results:
                        raise Failure('result %d' % y)
                    return

    def open(self, rest):
        self.socket.sendall(struct.pack('>BBHHHH', 3, 0, 0, 0, 1, 1))
        self.hear('00 00')

    def closed(self, rest):
        try:
            more = self.socket.recv(100)
        except ConnectionResetError:
            return
        except socket.timeout:
            raise Failure('still open')
        if more:
            raise Failure('not closed but said ' + more.hex())

    def wait(self, rest):
        time.sleep(float(rest))

    def vanish(self, rest):
        reset(self.socket)


def read_talks():
    """Name, whether it is for the server with a password, and the lines of each talk."""
    talks = []
    with open(os.path.join(HERE, 'server.talks'), encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            verb, _, rest = line.strip().partition(' ')
            if not verb or verb.startswith('#'):
                continue
            if verb == 'talk':
                talks.append([rest, False, []])
            elif verb == 'server':
                assert rest == 'password'
                talks[-1][1] = True
            else:
                assert hasattr(Visit, verb), 'line %d: %s' % (number, verb)
                talks[-1][2].append((number, verb, rest))
    return talks


def play(server, lines):
    before = server.memory()
    visit = Visit(server)
    for number, verb, rest in lines:
        try:
            getattr(visit, verb)(rest)
        except (Failure, OSError) as trouble:
            raise Failure('line %d, %s: %s' % (number, verb, trouble))
    visit.socket.close()
    server.check_alive()
    growth = server.memory() - before
    if growth > GROWTH_MAX:
        raise Failure('the server has grown by %d MB' % (growth >> 20))


# What is easier said as a program

SESSION = (
    READY + b'\0\0\0\0' + bytes([16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]) +
    struct.pack('>BBH8i', 2, 0, 8, 7, 16, 5, -239, -308, -312, -313, -0x3f5e1a32) +
    struct.pack('>BBHHHH', 3, 0, 0, 0, WIDTH, HEIGHT) +
    struct.pack('>BBHI', 4, 1, 0, 0x61) + struct.pack('>BBHH', 5, 1, 10, 10) +
    struct.pack('>B3xI', 6, 5) + b'hello' + struct.pack('>B3xiI', 6, -4, 1 << 27 | 1) +
    struct.pack('>B3xIB', 248, 0x80000001, 3) + b'abc' +
    struct.pack('>BBHHHH', 150, 1, 0, 0, WIDTH, HEIGHT) +
    struct.pack('>BxHHBx', 251, 300, 200, 1) + struct.pack('>IHHHHI', 1, 0, 0, 300, 200, 0))


def vanish_anywhere(server):
    for n in range(len(SESSION) + 1):
        s = server.connect()
        s.sendall(SESSION[:n])
        if n % 3 == 0:
            reset(s)
        elif n % 3 == 1:
            s.close()
        else:
            s.shutdown(socket.SHUT_WR)
            select.select([s], [], [], 0.005)
            reset(s)


def garbage(server):
    dice = random.Random(7)
    for _ in range(60):
        s = server.connect()
        log_in(s)
        first = bytes([dice.choice([0, 2, 3, 4, 5, 6, 150, 248, 251, 255])])
        try:
            s.sendall(first + dice.randbytes(dice.randrange(1, 20000)))
        except ConnectionError:
            pass
        reset(s)


def half_logins(server):
    """A crowd that stops somewhere in the handshake is in nobody's way, and may reset."""
    crowd = []
    for n in range(60):
        s = server.connect()
        s.sendall(READY[:n % len(READY)])
        crowd.append(s)
    late = server.connect()
    log_in(late)
    late.close()
    for s in crowd:
        reset(s)


def slow_login(server):
    """A byte at a time, as a bad line would bring it."""
    s = server.connect()
    for byte in READY:
        s.sendall(bytes([byte]))
        time.sleep(0.005)
    if read_exactly(s, 18)[:12] != b'RFB 003.008\n':
        raise Failure('no greeting')
    reset(s)


def web_port_is_for_all(server):
    """On the port for everybody a viewer that waits is greeted, and one that then
    shows to be none is closed."""
    s = socket.create_connection(('127.0.0.1', server.web_port), timeout=PATIENCE_S)
    if read_exactly(s, 12) != b'RFB 003.008\n':
        raise Failure('no greeting')
    s.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    visit = Visit.__new__(Visit)
    visit.socket = s
    visit.closed('')
    s = socket.create_connection(('127.0.0.1', server.web_port), timeout=PATIENCE_S)
    s.sendall(b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03' + bytes(506))
    visit.socket = s
    visit.closed('')


def out_of_descriptors(folder):
    server = Server(folder, descriptors=64)
    neighbour = Neighbour(server)
    crowd = []
    try:
        for _ in range(100):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(('127.0.0.1', server.port))
            crowd.append(s)
        time.sleep(1)
        neighbour.check_served()
        neighbour.leave()
        before, start = server.cpu_seconds(), time.monotonic()
        time.sleep(3)
        share = (server.cpu_seconds() - before) / (time.monotonic() - start)
        if share > 0.5:
            raise Failure('it spins: %d %% of a CPU' % (share * 100))
    finally:
        for s in crowd:
            s.close()
    late = server.connect()
    log_in(late)
    late.close()
    server.end()


# The test

class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def run(self, name, function, *args):
        self.count += 1
        try:
            function(*args)
            print('ok %d - %s' % (self.count, name), flush=True)
        except (Failure, OSError) as trouble:
            self.failed += 1
            print('not ok %d - %s' % (self.count, name))
            for line in str(trouble).splitlines():
                print('# ' + line, flush=True)

    def finish(self):
        print('1..%d' % self.count)
        sys.exit(self.failed > 0)


def run_all(tap, folder):
    server, locked = Server(folder), Server(folder, password=True)
    neighbour = Neighbour(server)

    def checked(function, *args):
        function(*args)
        server.check_alive()
        locked.check_alive()
        neighbour.check_served()

    for name, password, lines in read_talks():
        tap.run(name, checked, play, locked if password else server, lines)
    for function in (vanish_anywhere, garbage, half_logins, slow_login, web_port_is_for_all):
        tap.run(function.__name__.replace('_', ' '), checked, function, server)
    neighbour.leave()
    tap.run('the server ends well', server.end)
    tap.run('the server with a password ends well', locked.end)
    tap.run('more connections than descriptors', out_of_descriptors, folder)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='porthole-test-') as folder:
        run_all(tap, folder)
    tap.finish()


main()
