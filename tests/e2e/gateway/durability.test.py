# run_tests: timeout=600
"""What the gateway has acknowledged is there, whatever happens to it: kill -9 at any
moment, a full disk, too many files."""
import random
import resource
import subprocess

from agent import *

EVENTS, CONNECTIONS, TUNNELS, KILLS = 2000, 32, 20, 6
SEED = 20


class Restarts:
    """The gateway that lives now; killed at random moments and started again."""

    def __init__(self, stack, *options):
        self.stack, self.options = stack, options
        self.now = Gateway(stack, *options)
        self.port, self.url = self.now.port, self.now.url
        self.deaths = 0

    def http(self):
        return self.now.http()

    def ask(self, *arguments):
        return self.now.ask(*arguments)

    def kill(self, stragglers):
        self.now.kill(stragglers)
        self.deaths += 1
        self.now = self.now.again(self.stack, *self.options)


def persistent(ask, *arguments, **options):
    """Asks until it is answered with 200. Each attempt is a request of its own."""
    end = time.monotonic() + PATIENCE_S * 2
    while True:
        try:
            answer = ask(*arguments, **options)
            if answer.status == 200:
                return answer
            expect(answer.status in (429, 503), arguments, answer)
            time.sleep(float(answer.field('Retry-After') or 0.1))
        except (Gone, OSError):
            time.sleep(0.02)
        expect(time.monotonic() < end, 'no answer any more:', arguments)


class Sender:
    """A keep-alive connection that sends its part of the events."""

    def __init__(self, gateway, run, first):
        self.runner = Runner(gateway, run)
        self.numbers = range(first, EVENTS, CONNECTIONS)
        self.told = {}  # number: the id that was acknowledged
        self.first = {}  # number: bytes of the request that was acknowledged

    def go(self):
        for number in self.numbers:
            ids = persistent(self.send, number).json['eventId']
            self.told[number] = ids

    def send(self, number):
        body = json.dumps({'type': 'stdout', 'data': 'event %d' % number,
                           'sequence': number}).encode()
        nonce = secrets.token_hex(8)
        self.first[number] = (body, nonce, int(time.time()))
        return self.runner.ask('POST', '/api/ingest/event', body, nonce=nonce,
                               timestamp=self.first[number][2])


class Pair:
    """An existing runner and its viewer. Numbers go both ways, and come in order."""

    def __init__(self, stack, gateway, ui):
        self.stack, self.gateway, self.ui = stack, gateway, ui
        self.runner = Runner(gateway, ui.run())
        self.sessions = 0
        self.done = False

    def go(self):
        while not self.done:
            try:
                persistent(self.ui.post, '/api/runs/%s/vnc/start' % self.runner.run)
                command = self.command()
                self.stream()
                persistent(self.runner.ack, command)
            except (Gone, NotUpgraded, OSError):
                time.sleep(0.1)

    def command(self):
        """An unacknowledged START is still there after a kill."""
        commands = persistent(self.runner.get, '/api/runs/%s/commands' % self.runner.run).json
        equal([c['command'] for c in commands], [START], 'commands')
        return commands[0]

    def stream(self):
        desktop = viewer = None
        try:
            desktop = self.runner.upgrade(None)
            viewer = self.ui.viewer(None, self.runner.run)
            self.sessions += 1
            for i in range(10 ** 9):
                data = struct.pack('>I', i) * 5000
                desktop.frame(data)
                equal(viewer.binary(len(data)) == data, True, 'bytes of the desktop')
                viewer.frame(data[:4])
                equal(desktop.binary(4), data[:4], 'bytes of the viewer')
                if self.done:
                    return
                time.sleep(0.05)
        finally:
            for ws in (desktop, viewer):
                if ws:
                    ws.close()


@case('%d events over %d connections and %d tunnels under kill -9: nothing acknowledged is lost'
      % (EVENTS, CONNECTIONS, TUNNELS))
def killed(stack):
    chance = random.Random(SEED)
    gateway = Restarts(stack, '--legacy-runner')
    ui = gateway.now.setup()
    ui.gateway = gateway
    runs = [ui.run() for _ in range(8)]
    senders = [Sender(gateway, runs[i % len(runs)], i) for i in range(CONNECTIONS)]
    pairs = [Pair(stack, gateway, ui) for _ in range(TUNNELS)]
    begun = time.monotonic()

    def killer():
        """Spread over the events: each kill waits for some of them."""
        for i in range(KILLS):
            part = EVENTS * (i + chance.random()) / (KILLS + 0.5)
            eventually(lambda: sum(len(s.told) for s in senders) >= part, 'events go on', 120)
            time.sleep(chance.random() * 0.05)
            gateway.kill(stragglers=chance.random() < 0.5)

    def send():
        together(*[s.go for s in senders])
        eventually(lambda: gateway.deaths == KILLS, 'all kills', 120)
        eventually(lambda: all(p.sessions > 1 for p in pairs), 'all tunnels came back', 120)
        for p in pairs:
            p.done = True

    together(killer, send, *[p.go for p in pairs])
    expect(time.monotonic() - begun < 400, 'it took too long')

    stored = {}
    for run in runs:
        after = 0
        while True:
            page = persistent(ui.get, '/api/runs/%s/events?limit=1000&after=%d' % (
                run['id'], after)).json
            for e in page:
                number = int(e['data'].split()[1])
                expect(number not in stored, 'event %d is there twice' % number)
                equal((e['sequence'], runs[number % CONNECTIONS % len(runs)]['id']),
                      (number, run['id']), 'event %d' % number)
                stored[number] = e['id']
            if not page:
                break
            after = page[-1]['id']
    told = {number: id_ for s in senders for number, id_ in s.told.items()}
    equal(len(told), EVENTS, 'acknowledged')
    lost = [n for n, id_ in told.items() if stored.get(n) != id_]
    expect(not lost, '%d acknowledged events are not there: %s' % (len(lost), lost[:5]))
    # What an acknowledged request has used is used, across all the kills.
    for s in senders[::4]:
        number = s.numbers[0]
        body, nonce, stamp = s.first[number]
        s.runner.http = None  # a connection of its own: the last one may have been killed
        s.runner.post('/api/ingest/event', body, nonce=nonce, timestamp=stamp).expect(
            401, 'Nonce already used (replay attack detected)')
    gateway.now.stop()


