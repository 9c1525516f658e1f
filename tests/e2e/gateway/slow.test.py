# run_tests: parallel timeout=300
"""Slow and stuck peers at the gateway. They are all there at once, for as long as it takes."""
from agent import *

LONGEST_S = 150


def lasted(wire, dribble=None, pause=1.0):
    """Seconds until the gateway closes. `dribble`: a byte of it every `pause` seconds."""
    start, at = time.monotonic(), 0
    wire.sock.settimeout(pause)
    while time.monotonic() - start < LONGEST_S:
        try:
            if not wire.sock.recv(65536):
                break
        except TimeoutError:
            pass
        except OSError:
            break
        if dribble:
            try:
                wire.sock.sendall(dribble[at % len(dribble):][:1])
            except OSError:
                break
            at += 1
    return time.monotonic() - start


def silent(ws):
    """Reads on, but answers no ping."""
    start = time.monotonic()
    ws.answers_pings = False
    ws.sock.settimeout(LONGEST_S)
    with contextlib.suppress(Failed):
        ws.ended()
    return time.monotonic() - start


def listed(ui, run, opened):
    """Seconds until the gateway gives the viewer of that channel up."""
    start = time.monotonic()
    while time.monotonic() - start < LONGEST_S:
        viewers = ui.get('/api/runs/%s/vnc' % run).expect(200).json['viewers']
        if opened['channel'] not in [v['channel'] for v in viewers]:
            break
        time.sleep(0.5)
    return time.monotonic() - start


@case('Slowloris, half-open pairs, no pong, stuck viewers: each ends, nobody else does')
def slow(stack):
    gateway = Gateway(stack, '--legacy-runner')
    ui = gateway.setup()
    host = b'127.0.0.1:%d' % gateway.port
    threads = status_of(gateway.pid, 'Threads')

    a = agent(ui)
    control = a.control(stack)
    good, good_data, _ = channel(stack, control, a, ui)
    _, stuck_data, stuck = channel(stack, control, a, ui)
    deaf, _, _ = channel(stack, control, a, ui)
    lonely = ui.viewer(stack, ui.run()['id'])
    run = ui.run()
    ui.post('/api/runs/%s/vnc/start' % run['id']).expect(200)
    _, half = Runner(gateway, run).stream(stack)
    mute = ui.live(stack)
    b = agent(ui)
    quiet = b.control(stack, hello=False)
    idle = agent(ui).control(stack)

    def wire(data):
        w = Wire(connect(gateway.port))
        stack.callback(w.close)
        w.send(data)
        return w

    def push():
        """Seconds until more was taken than everybody between keeps: when nobody waits
        for it any more."""
        sock = stuck_data.sock
        sock.setblocking(False)
        junk = os.urandom(65536)
        start, sent = time.monotonic(), 0
        while time.monotonic() - start < LONGEST_S and sent < 16 << 20:
            try:
                sent += sock.send(junk)
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:
                break
        return time.monotonic() - start

    stuck_data.send(stuck_data.frame_head(64 << 20, mask=False)[:1] + b'\xff' +
                    struct.pack('>Q', 64 << 20) + b'\0' * 4)
    heads = [wire(b'GET /api/health HTTP/1.1\r\nHost: ' + host + b'\r\nX-A: ') for _ in range(100)]
    post = b'POST /api/auth/login HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n' % host
    waits = {
        'a head, a byte a second': lambda: (lasted(heads[0], b'x'), (8, 30)),
        'a head that stops': lambda: (lasted(heads[1]), (8, 30)),
        'nothing at all': lambda: (lasted(wire(b'')), (8, 60)),
        'a body, 2 bytes a second': lambda: (lasted(wire(post + b'Content-Length: 9000\r\n\r\n'),
                                                    b' ', 0.5), (8, 60)),
        'chunks, 2 bytes a second': lambda: (lasted(wire(
            post + b'Transfer-Encoding: chunked\r\n\r\n2000\r\n'), b' ', 0.5), (8, 60)),
        'a handshake that stops': lambda: (lasted(wire(
            b'GET /ws HTTP/1.1\r\nHost: ' + host + b'\r\nUpgrade: websocket\r\n')), (8, 30)),
        '/ws without pong': lambda: (silent(mute), (25, 100)),
        'a viewer without pong': lambda: (silent(deaf), (25, 100)),
        'a control WebSocket without pong': lambda: (silent(idle), (25, 100)),
        'no hello': lambda: (silent(quiet), (8, 40)),
        'a viewer without an agent': lambda: (silent(lonely), (25, 60)),
        'an existing runner without a viewer': lambda: (silent(half), (25, 60)),
        'a viewer that reads nothing': lambda: (listed(ui, a.run, stuck), (25, 120)),
        'who sends to it': lambda: (push(), (25, 120)),
        'a good one meanwhile': lambda: (carry_on(good, good_data), None),
        'its control': lambda: (listen(control), None),
    }
    names = list(waits)
    equal(status_of(gateway.pid, 'Threads'), threads, 'threads')
    got = dict(zip(names, together(*waits.values())))
    wrong = {name: '%.0f s' % took for name, (took, bounds) in got.items()
             if bounds and not bounds[0] <= took <= bounds[1]}
    expect(not wrong, wrong)
    gateway.stop()


def carry_on(viewer, data):
    start = time.monotonic()
    while time.monotonic() - start < 90:
        data.frame(b'tick')
        equal(viewer.binary(4), b'tick', 'a good tunnel')
        viewer.frame(b'tock')
        equal(data.binary(4), b'tock', 'a good tunnel')
        time.sleep(0.2)


def listen(control):
    start = time.monotonic()
    control.sock.settimeout(1)
    while time.monotonic() - start < 90:
        with contextlib.suppress(Failed):
            control.data_frame()


main()
