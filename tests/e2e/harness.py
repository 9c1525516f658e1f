"""What the end-to-end tests share: TAP, processes that end with the test, free
displays and ports, pictures of X windows, and a small RFB viewer (Raw only).

A test file makes functions with @case and ends with main(). Helpers raise Failed.
"""
import atexit
import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PORTHOLE = os.path.abspath(os.environ.get(
    'PORTHOLE', os.path.join(ROOT, 'build-asan', 'src', 'cli', 'porthole')))
TOOLS = os.path.join(os.path.dirname(PORTHOLE), '..', '..', 'tests', 'e2e')
PATIENCE_S = 60  # for what must happen; nothing waits that long when all is well
NOBODY = 65534

os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=1:halt_on_error=1')
os.environ.pop('DISPLAY', None)
os.environ['LC_ALL'] = 'C.UTF-8'


class Failed(Exception):
    pass


def expect(what, text='', *details):
    if not what:
        raise Failed(' '.join(str(part) for part in (text, *details)))


def equal(got, expected, text=''):
    if got != expected:
        raise Failed('%s: got %r, expected %r' % (text, got, expected))


def eventually(probe, text='', seconds=PATIENCE_S, pause=0.05):
    """The first true answer of probe()."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed('in %d s it did not happen: %s' % (seconds, text))
        time.sleep(pause)


# --- test cases

CASES = []


def case(name):
    def take(run):
        CASES.append((name, run))
        return run
    return take


def run_case(name, run):
    try:
        with contextlib.ExitStack() as stack:
            run(stack)
        return None
    except Failed as failure:
        at = traceback.extract_tb(failure.__traceback__)
        here = [frame for frame in at if frame.filename != __file__]
        return '%s (line %s)' % (failure, here[-1].lineno if here else '?')
    except Exception:
        return traceback.format_exc()


def main():
    """Runs all cases, or those with an argument in their name."""
    wanted = [(name, run) for name, run in CASES
              if len(sys.argv) < 2 or any(part in name for part in sys.argv[1:])]
    failed = 0
    for number, (name, run) in enumerate(wanted, 1):
        why = run_case(name, run)
        failed += why is not None
        print('%sok %d - %s' % ('not ' if why else '', number, name))
        if why:
            print(re.sub('(?m)^', '# ', why))
        sys.stdout.flush()
    print('1..%d' % len(wanted))
    sys.exit(1 if failed else 0)


# --- files

TMP = tempfile.mkdtemp(prefix='e2e-')
os.chmod(TMP, 0o755)  # processes of other users start here
atexit.register(shutil.rmtree, TMP, ignore_errors=True)
_names = iter(range(10 ** 9))


def path(name):
    return os.path.join(TMP, '%d-%s' % (next(_names), name))


def file(name, text, mode=0o600):
    to = path(name)
    with open(to, 'w', encoding='utf-8') as out:
        out.write(text)
    os.chmod(to, mode)
    return to


# --- processes

class Process:
    """A program whose output goes into files, ended with `stack`."""

    def __init__(self, stack, *argv, env=None, **options):
        self.argv = [str(part) for part in argv]
        self.out_path, self.err_path = path('out'), path('err')
        with open(self.out_path, 'wb') as out, open(self.err_path, 'wb') as err:
            self.popen = subprocess.Popen(
                self.argv, stdin=options.pop('stdin', subprocess.DEVNULL), stdout=out, stderr=err,
                env={**os.environ, **(env or {})}, **options)
        self.pid = self.popen.pid
        stack.callback(self.end)

    @property
    def out(self):
        with open(self.out_path, encoding='utf-8', errors='replace') as text:
            return text.read()

    @property
    def err(self):
        with open(self.err_path, encoding='utf-8', errors='replace') as text:
            return text.read()

    @property
    def code(self):
        return self.popen.poll()

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=PATIENCE_S):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed('%s is still there; it said: %s' % (self.argv[0], self.err)) from None

    def end(self):
        if self.code is None:
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self.popen.wait()


def run(*argv, env=None, check=True, seconds=PATIENCE_S, **options):
    """Standard output of a program, as bytes."""
    done = subprocess.run([str(part) for part in argv], env={**os.environ, **(env or {})},
                          stdin=options.pop('stdin', subprocess.DEVNULL), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds, check=False, **options)
    if check and done.returncode:
        raise Failed('%s: exit code %d: %s' % (argv[0], done.returncode, done.stderr.decode()))
    return done.stdout if check else done


def descendants(pid):
    """Process ids below pid, children first."""
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def children(pid):
    try:
        found = []
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/children' % (pid, task), encoding='ascii') as text:
                found += [int(word) for word in text.read().split()]
        return found
    except OSError:
        return []


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid, encoding='utf-8', errors='replace') as text:
            return text.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def name_of(pid):
    try:
        with open('/proc/%d/comm' % pid, encoding='utf-8') as text:
            return text.read().strip()
    except OSError:
        return ''


def status_of(pid, field):
    with open('/proc/%d/status' % pid, encoding='utf-8') as text:
        return int(re.search(r'^%s:\s+(\d+)' % field, text.read(), re.M).group(1))


# --- ports and displays

PORTS = iter(range(24700 + os.getpid() % 50, 32000))
CLAIMS = []  # sockets with a port's name, so that tests beside this one leave it alone


def free_port(host='127.0.0.1'):
    """Below the ports that the kernel hands out by itself."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    for port in PORTS:
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket(family) as probe:
            try:
                claim.bind('\0porthole-e2e-%d' % port)
                CLAIMS.append(claim)
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise Failed('no free port')


