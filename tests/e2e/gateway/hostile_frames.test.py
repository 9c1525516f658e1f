# run_tests: parallel timeout=300
"""Hostile peers at the gateway, frames: every WebSocket that it has."""
from agent import *

M = 1 << 20


def ready(stack):
    gateway = Gateway(stack)
    return gateway, gateway.setup()


def entrances(stack, ui):
    """A maker of fresh WebSockets for each entrance, greeted."""
    a = agent(ui)

    def viewer():
        viewer.control = a.control(stack)
        return channel(stack, viewer.control, a, ui)[0]

    def data():
        data.control = a.control(stack)
        return channel(stack, data.control, a, ui)[1]

    return {'/ws': lambda: ui.live(stack), 'viewer': viewer, 'data': data,
            'control': lambda: a.control(stack)}


# What comes -> the close codes that fit.
BROKEN = {
    'no mask': (lambda ws: ws.frame(b'x', mask=False), (1002,)),
    'a reserved bit': (lambda ws: ws.frame(b'x', rsv=4), (1002,)),
    'another reserved bit': (lambda ws: ws.frame(b'x', rsv=1), (1002,)),
    'opcode 3': (lambda ws: ws.frame(b'x', 3), (1002,)),
    'opcode 11': (lambda ws: ws.frame(b'x', 11), (1002,)),
    'a continuation of nothing': (lambda ws: ws.frame(b'x', 0), (1002,)),
    'a message in a message': (lambda ws: (ws.frame(b'{', TEXT, False), ws.frame(b'{', TEXT)),
                               (1002,)),
    'a ping in pieces': (lambda ws: ws.frame(b'x', PING, False), (1002,)),
    'a close in pieces': (lambda ws: ws.frame(b'\3\xe8', CLOSE, False), (1002,)),
    'a ping of 126': (lambda ws: ws.frame(b'x' * 126, PING), (1002, 1009)),
    'a ping of 65536': (lambda ws: ws.frame(b'x' * 65536, PING), (1002, 1009)),
    'a close of one byte': (lambda ws: ws.frame(b'\3', CLOSE), (1002,)),
    'close code 1005': (lambda ws: ws.frame(b'\3\xed', CLOSE), (1002,)),
    'close code 999': (lambda ws: ws.frame(b'\3\xe7', CLOSE), (1002,)),
    'close code 5000': (lambda ws: ws.frame(b'\x13\x88', CLOSE), (1002,)),
    'a reason that is not UTF-8': (lambda ws: ws.frame(b'\3\xe8\xff', CLOSE), (1002, 1007)),
    '2^63 bytes': (lambda ws: ws.send(b'\x82\xff' + b'\xff' * 8 + b'\0' * 4), (1002, 1009)),
    '2^63 - 1 bytes': (lambda ws: ws.send(b'\x82\xff\x7f' + b'\xff' * 7 + b'\0' * 4),
                       (1002, 1009)),
    '3 bytes as 16 bits': (lambda ws: ws.send(b'\x82\xfe\0\3' + b'\0' * 7), (1002,)),
    '3 bytes as 64 bits': (lambda ws: ws.send(b'\x82\xff' + b'\0' * 7 + b'\3' + b'\0' * 7),
                           (1002,)),
}


@case('Control frames and broken frames: 1002, and only that connection')
def broken(stack):
    gateway, ui = ready(stack)
    wrong = []
    for entrance, make in entrances(stack, ui).items():
        for name, (send, codes) in BROKEN.items():
            ws = make()
            with contextlib.suppress(Gone):
                send(ws)
            code, reason = ws.ended()
            if code not in codes:
                wrong.append('%s, %s: %s %s' % (entrance, name, code, reason))
            ws.close()
    expect(not wrong, '; '.join(wrong))
    gateway.ask('GET', '/api/health').expect(200)
    gateway.stop()


@case('a ping between fragments is answered, its text comes back')
def between(stack):
    gateway, ui = ready(stack)
    ws = ui.live(stack)
    ws.frame(b'{"type":', TEXT, False)
    ws.frame(b'x' * 125, PING)
    ws.frame(b'"ping"}', 0)
    equal(ws.json(), {'type': 'pong'}, 'the message')
    equal(ws.pongs, [b'x' * 125], 'pongs')
    ws.frame(b'', CLOSE)
    expect(ws.ended()[0] in (1000, 1005), 'close without a code')
    gateway.stop()


@case('Oversize: messages and frames of JSON sockets, frames of tunnels')
def oversize(stack):
    gateway, ui = ready(stack)
    ws = ui.live(stack)
    with contextlib.suppress(Gone):
        ws.frame(b' ' * (M + 1), TEXT)
    equal(ws.ended()[0], 1009, 'a frame over 1 MiB')
    ws = ui.live(stack)
    with contextlib.suppress(Gone):
        for i in range(18):
            ws.frame(b' ' * M, TEXT if i == 0 else 0, False)
    equal(ws.ended()[0], 1009, 'a message over 16 MiB')
    a = agent(ui)
    control = a.control(stack)
    viewer, data, _ = channel(stack, control, a, ui)
    data.send(data.frame_head((64 << 20) + 1))
    expect(data.ended()[0] == 1009, 'a frame over 64 MiB')
    expect(viewer.ended()[0], 'its viewer')
    viewer, data, _ = channel(stack, control, a, ui)
    big = os.urandom(M) * 64
    _, got = together(lambda: data.frame(big), lambda: viewer.binary(len(big)))
    expect(got == big, 'a frame of 64 MiB')
    gateway.stop()


