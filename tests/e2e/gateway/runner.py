"""The existing Python runner: what it sends, in its order, with its server of RFB."""
from gateway import *

W, H = 1920, 1080
NAME = b'Python VNC Server'
SERVER_INIT = struct.pack('>HHBBBBHHHBBBxxxI', W, H, 32, 32, 0, 1, 255, 255, 255, 16, 8, 0,
                          len(NAME)) + NAME
START, STOP = '__START_VNC_STREAM__', '__STOP__'


class Runner(Signer):
    """`python vnc_runner.py --run-id ID --capability-token TOKEN --gateway-url URL`"""

    def __init__(self, gateway, run, client_token=None, agent_id='agent-1', **options):
        super().__init__(gateway, run['id'], run['capabilityToken'], client_token, **options)
        self.agent_id = agent_id
        self.sequence = 0

    def register(self):
        return self.post('/api/clients/register', {
            'displayName': 'Desk of ' + self.agent_id, 'agentId': self.agent_id,
            'version': '1.0.0', 'capabilities': ['vnc', 'screen', 'keyboard', 'mouse']})

    def event(self, kind, data, **more):
        self.sequence += 1
        return super().event(kind, data, sequence=self.sequence - 1, **more)

    def marker(self, **what):
        return self.event('marker', json.dumps(what))

    def started(self):
        return self.marker(event='started', command='vnc', workerType='vnc',
                           displayMode='screen', resolution='%dx%d' % (W, H),
                           capabilities=['vnc', 'screen', 'keyboard', 'mouse'],
                           agentId=self.agent_id)

    def heartbeat(self):
        return self.post('/api/clients/heartbeat', {'agentId': self.agent_id})

    def poll(self):
        """Commands that are pending, oldest first."""
        answer = self.get('/api/runs/%s/commands' % self.run).expect(200)
        expect(isinstance(answer.json, list), 'not a bare array:', answer)
        return answer.json

    def wait_for(self, command):
        return eventually(lambda: next((c for c in self.poll() if c['command'] == command), None),
                          'the command ' + command)

    def ack(self, command, result='VNC streaming started', error=None):
        return self.post('/api/runs/%s/commands/%s/ack' % (self.run, command['id']),
                         {'result': result, 'error': error})

    def upgrade(self, stack, run=None, **options):
        """Its WebSocket: no run id, no token, no signature."""
        fields = [('Host', '127.0.0.1:%d' % self.gateway.port), ('Upgrade', 'websocket'),
                  ('Connection', 'Upgrade'),
                  ('Sec-WebSocket-Key', base64.b64encode(os.urandom(16)).decode()),
                  ('Sec-WebSocket-Version', '13'),
                  ('Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits'),
                  ('Sec-WebSocket-Protocol', 'binary'), ('X-VNC-Client', 'true'),
                  ('User-Agent', 'python-vnc-runner')]
        return Desktop(self.gateway.port, '/ws/vnc/' + (run or self.run), fields, stack, **options)

    def stream(self, stack):
        """Waits for START and opens the stream; (command, desktop)."""
        command = self.wait_for(START)
        return command, self.upgrade(stack)


class Desktop(WebSocket):
    """The runner's end of a tunnel: a server of RFB that sends each step as one message."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        equal(self.upgrade.field('Sec-WebSocket-Protocol'), 'binary', 'subprotocol')
        equal(self.upgrade.field('Sec-WebSocket-Extensions'), None, 'extensions')

    def shake(self):
        """The handshake up to ServerInit. Each answer is awaited as one message."""
        self.frame(b'RFB 003.008\n')
        equal(self.message(), b'RFB 003.008\n', 'the viewer\'s version, as one message')
        self.frame(b'\x01\x01')
        equal(self.message(), b'\x01', 'the security type, as one message')
        self.frame(b'\0\0\0\0')
        expect(self.message() in (b'\0', b'\1'), 'ClientInit')
        self.frame(SERVER_INIT)

    def message(self):
        opcode, data = self.data_frame()
        equal(opcode, BINARY, 'opcode')
        return data

    def picture(self, seed=0):
        """A whole update of one Raw rectangle, R,G,B,A, as one frame; its bytes."""
        head = struct.pack('>BxHHHHHi', 0, 1, 0, 0, W, H, 0)
        data = head + os.urandom(4096) * (W * H * 4 // 4096)
        self.frame(data)
        return data


class Novnc:
    """The viewer's end of a tunnel: a client of RFB over any WebSocket."""

    def __init__(self, ws):
        self.ws = ws

    def shake(self):
        ws = self.ws
        equal(ws.binary(12), b'RFB 003.008\n', 'version')
        ws.frame(b'RFB 003.008\n')
        equal(ws.binary(2), b'\x01\x01', 'security types')
        ws.frame(b'\x01')
        equal(ws.binary(4), b'\0\0\0\0', 'security result')
        ws.frame(b'\x01')
        equal(ws.binary(len(SERVER_INIT)), SERVER_INIT, 'ServerInit')


def together(*runs):
    """Runs functions side by side and gives their results; the first failure is told."""
    results = [None] * len(runs)

    def guard(i, go):
        try:
            results[i] = go()
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=guard, args=(i, go), daemon=True)
               for i, go in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S * 3)
        expect(not thread.is_alive(), 'it hangs')
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def joined(stack, gateway, ui):
    """A run with its runner, streaming to a viewer: (runner, command, desktop, viewer)."""
    run = ui.run()
    runner = Runner(gateway, run)
    runner.started().expect(200)
    ui.post('/api/runs/%s/vnc/start' % run['id']).expect(200)
    command, desktop = runner.stream(stack)
    viewer = ui.viewer(stack, run['id'])
    together(desktop.shake, Novnc(viewer).shake)
    return runner, command, desktop, viewer
