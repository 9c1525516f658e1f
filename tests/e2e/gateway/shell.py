"""porthole's commands as a user gives them: a home of their own, exit codes, terminals."""
import pty
import subprocess as sp
import termios

from gateway import *


class Said:
    """What a command answered."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failed('%s printed no JSON: %s' % (self.argv, self.out)) from None

    @property
    def facts(self):
        """"name: value" lines."""
        return dict(line.split(': ', 1) for line in self.out.splitlines() if ': ' in line)

    def says(self, *words):
        for word in words:
            expect(word in self.out + self.err, '%s did not say %r but: %s%s' % (
                self.argv, word, self.out, self.err))
        return self


class Shell:
    """Runs commands; HOME holds what `porthole login` keeps."""

    def __init__(self, gateway=None, data=None):
        self.gateway = gateway
        self.data = data or (gateway and gateway.data)
        self.home = path('home')
        os.mkdir(self.home)
        self.env = {**os.environ, 'HOME': self.home}
        for name in ('XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'SSH_AUTH_SOCK', 'GATEWAY_URL',
                     'HMAC_SECRET'):
            self.env.pop(name, None)
        self.log = ''  # all that was printed

    def run(self, *argv, code=0, stdin='', env=None):
        argv = [str(part) for part in argv]
        done = sp.run([PORTHOLE, *argv], input=stdin.encode(), stdout=sp.PIPE, stderr=sp.PIPE,
                      env={**self.env, **(env or {})}, timeout=PATIENCE_S, check=False)
        said = Said(argv, done.returncode, done.stdout.decode(), done.stderr.decode())
        self.log += said.out + said.err
        expect('Sanitizer' not in said.err and 'runtime error' not in said.err, said.err)
        equal(said.code, code, 'exit code of %s (%s%s)' % (argv, said.out, said.err))
        return said

    def admin(self, *argv, **more):
        """user, client, key, gateway import: with the data directory."""
        return self.run(*argv, '--data-dir', self.data, **more)

    def login(self, username, password=PASSWORD, **more):
        return self.run('login', self.gateway.url, '--username', username, '--password-file',
                        file('password', password + '\n'), **more)

    @property
    def login_file(self):
        return os.path.join(self.home, '.config', 'porthole', 'login.json')


class Terminal:
    """A command with a terminal before it."""

    def __init__(self, stack, shell, *argv):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execve(PORTHOLE, [PORTHOLE, *[str(part) for part in argv]], shell.env)
        self.pid, self.text = pid, ''
        stack.callback(self.close)

    def await_text(self, text):
        while text not in self.text:
            ready, _, _ = select.select([self.fd], [], [], PATIENCE_S)
            expect(ready, 'the terminal does not show %r but: %s' % (text, self.text))
            try:
                self.text += os.read(self.fd, 4096).decode()
            except OSError:
                raise Failed('it ended without showing %r: %s' % (text, self.text)) from None
        self.text = self.text.partition(text)[2]

    def type(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def wait(self):
        """The exit code, or less than 0: the signal. `text` is what it said."""
        with contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([self.fd], [], [], PATIENCE_S)
                expect(ready, 'it does not end:', self.text)
                data = os.read(self.fd, 4096)
                if not data:
                    break
                self.text += data.decode()
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def one_time_code(uri, at=None):
    """Of RFC 6238, from an otpauth:// address."""
    secret = re.search('secret=([A-Z2-7]+)', uri).group(1)
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    step = int(time.time() if at is None else at) // 30
    digest = hmac.new(key, struct.pack('>Q', step), 'sha1').digest()
    at = digest[19] & 15
    return '%06d' % ((struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000)


def with_admin(stack, *options, **more):
    """A gateway that is set up, and a shell that is logged in as its administrator."""
    gateway = Gateway(stack, *options, **more)
    shell = Shell(gateway)
    shell.admin('user', 'create', 'alice', '--admin', '--password-file',
                file('password', PASSWORD + '\n'))
    shell.login('alice')
    return gateway, shell


class TunnelViewer(Viewer):
    """RFB through a WebSocket."""

    def __init__(self, ws):
        self.ws, self.sock, self.buffer = ws, None, b''
        self.version = self.read(12)
        self.login()

    def send(self, data):
        self.ws.frame(data)

    def read(self, n):
        return self.ws.binary(n)

    def picture(self):
        """Asks for the whole of it and waits for something."""
        self.send(struct.pack('>BBHHHH', 3, 0, 0, 0, self.w, self.h))
        equal(self.read(1), b'\0', 'a FramebufferUpdate')
        self.read(1)
        rectangles = struct.unpack('>H', self.read(2))[0]
        for _ in range(rectangles):
            _, _, w, h, encoding = struct.unpack('>HHHHi', self.read(12))
            equal(encoding, RAW, 'encoding')
            self.read(w * h * 4)


def machine(shell, name='lab-7'):
    """The file with the token of a new machine."""
    token = path('token')
    shell.admin('client', 'create', name, '--token-file', token)
    return token


def sharing(stack, shell, token, *options, url=None, name='lab-7', **more):
    """`porthole share` as that machine."""
    return Porthole(stack, 'share', '--screen', 'pattern', '--listen',
                    '127.0.0.1:%d' % free_port(), '--gateway-url', url or shell.gateway.url,
                    '--agent-id', name, '--client-token-file', token, *options,
                    env={**shell.env, **more.pop('env', {})}, ready=False, **more)


def joined(shell, run_id):
    """Waits until the screen of a run is there."""
    eventually(lambda: shell.run('run', 'show', run_id, '--json').json['status'] == 'running',
               'the run is running')