@case('nonsense on /ws is answered or ends it, and never more')
def nonsense(stack):
    gateway, ui = ready(stack)
    for text in (b'', b'{', b'[]', b'null', b'{"type":1}', b'{}', b'{"type":"subscribe"}',
                 b'{"type":"subscribe","runId":5}', b'{"type":"unknown"}',
                 b'{"type":"subscribe","runId":"' + b'x' * 5000 + b'"}',
                 b'{"type":"unsubscribe","runId":"nothing"}', b'[' * 100000):
        ws = ui.live(stack)
        with contextlib.suppress(Gone):
            ws.text(text)
            ws.text({'type': 'ping'})
        try:
            for _ in range(3):
                said = ws.json()
                if said['type'] == 'pong':
                    break
                equal(said['type'] in ('error', 'unsubscribed'), True, said)
        except Ended as end:
            expect(end.code in (1002, 1003, 1007, 1008), text[:40], end)
    ws = ui.live(stack)
    ws.frame(b'{"type":"\xff"}', TEXT)
    expect(ws.ended()[0] in (1002, 1007), 'not UTF-8')
    ws = ui.live(stack)
    ws.frame(b'binary')
    expect(ws.ended()[0] in (1003, 1008, 1002), 'binary on a JSON socket')
    gateway.stop()


@case('a flood of pings that nobody reads costs no memory, the others go on')
def flood(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    viewer, data, _ = channel(stack, control, a, ui)
    other, other_data, _ = channel(stack, control, a, ui)
    live = ui.live(stack)
    before = status_of(gateway.pid, 'VmRSS')
    for ws in (viewer, live, control):
        ws.sock.settimeout(2)
        ping = ws.frame_head(125, PING) + b'x' * 125
        with contextlib.suppress(OSError):
            for _ in range(500):
                ws.sock.sendall(ping * 100)
    grown = status_of(gateway.pid, 'VmRSS') - before
    expect(grown < 32 << 10, 'grew by %d KB' % grown)
    other_data.frame(b'still')
    equal(other.binary(5), b'still', 'another tunnel')
    del data
    gateway.stop()


@case('permessage-deflate is not taken')
def deflate(stack):
    gateway, ui = ready(stack)
    for ws in (ui.live(stack), ui.viewer(stack, ui.run()['id'])):
        equal(ws.upgrade.field('Sec-WebSocket-Extensions'), None, 'extensions')
    gateway.stop()


HANDSHAKES = {
    'no key': ([('Sec-WebSocket-Key', None)], 400),
    'a short key': ([('Sec-WebSocket-Key', 'AAAA')], 400),
    'a key that is not base64': ([('Sec-WebSocket-Key', '!' * 24)], 400),
    'version 8': ([('Sec-WebSocket-Version', '8')], 426),
    'no version': ([('Sec-WebSocket-Version', None)], (400, 426)),
    'Connection: close': ([('Connection', 'close')], (400, 426)),
    'Upgrade: h2c': ([('Upgrade', 'h2c')], (400, 426)),
}


@case('handshakes that are none')
def handshakes(stack):
    gateway, ui = ready(stack)
    for name, (changes, wanted) in HANDSHAKES.items():
        fields = dict([*upgrade_fields(), ('Origin', gateway.url),
                       ('Cookie', 'session=' + ui.cookie)])
        fields.update(changes)
        fields = [(n, v) for n, v in fields.items() if v is not None]
        try:
            WebSocket(gateway.port, '/ws', fields).close()
        except NotUpgraded as no:
            wanted = wanted if isinstance(wanted, tuple) else (wanted,)
            expect(no.answer.status in wanted, name, no.answer)
            continue
        raise Failed(name + ': upgraded')
    body = [*upgrade_fields(), ('Origin', gateway.url), ('Cookie', 'session=' + ui.cookie)]
    answer = gateway.ask('POST', '/ws', body)
    expect(400 <= answer.status < 500, 'POST', answer)
    gateway.stop()


def descriptors(pids):
    return [len(os.listdir('/proc/%d/fd' % pid)) for pid in pids]


@case('Unauthenticated tunnels leave nothing behind')
def unauthenticated(stack):
    gateway, ui = ready(stack)
    run = ui.run()['id']
    pids = [gateway.pid, *descendants(gateway.pid)]
    time.sleep(0.5)  # what set this up leaves
    before = descriptors(pids)
    for i in range(60):
        target = ('/ws/vnc/' + run, '/ws/vnc/nothing', '/ws/agent/' + run, '/ws')[i % 4]
        try:
            WebSocket(gateway.port, target, upgrade_fields('binary, porthole.ticket.x')).close()
        except NotUpgraded as no:
            expect(no.answer.status in (400, 401, 403, 404, 429), target, no.answer)
            continue
        raise Failed('upgraded: ' + target)
    equal(ui.get('/api/vnc/stats').json,
          {'activeTunnels': 0, 'pendingTunnels': 0, 'tunnels': []}, 'stats')
    eventually(lambda: all(n <= b for n, b in zip(descriptors(pids), before)),
               'descriptors are back')
    gateway.stop()


main()
