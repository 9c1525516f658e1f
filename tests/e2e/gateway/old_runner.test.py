# run_tests: parallel timeout=300
"""The existing Python runner at `porthole gateway --legacy-runner`, byte for byte, with the
viewer of the existing web UI on the other side."""
from runner import *


def legacy(stack, *options):
    gateway = Gateway(stack, '--legacy-runner', *options)
    return gateway, gateway.setup()


def vnc(ui, run):
    return ui.get('/api/runs/%s/vnc' % run).expect(200).json


def start(ui, run):
    return ui.post('/api/runs/%s/vnc/start' % run).expect(200).json


@case('from registration to __STOP__')
def whole(stack):
    gateway, ui = legacy(stack)
    client = ui.client('agent-1')
    run = ui.run(label='desk')
    id_ = run['id']
    runner = Runner(gateway, run, client['token'])
    equal(runner.register().expect(200).json, {'id': client['id'], 'updated': True}, 'register')
    event = runner.started().expect(200).json
    equal((event['ok'], type(event['eventId'])), (True, int), 'started')
    equal(ui.get('/api/runs/' + id_).json['status'], 'running', 'status after the marker')
    equal(runner.poll(), [], 'commands of a new run')
    beat = runner.heartbeat().expect(200).json
    equal(beat['ok'], True, 'heartbeat')

    before = vnc(ui, id_)
    known = {'runId': id_, 'available': False, 'status': 'disconnected',
             'clientConnected': False, 'viewerConnected': False, 'wsUrl': '/ws/vnc/' + id_,
             'stats': None}
    equal({key: before.get(key, 'nothing') for key in known}, known, 'without a tunnel')
    told = start(ui, id_)
    command, desktop = runner.stream(stack)
    equal((command['command'], command['id']), (START, told['commandId']), 'the command')
    expect(command['created_at'], 'created_at')

    state = vnc(ui, id_)
    equal((state['available'], state['status'], state['clientConnected'],
           state['viewerConnected']), (True, 'pending', True, False), 'one side')
    viewer = ui.viewer(stack, id_)
    equal(viewer.upgrade.field('Sec-WebSocket-Protocol'), 'binary', 'of the viewer')
    together(desktop.shake, Novnc(viewer).shake)
    state = vnc(ui, id_)
    equal((state['status'], state['clientConnected'], state['viewerConnected']),
          ('active', True, True), 'both sides')

    viewer.frame(struct.pack('>BBHHHH', 3, 0, 0, 0, W, H))
    equal(desktop.message(), struct.pack('>BBHHHH', 3, 0, 0, 0, W, H), 'the request')
    sent, seen = together(desktop.picture, lambda: viewer.binary(16 + W * H * 4))
    expect(len(sent) > 8000000 and sent == seen, 'a whole picture of one frame')
    equal(runner.heartbeat().expect(200).json['ok'], True, 'heartbeat while it streams')
    equal([c['command'] for c in runner.poll()], [START], 'not acknowledged, still there')

    stats = vnc(ui, id_)['stats']
    # 12 + 2 + 4 + ServerInit and the picture; 12 + 1 + 1 and the request.
    equal((stats['bytesFromClient'], stats['bytesToViewer']),
          (18 + len(SERVER_INIT) + len(sent),) * 2, 'from the desktop')
    equal((stats['bytesFromViewer'], stats['bytesToClient']), (24, 24), 'from the viewer')
    for key in ('createdAt', 'clientConnectedAt', 'viewerConnectedAt'):
        expect(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', stats[key]), key, stats)

    stop = ui.post('/api/runs/%s/stop' % id_).expect(200).json
    both = runner.poll()
    equal([(c['command'], c['id']) for c in both],
          [(START, command['id']), (STOP, stop['commandId'])], 'oldest first')
    equal(runner.ack(both[1], 'Stopping').expect(200).json, {'ok': True}, 'ack of STOP')
    desktop.bye()
    equal(runner.ack(command).expect(200).json, {'ok': True}, 'ack of START at the end')
    equal(runner.poll(), [], 'nothing is pending')
    runner.marker(event='finished', exitCode=0).expect(200)
    equal(ui.get('/api/runs/' + id_).json['status'], 'done', 'status at the end')
    gateway.stop()


@case('a viewer with a ticket sees it too; text becomes binary')
def ticket(stack):
    gateway, ui = legacy(stack)
    run = ui.run()
    runner = Runner(gateway, run)
    start(ui, run['id'])
    _, desktop = runner.stream(stack)
    ticket_ = ui.ticket(run['id'])
    stranger = Ui(gateway)
    viewer = stranger.socket(stack, '/ws/vnc/' + run['id'], 'binary, porthole.ticket.' + ticket_)
    equal(viewer.upgrade.field('Sec-WebSocket-Protocol'), 'binary', 'subprotocol')
    together(desktop.shake, Novnc(viewer).shake)
    desktop.frame('grüße'.encode(), TEXT)
    equal(viewer.binary(7), 'grüße'.encode(), 'from a text frame')
    viewer.frame(b'plain', TEXT)
    equal(desktop.message(), b'plain', 'from the viewer\'s text frame')
    with contextlib.suppress(NotUpgraded):
        stranger.socket(stack, '/ws/vnc/' + run['id'], 'binary, porthole.ticket.' + ticket_)
        raise Failed('a ticket works twice')
    gateway.stop()


@case('what comes before the viewer is kept, and is not without bound')
def early(stack):
    gateway, ui = legacy(stack)
    run = ui.run()
    start(ui, run['id'])
    _, desktop = Runner(gateway, run).stream(stack)
    data = os.urandom(64 << 20)
    before = memory(gateway)
    sender = threading.Thread(target=desktop.frame, args=(data,), daemon=True)
    sender.start()
    time.sleep(3)
    expect(sender.is_alive(), '64 MiB were taken with nobody there')
    grown = memory(gateway) - before
    expect(grown < 16 << 10, 'grew by %d KB' % grown)
    viewer = ui.viewer(stack, run['id'])
    expect(viewer.binary(len(data)) == data, 'they came otherwise')
    sender.join()
    gateway.stop()


def memory(gateway):
    return sum(status_of(pid, 'RssAnon') for pid in [gateway.pid, *descendants(gateway.pid)])


@case('frames of any cut arrive as the same bytes, both ways')
def cuts(stack):
    gateway, ui = legacy(stack)
    _, _, desktop, viewer = joined(stack, gateway, ui)
    for here, there in ((desktop, viewer), (viewer, desktop)):
        data = os.urandom(1 << 20)
        sizes = [0, 1, 125, 126, 127, 65535, 65536, 65537, 3, 200000]

        def put():
            at = 0
            for i, n in enumerate(sizes * 2):
                fragment = data[at:at + n]
                at += n
                if i % 3 == 2:  # fragmented, with a ping between
                    here.frame(fragment[:n // 2], fin=False)
                    here.frame(b'between', PING)
                    here.frame(fragment[n // 2:], 0)
                else:
                    here.frame(fragment)
            here.frame(data[at:])

        _, got = together(put, lambda: there.binary(len(data)))
        expect(got == data, 'other bytes')
    gateway.stop()


@case('without --legacy-runner it is refused')
def modern(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run()
    runner = Runner(gateway, run)
    start(ui, run['id'])
    with contextlib.suppress(Failed):
        runner.wait_for(START)
    refused(stack, lambda: runner.upgrade(stack))
    equal(vnc(ui, run['id'])['available'], False, 'a tunnel was made')
    gateway.stop()


@case('only while a START that its poll has got is unacknowledged')
def outstanding(stack):
    gateway, ui = legacy(stack)
    run = ui.run()
    runner = Runner(gateway, run)
    refused(stack, lambda: runner.upgrade(stack))
    start(ui, run['id'])
    refused(stack, lambda: runner.upgrade(stack))  # not delivered yet
    command = runner.wait_for(START)
    other = ui.run()
    refused(stack, lambda: runner.upgrade(stack, other['id']))
    runner.ack(command).expect(200)
    refused(stack, lambda: runner.upgrade(stack))
    start(ui, run['id'])
    _, desktop = runner.stream(stack)
    together(desktop.shake, Novnc(ui.viewer(stack, run['id'])).shake)
    gateway.stop()


@case('a second one never replaces a live one')
def second(stack):
    gateway, ui = legacy(stack)
    runner, _, desktop, viewer = joined(stack, gateway, ui)
    start(ui, runner.run)
    runner.poll()
    for _ in range(3):
        refused(stack, lambda: runner.upgrade(stack))
    desktop.frame(b'still here')
    equal(viewer.binary(10), b'still here', 'the first one')
    gateway.stop()


@case('not from another address than its poll')
def address(stack):
    gateway, ui = legacy(stack)
    run = ui.run()
    runner = Runner(gateway, run)
    start(ui, run['id'])
    runner.wait_for(START)
    refused(stack, lambda: runner.upgrade(stack, source='127.0.0.2'))
    together(runner.upgrade(stack).shake, Novnc(ui.viewer(stack, run['id'])).shake)
    gateway.stop()


@case('unknown runs and those of other workers')
def not_vnc(stack):
    gateway, ui = legacy(stack)
    claude = ui.run(workerType='claude')['id']
    for id_ in ('nothing-here', claude):
        ws = ui.viewer(stack, id_)
        equal(ws.ended(), (1008, 'Invalid run or not VNC type'), id_)
    ui.get('/api/runs/nothing-here/vnc').expect(404, 'Run not found')
    ui.post('/api/runs/nothing-here/vnc/start').expect(404, 'Run not found')
    ui.get('/api/runs/%s/vnc' % claude).expect(400, 'Run is not a VNC worker')
    ui.post('/api/runs/%s/vnc/start' % claude).expect(400, 'Run is not a VNC worker')
    gateway.stop()


@case('a viewer leaves, the next START gives the next stream')
def leaves(stack):
    gateway, ui = legacy(stack)
    runner, command, desktop, viewer = joined(stack, gateway, ui)
    for reset in (False, True):
        if reset:
            viewer.close(True)
        else:
            viewer.bye()
        code, _ = desktop.ended()
        expect(code in (1000, 1001, 1005), 'close code of the runner:', code)
        runner.ack(command).expect(200)
        start(ui, runner.run)
        command, desktop = runner.stream(stack)
        viewer = ui.viewer(stack, runner.run)
        together(desktop.shake, Novnc(viewer).shake)
    gateway.stop()


@case('the runner vanishes, the viewer is told; DELETE ends both')
def vanishes(stack):
    gateway, ui = legacy(stack)
    runner, command, desktop, viewer = joined(stack, gateway, ui)
    desktop.close(True)
    code, _ = viewer.ended()
    expect(code, 'no close frame for the viewer')
    runner.ack(command).expect(200)
    start(ui, runner.run)
    command, desktop = runner.stream(stack)
    viewer = ui.viewer(stack, runner.run)
    together(desktop.shake, Novnc(viewer).shake)
    for _ in range(2):
        equal(ui.delete('/api/runs/%s/vnc' % runner.run).expect(200).json,
              {'runId': runner.run, 'message': 'VNC tunnel closed'}, 'DELETE')
    for ws in (viewer, desktop):
        expect(ws.ended()[0], 'no close frame')
    eventually(lambda: not vnc(ui, runner.run)['available'], 'no tunnel is left')
    gateway.stop()


@case('commands: unknown ones, those of others, twice')
def commands(stack):
    gateway, ui = legacy(stack)
    mine, other = ui.run(), ui.run()
    runner, stranger = Runner(gateway, mine), Runner(gateway, other)
    start(ui, mine['id'])
    command = runner.wait_for(START)
    expect(stranger.ack(command).status in (403, 404), 'acknowledged by another run')
    answer = stranger.post('/api/runs/%s/commands/%s/ack' % (mine['id'], command['id']),
                           {'result': 'x', 'error': None})
    answer.expect(403, 'Capability token mismatch')
    stranger.get('/api/runs/%s/commands' % mine['id']).expect(403, 'Capability token mismatch')
    equal(len(runner.poll()), 1, 'still pending')
    runner.ack(command, None, 'Unknown command').expect(200)
    runner.ack({'id': 'nothing-here'}).expect(404)
    equal(runner.poll(), [], 'acknowledged')
    row = ui.get('/api/runs/' + mine['id']).json['commands'][0]
    equal((row['status'], row['error']), ('completed', 'Unknown command'), 'as the UI sees it')
    gateway.stop()


@case('its events: every type, sequence from 0, markers of the end')
def events(stack):
    gateway, ui = legacy(stack)
    run = ui.run()
    runner = Runner(gateway, run)
    kinds = ('stdout', 'stderr', 'info', 'error', 'assist', 'prompt_waiting', 'prompt_resolved',
             'tool_use')
    for kind in kinds:
        runner.event(kind, 'Grüße von ' + kind).expect(200)
    seen = ui.get('/api/runs/%s/events' % run['id']).expect(200).json
    equal([(e['type'], e['data'], e['sequence']) for e in seen],
          [(kind, 'Grüße von ' + kind, i) for i, kind in enumerate(kinds)], 'events')
    runner.event('nonsense', 'x').expect(400)
    runner.post('/api/ingest/event', {'type': 'info', 'data': 'x'}, run='',
                token='').expect(400, 'Run ID required')
    runner.marker(event='finished', exitCode=3).expect(200)
    equal(ui.get('/api/runs/' + run['id']).json['status'], 'failed', 'exit code 3')
    gateway.stop()


main()