class Display(Process):
    """An X server. `number` is never one that somebody else has."""

    def __init__(self, stack, size='640x480', *options):
        for number in range(290 + os.getpid() % 10, 400):
            if os.path.exists('/tmp/.X%d-lock' % number):
                continue
            super().__init__(stack, 'Xvfb', ':%d' % number, '-noreset', '-nolisten', 'tcp',
                             '-screen', '0', size + 'x24', *options)
            self.name = ':%d' % number
            self.size = tuple(int(part) for part in size.split('x'))
            self.env = {'DISPLAY': self.name}
            if eventually(self.settled, 'an X server on ' + self.name) == 'ready':
                return
        raise Failed('no free display: ' + self.err)

    def settled(self):
        if self.code is not None:
            return 'taken'
        done = run('xdpyinfo', env=self.env, check=False)
        if done.returncode == 0 and self.code is None:
            return 'ready'
        return None

    def window(self, name, pid=None):
        """The id of a window that is shown with this name."""
        def probe():
            found = run('xdotool', 'search', '--onlyvisible', '--name', name, env=self.env,
                        check=False).stdout.split()
            return found and found[-1].decode()
        return eventually(probe, 'a window called ' + name)

    def picture(self, window=None):
        return picture(self.env, window)

    def key(self, *keys):
        run('xdotool', 'key', '--clearmodifiers', *keys, env=self.env)

    def type(self, text):
        run('xdotool', 'type', '--delay', '40', text, env=self.env)


class Picture:
    """RGB bytes of a window."""

    def __init__(self, w, h, rgb):
        self.w, self.h, self.rgb = w, h, rgb

    def __eq__(self, other):
        return (self.w, self.h, self.rgb) == (other.w, other.h, other.rgb)

    def at(self, x, y):
        i = (y * self.w + x) * 3
        return tuple(self.rgb[i:i + 3])

    def crop(self, x, y, w, h):
        rows = [self.rgb[((y + i) * self.w + x) * 3:((y + i) * self.w + x + w) * 3]
                for i in range(h)]
        return Picture(w, h, b''.join(rows))

    def colours(self):
        return len({self.rgb[i:i + 3] for i in range(0, len(self.rgb), 3)})

    def difference(self, other):
        """Where and how much two pictures differ, in words."""
        if (self.w, self.h) != (other.w, other.h):
            return '%dx%d and %dx%d' % (self.w, self.h, other.w, other.h)
        wrong = [i // 3 for i in range(0, len(self.rgb), 3)
                 if self.rgb[i:i + 3] != other.rgb[i:i + 3]]
        if not wrong:
            return 'alike'
        x, y = wrong[0] % self.w, wrong[0] // self.w
        return '%d pixels differ, first %d,%d: %r and %r' % (
            len(wrong), x, y, self.at(x, y), other.at(x, y))


def from_bgrx(w, h, data):
    rgb = bytearray(w * h * 3)
    rgb[0::3], rgb[1::3], rgb[2::3] = data[2::4], data[1::4], data[0::4]
    return Picture(w, h, bytes(rgb))


def picture(env, window=None):
    """What an X window (the root when None) shows, without the cursor."""
    data = run('xwd', '-silent', *(['-id', window] if window else ['-root']), env=env)
    head = struct.unpack('>25I', data[:100])
    size, w, h, bits, stride, colours = head[0], head[4], head[5], head[11], head[12], head[19]
    equal((bits, head[7]), (32, 0), 'xwd: bits of a pixel, byte order')
    start = size + colours * 12
    rows = [data[start + y * stride:start + y * stride + w * 4] for y in range(h)]
    return from_bgrx(w, h, b''.join(rows))


