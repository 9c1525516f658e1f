"""HTTP and WebSocket as bytes: fields in the order and case they are given, frames
as one wants them, and nothing corrected on the way."""
import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import *

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Answer:
    """What came back: `fields` as (name, value) in their order, `body` decoded from chunks."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def field(self, name):
        return (self.all(name) or [None])[0]

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed('not JSON: %s' % self) from None

    def __str__(self):
        return '%d %s' % (self.status, self.body[:300].decode('utf-8', 'replace'))

    def expect(self, status, error=None, text=''):
        """The status, and with `error` exactly that sentence in the one shape of errors."""
        expect(self.status == status, text, 'status %d awaited, got: %s' % (status, self))
        if error is not None:
            equal(self.json.get('error'), error, text or 'error')
        if status >= 400:
            expect(isinstance(self.json.get('error'), str), text, 'no error sentence:', self)
        return self


class Wire:
    """A socket that is read byte by byte. Everything that arrives late is Failed,
    everything that is closed is Gone."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from None

    def fill(self, at_least=1):
        try:
            data = self.sock.recv(max(65536, at_least))
        except TimeoutError:
            raise Failed('the gateway says nothing') from None
        except OSError as error:
            raise Gone(str(error)) from None
        if not data:
            raise Gone('closed')
        self.buffer += data

    def read(self, n):
        while len(self.buffer) < n:
            self.fill(min(n - len(self.buffer), 1 << 20))
        taken = bytes(self.buffer[:n])
        del self.buffer[:n]
        return taken

    def line(self):
        while b'\r\n' not in self.buffer:
            self.fill()
        return self.read(self.buffer.index(b'\r\n') + 2)[:-2]

    def rest(self):
        """All until it is closed."""
        with contextlib.suppress(Gone):
            while True:
                self.fill()
        return bytes(self.buffer)

    def closed(self):
        """Waits for the end; false when something else comes."""
        try:
            self.fill()
        except Gone:
            return True
        return False

    def close(self, reset=False):
        if reset:
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack('ii', 1, 0))
        self.sock.close()


class Http(Wire):
    """One connection to a port of 127.0.0.1, used again and again. `source`: the address
    that it comes from."""

    def __init__(self, port, stack=None, source='127.0.0.1'):
        super().__init__(socket.create_connection(('127.0.0.1', port), PATIENCE_S, (source, 0)))
        self.fresh = True  # nothing was asked on it
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = '127.0.0.1:%d' % port
        if stack:
            stack.callback(self.close)

    def head(self, method, target, fields=()):
        lines = ['%s %s HTTP/1.1' % (method, target)]
        lines += ['%s: %s' % field for field in fields]
        if not any(name.lower() == 'host' for name, _ in fields):
            lines.insert(1, 'Host: ' + self.host)
        return ('\r\n'.join(lines) + '\r\n\r\n').encode('utf-8', 'surrogateescape')

    def request(self, method, target, fields=(), body=None):
        self.put(method, target, fields, body)
        return self.answer(method)

    def put(self, method, target, fields=(), body=None):
        fields = list(fields)
        if body is not None and not any(n.lower() in ('content-length', 'transfer-encoding')
                                        for n, _ in fields):
            fields.append(('Content-Length', str(len(body))))
        self.send(self.head(method, target, fields) + (body or b''))

    def raw(self, data):
        """Sends bytes as they are and reads one answer."""
        self.send(data)
        return self.answer()

    def answer(self, method=''):
        start = self.line()
        expect(re.match(rb'HTTP/1\.1 \d{3} ', start + b' '), 'status line', start)
        fields = []
        while True:
            line = self.line()
            if not line:
                break
            name, colon, value = line.decode('utf-8', 'replace').partition(':')
            expect(colon, 'a field without a colon:', line)
            fields.append((name, value.strip()))
        answer = Answer(int(start.split()[1]), fields, b'')
        if method != 'HEAD' and answer.status >= 200 and answer.status not in (204, 304):
            answer.body = self.body(answer)
        return answer

    def body(self, answer):
        if (answer.field('Transfer-Encoding') or '').lower() == 'chunked':
            parts = []
            while True:
                n = int(self.line().split(b';')[0], 16)
                parts.append(self.read(n))
                self.line()
                if not n:
                    return b''.join(parts)
        length = answer.field('Content-Length')
        return self.rest() if length is None else self.read(int(length))


def once(port, data, seconds=PATIENCE_S):
    """Status lines of all that is answered to bytes on a connection of their own, until
    it is closed or nothing more comes."""
    wire = Wire(connect(port))
    wire.sock.settimeout(seconds)
    with contextlib.closing(wire):
        with contextlib.suppress(Gone):
            wire.send(data)
        with contextlib.suppress(Gone, Failed):
            while True:
                wire.fill()
        return [int(code) for code in re.findall(rb'HTTP/1\.1 (\d{3})', wire.buffer)]


# --- signatures