# A folder on a small disk of its own, which grows when a line comes on standard input.
SMALL_DISK = '''
mount -t tmpfs -o size=3m,mode=0700 small "$1" || exit 77
exec 3<&0 </dev/null
{ read -r go <&3 && mount -o remount,size=64m "$1"; } &
shift
exec 3<&- "$@"
'''


NAMESPACE = ['unshare', '--user', '--map-root-user', '--mount']
SMALL_FILES = ['prlimit', '--fsize=3145728:']


def on_small_disk(stack, folder):
    """A gateway with 3 MB, and what gives it more. Where no disk may be made (in some
    containers), its files may not grow."""
    if subprocess.run([*NAMESPACE, 'true'], stderr=subprocess.DEVNULL, check=False).returncode:
        gateway = Gateway(stack, data=folder, wrap=SMALL_FILES)
        return gateway, lambda: [run('prlimit', '--pid', pid, '--fsize=unlimited:')
                                 for pid in [gateway.pid, *descendants(gateway.pid)]]
    grow, told = os.pipe()
    stack.callback(os.close, told)
    gateway = Gateway(stack, data=folder, stdin=grow, wrap=[
        *NAMESPACE, 'sh', '-c', SMALL_DISK, 'sh', folder])
    os.close(grow)
    return gateway, lambda: os.write(told, b'go\n')


@case('disk full: refused and not lost, and it goes on when there is room')
def disk_full(stack):
    folder = path('small')
    os.mkdir(folder, 0o700)
    gateway, grow = on_small_disk(stack, folder)
    ui = gateway.setup()
    runner = Runner(gateway, ui.run())
    kept, refused_ = {}, None
    for i in range(400):
        answer = runner.event('stdout', 'x' * 50000)
        if answer.status != 200:
            refused_ = answer
            break
        kept[answer.json['eventId']] = i
    expect(refused_ and refused_.status in (500, 503, 507), 'on a full disk:', refused_)
    expect(kept, 'nothing fits at all')
    expect(isinstance(refused_.json['error'], str), refused_)
    ui.get('/api/health').expect(200)
    for _ in range(20):
        answer = runner.event('stdout', 'x' * 50000)
        expect(answer.status in (200, 500, 503, 507), answer)
        if answer.status == 200:
            kept[answer.json['eventId']] = runner.sequence - 1
    expect('disk is full' in gateway.err, 'the log does not say why:', gateway.err)

    grow()
    eventually(lambda: room(runner, kept), 'it goes on when there is room')
    there, after = {}, 0
    while True:
        page = ui.get('/api/runs/%s/events?limit=50&after=%d' % (runner.run, after)).json
        if not page:
            break
        there.update({e['id']: e['sequence'] for e in page})
        after = page[-1]['id']
    equal({id_: there.get(id_) for id_ in kept}, kept, 'acknowledged events')
    gateway.stop()


def room(runner, kept):
    answer = runner.event('stdout', 'again')
    if answer.status == 200:
        kept[answer.json['eventId']] = runner.sequence - 1
    return answer.status == 200


def cpu_s(pid):
    with open('/proc/%d/stat' % pid, encoding='utf-8') as text:
        fields = text.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@case('too many files: who is there stays, and accepting rests')
def too_many_files(stack):
    few = 64

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))

    gateway = Gateway(stack, preexec_fn=limit)
    ui = gateway.setup()
    a = agent(ui)
    control = a.control(stack)
    viewer, data, _ = channel(stack, control, a, ui)
    keep = gateway.http(stack)
    keep.request('GET', '/api/health').expect(200)
    crowd = []
    for _ in range(few * 2):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(('127.0.0.1', gateway.port))
        crowd.append(sock)
    time.sleep(1)
    before = cpu_s(gateway.pid)
    for _ in range(20):
        data.frame(b'still here')
        equal(viewer.binary(10), b'still here', 'the tunnel')
        time.sleep(0.1)
    expect(cpu_s(gateway.pid) - before < 1.0, 'it spins')
    keep.request('GET', '/api/health').expect(200)
    for sock in crowd:
        sock.close()
    eventually(lambda: answered(gateway), 'it takes connections again')
    gateway.stop()


def answered(gateway):
    try:
        return gateway.ask('GET', '/api/health').status == 200
    except (Gone, OSError):
        return False


@case('its store dies: it ends and says so; it starts again on what is there')
def store_dies(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run()['id']
    below = descendants(gateway.pid)
    expect(below, 'no store process')
    for pid in below:
        os.kill(pid, signal.SIGKILL)
    expect(gateway.wait() != 0, 'it goes on without its store')
    expect(gateway.err.strip(), 'and says nothing')
    ui.gateway = gateway.again(stack)
    equal(ui.get('/api/runs/' + run).expect(200).json['id'], run, 'the run')
    ui.gateway.stop()


main()