def read_ppm(name):
    """Any file that ImageMagick reads."""
    data = run('convert', name, '-depth', '8', 'ppm:-')
    magic, w, h, most = re.match(rb'(P6)\s+(\d+)\s+(\d+)\s+(\d+)\s', data).groups()
    start = re.match(rb'P6\s+\d+\s+\d+\s+\d+\s', data).end()
    equal((magic, most), (b'P6', b'255'), 'picture')
    return Picture(int(w), int(h), data[start:])


def paint_photo(display, seed=1):
    """Something like a photo in the root window: many colours, some of them flat."""
    w, h = display.size
    photo = path('photo.png')
    run('convert', '-size', '%dx%d' % (w, h), '-seed', str(seed), 'plasma:fractal', '-fill',
        'white', '-draw', 'rectangle 20,20 200,120', '-fill', 'black', '-pointsize', '14',
        '-draw', 'text 30,50 "Sphinx of black quartz"', photo)
    # Its exit code is 1 although all is well.
    run('display', '-window', 'root', photo, env=display.env, check=False)
    expect(display.picture().colours() > 1000, 'the photo is not there')


def xterm(stack, display, *options, command=()):
    """A terminal with a still cursor, so that its picture stands still."""
    return Process(stack, 'xterm', '-geometry', '60x12+40+150', '-title', 'terminal',
                   '-xrm', 'XTerm*cursorBlink: false', '-fa', 'DejaVu Sans Mono', '-fs', '10',
                   '-u8', *options, *(['-e', *command] if command else []), env=display.env)