def signature(secret, method, target, body, timestamp, nonce, run='', token=''):
    """Lower-case hex of section 1 of the facts; the path is signed without its query."""
    text = '\n'.join([method.upper(), target.partition('?')[0], hashlib.sha256(body).hexdigest(),
                      str(timestamp), nonce, run, token])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


# --- WebSocket

def upgrade_fields(protocols=None, extra=()):
    """As the `websockets` library of the existing runner orders them."""
    return [('Upgrade', 'websocket'), ('Connection', 'Upgrade'),
            ('Sec-WebSocket-Key', base64.b64encode(os.urandom(16)).decode()),
            ('Sec-WebSocket-Version', '13'),
            *([('Sec-WebSocket-Protocol', protocols)] if protocols else []), *extra]


def accept_of(key):
    return base64.b64encode(hashlib.sha1(
        key.encode() + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()).decode()


class NotUpgraded(Exception):
    """`answer` is what came in place of 101."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.answer = answer


class Ended(Gone):
    """A close frame."""

    def __init__(self, code, reason):
        super().__init__('%d %s' % (code, reason))
        self.code, self.reason = code, reason


class WebSocket(Http):
    """The client's side. Frames go out as they are told; a ping is answered."""

    def __init__(self, port, target, fields, stack=None, **options):
        super().__init__(port, stack, **options)
        self.answers_pings = True
        self.pongs = []
        self.left = b''
        answer = self.request('GET', target, fields)
        if answer.status != 101:
            self.close()
            raise NotUpgraded(answer)
        key = dict(fields).get('Sec-WebSocket-Key')
        if key:
            equal(answer.field('Sec-WebSocket-Accept'), accept_of(key), 'Sec-WebSocket-Accept')
        self.upgrade = answer

    def frame(self, data=b'', opcode=BINARY, fin=True, rsv=0, mask=True, length=None):
        """`length`: what the header says in place of the truth."""
        n = len(data) if length is None else length
        self.send(self.frame_head(n, opcode, fin, rsv, mask) +
                  (masked(data, self.key) if mask else data))

    def frame_head(self, n, opcode=BINARY, fin=True, rsv=0, mask=True):
        self.key = secrets.token_bytes(4) if mask else b''
        head = bytes([fin << 7 | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += struct.pack('>BH', bit | 126, n)
        else:
            head += struct.pack('>BQ', bit | 127, n)
        return head + self.key

    def text(self, value):
        self.frame(json.dumps(value).encode() if not isinstance(value, bytes) else value, TEXT)

    def next_frame(self):
        """(opcode, payload), whatever it is."""
        first, second = self.read(2)
        expect(not second & 0x80, 'a server masks')
        expect(not first & 0x70, 'a reserved bit is set')
        n = second & 0x7f
        if n == 126:
            n = struct.unpack('>H', self.read(2))[0]
        elif n == 127:
            n = struct.unpack('>Q', self.read(8))[0]
        return first & 0x0f, self.read(n)

    def next_data(self):
        """A frame: (opcode, payload), or None for a ping and a pong; Ended for a close frame."""
        opcode, data = self.next_frame()
        if opcode == PING and self.answers_pings:
            with contextlib.suppress(Gone):
                self.frame(data, PONG)
        elif opcode == PONG:
            self.pongs.append(data)
        elif opcode == CLOSE:
            code = struct.unpack('>H', data[:2])[0] if data else 1005
            raise Ended(code, data[2:].decode())
        return None if opcode in (PING, PONG) else (opcode, data)

    def data_frame(self):
        """The next frame that is neither ping nor pong, within the socket's patience."""
        end = time.monotonic() + (self.sock.gettimeout() or PATIENCE_S)
        while True:
            got = self.next_data()
            if got:
                return got
            expect(time.monotonic() < end, 'nothing comes but pings')

    def binary(self, n):
        """n bytes of the stream, however they were framed. What is over stays for later."""
        taken, size = [self.left], len(self.left)
        while size < n:
            opcode, data = self.data_frame()
            expect(opcode in (BINARY, 0), 'opcode %d in a tunnel' % opcode)
            taken.append(data)
            size += len(data)
        data = b''.join(taken)
        self.left = data[n:]
        return data[:n]

    def json(self):
        opcode, data = self.data_frame()
        equal(opcode, TEXT, 'opcode')
        return json.loads(data)

    def ended(self):
        """Reads on until it is over: (code, reason), or (None, ...) without a close frame."""
        end = time.monotonic() + (self.sock.gettimeout() or PATIENCE_S)
        try:
            while True:
                self.next_data()
                expect(time.monotonic() < end, 'it does not end')
        except Ended as end:
            return end.code, end.reason
        except Gone as gone:
            return None, str(gone)

    def bye(self, code=1000):
        """The closing handshake, as a library does it."""
        with contextlib.suppress(Gone):
            self.frame(struct.pack('>H', code), CLOSE)
            self.ended()
        self.close()


def masked(data, key):
    if not data:
        return b''
    mask = (key * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, 'big') ^ int.from_bytes(mask, 'big')).to_bytes(len(data), 'big')