def pressed_keys(display):
    """Key codes that the X server holds pressed."""
    x11 = ctypes.CDLL('libX11.so.6')
    x11.XOpenDisplay.restype = ctypes.c_void_p
    keys = (ctypes.c_char * 32)()
    handle = x11.XOpenDisplay(display.name.encode())
    expect(handle, 'cannot open', display.name)
    x11.XQueryKeymap(ctypes.c_void_p(handle), keys)
    x11.XCloseDisplay(ctypes.c_void_p(handle))
    return [i for i in range(256) if keys.raw[i // 8] >> (i % 8) & 1]


# --- Porthole

class Porthole(Process):
    """`porthole share` or `porthole desktop`, ready to be visited."""

    def __init__(self, stack, *arguments, ready=True, env=None, **options):
        super().__init__(stack, PORTHOLE, *arguments, env=env, **options)
        if ready:
            eventually(lambda: 'VNC viewer:' in self.out or 'Browser:' in self.out
                       or self.code is not None, 'porthole is ready')
            expect(self.code is None, 'porthole has ended:', self.err)

    def entrances(self):
        return re.findall(r'^(?:Browser|VNC viewer):\s+(\S+)', self.out, re.M)

    @property
    def url(self):
        return [e for e in self.entrances() if e.startswith('http')][0]

    @property
    def secret(self):
        return self.url.partition('#')[2]

    def stop(self, number=signal.SIGINT):
        """Ctrl+C; a clean end and nothing for the sanitizers to tell."""
        if self.code is None:
            self.signal(number)
        equal(self.wait(), 0, 'exit code; ' + self.err)
        self.check()

    def check(self):
        expect('Sanitizer' not in self.err and 'runtime error' not in self.err, self.err)

    def end(self):
        super().end()
        self.check()


def share(stack, *options, display=None, **more):
    """`porthole share` on a free port of 127.0.0.1; (process, port)."""
    port = free_port()
    what = ['--display', display.name] if display else ['--screen', 'pattern']
    return Porthole(stack, 'share', *what, '--listen', '127.0.0.1:%d' % port, *options,
                    **more), port


# --- a viewer

RAW, COPY_RECT, HEXTILE, ZRLE = 0, 1, 5, 16
DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE, CURSOR = -223, -308, -239
NATIVE = struct.pack('>BBBBHHHBBBxxx', 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


class Gone(Exception):
    """The server has closed the connection."""


def connect(address):
    """A socket to a port, a (host, port) or a path."""
    if isinstance(address, int):
        address = ('127.0.0.1', address)
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address)
    else:
        sock = socket.create_connection(address)
    sock.settimeout(PATIENCE_S)
    return sock


class Viewer:
    """Speaks RFB 3.8 with security None and sees Raw pictures."""

    def __init__(self, address, shared=True, init=True):
        self.sock = connect(address)
        self.buffer = b''
        self.version = self.read(12)
        if init:
            self.login(shared)

    def login(self, shared=True):
        self.send(b'RFB 003.008\n')
        types = self.read(self.read(1)[0])
        if not types:
            raise Refused(self.read_text())
        expect(1 in types, 'security None is not offered:', types)
        self.send(b'\x01')
        if self.u32():
            raise Refused(self.read_text())
        self.send(b'\x01' if shared else b'\x00')
        self.w, self.h = struct.unpack('>HH', self.read(4))
        self.read(16)
        self.name = self.read_text()
        self.pixels = bytearray(self.w * self.h * 4)

    def send(self, data):
        self.sock.sendall(data)

    def send_all(self, data):
        """Sends on a socket that does not block, and throws away what comes."""
        while data:
            self.skim()
            select.select([self.sock], [self.sock], [], PATIENCE_S)
            with contextlib.suppress(BlockingIOError):
                data = data[self.sock.send(data):]

    def skim(self):
        with contextlib.suppress(BlockingIOError):
            while self.sock.recv(1 << 20):
                pass

    def read(self, n):
        while len(self.buffer) < n:
            try:
                data = self.sock.recv(max(65536, n - len(self.buffer)))
            except ConnectionError:
                data = b''
            except TimeoutError:
                raise Failed('the server says nothing') from None
            if not data:
                raise Gone()
            self.buffer += data
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def u32(self):
        return struct.unpack('>I', self.read(4))[0]

    def read_text(self):
        return self.read(self.u32()).decode('utf-8', 'replace')

    def encodings(self, *which):
        self.send(struct.pack('>BxH%di' % len(which), 2, len(which), *which))

    def request(self, incremental=False, area=None):
        x, y, w, h = area or (0, 0, self.w, self.h)
        self.send(struct.pack('>BBHHHH', 3, incremental, x, y, w, h))

    def key(self, keysym, down):
        self.send(struct.pack('>BBxxI', 4, down, keysym))

    def pointer(self, x, y, buttons=0):
        self.send(struct.pack('>BBHH', 5, buttons, x, y))

    def set_size(self, w, h):
        self.send(struct.pack('>BxHHBx' + 'IHHHHI', 251, w, h, 1, 0, 0, 0, w, h, 0))

    def format(self, form):
        self.send(b'\0\0\0\0' + form)

    def message(self):
        """Reads one message; its type."""
        kind = self.read(1)[0]
        if kind == 0:
            self.update()
        elif kind == 1:
            self.read(5)
        elif kind == 3:
            self.read(3)
            self.text = self.read_text()
        elif kind != 2 and kind != 150:
            raise Failed('message %d' % kind)
        return kind

    def update(self):
        _, count = struct.unpack('>BH', self.read(3))
        self.painted = False
        for _ in range(count):
            x, y, w, h, encoding = struct.unpack('>HHHHi', self.read(12))
            if encoding == RAW:
                self.paint(x, y, w, h, self.read(w * h * 4))
                self.painted = True
            elif encoding == CURSOR:
                self.read(w * h * 4 + (w + 7) // 8 * h)
            elif encoding in (DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE):
                if encoding == EXTENDED_DESKTOP_SIZE:
                    self.read(self.read(4)[0] * 16)
                    self.resized = (x, y)
                if (encoding == DESKTOP_SIZE or y == 0) and (w, h) != (self.w, self.h):
                    self.w, self.h = w, h
                    self.pixels = bytearray(w * h * 4)
            else:
                raise Failed('encoding %d' % encoding)

    def paint(self, x, y, w, h, data):
        for row in range(h):
            at = ((y + row) * self.w + x) * 4
            self.pixels[at:at + w * 4] = data[row * w * 4:(row + 1) * w * 4]

    def wait_update(self):
        while self.message() != 0:
            pass

    def look(self):
        """A whole picture, as it is now."""
        self.request()
        self.wait_update()
        while not self.painted:  # a size comes in an update of its own
            self.request(True)
            self.wait_update()
        return self.picture()

    def picture(self):
        return from_bgrx(self.w, self.h, bytes(self.pixels))

    def quiet(self, seconds):
        """Nothing comes for so long."""
        return not self.buffer and not select.select([self.sock], [], [], seconds)[0]

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()


class Refused(Exception):
    """The server's reason."""


def viewer(stack, address, *encodings, shared=True):
    """A Viewer that is closed with `stack`."""
    v = Viewer(address, shared)
    stack.callback(v.close)
    if encodings:
        v.encodings(*encodings)
    return v


def closed_quietly(sock):
    """True when the server closes without a further byte."""
    try:
        return sock.recv(1) == b''
    except ConnectionError:
        return True


def as_nobody(stack, *argv, **options):
    """Runs a program as a user who is not ours. Root, or sudo, is needed for that."""
    if os.getuid() == 0:
        return Process(stack, *argv, user=NOBODY, group=NOBODY, extra_groups=[], cwd='/',
                       **options)
    return Process(stack, 'sudo', '-n', '-u', '#%d' % NOBODY, *argv, cwd='/', **options)
