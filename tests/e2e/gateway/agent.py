"""An agent of our own on the wire: doc/PROTOCOL.tunnel.md."""
from runner import *

CONTROL = 'porthole.agent.v1'


def key_of(client_token):
    return hmac.new(client_token.encode(), b'porthole agent key', hashlib.sha256).hexdigest()


class Agent(Signer):
    """Signs with a key of its own."""

    def __init__(self, gateway, client, run, **options):
        super().__init__(gateway, run['id'], run['capabilityToken'], secret=key_of(
            client['token']), agent='porthole', **options)
        self.id = client['id']

    def fields(self, *arguments, **signing):
        return [*super().fields(*arguments, **signing), ('X-Agent-Id', self.id)]

    def socket(self, stack, target, protocol):
        return WebSocket(self.gateway.port, target, [
            *upgrade_fields(protocol), *self.fields('GET', target)], stack)

    def control(self, stack, hello=True):
        ws = self.socket(stack, '/ws/agent/' + self.run, CONTROL)
        equal(ws.upgrade.field('Sec-WebSocket-Protocol'), CONTROL, 'subprotocol')
        if hello:
            ws.text({'type': 'hello', 'version': 1, 'kinds': ['rfb'], 'agent': 'test 1'})
        return ws

    def data(self, stack, opened):
        return self.socket(stack, '/ws/agent/%s/%s' % (self.run, opened['channel']),
                           opened['protocol'])


def awaited(control, kind):
    """The next message of that type."""
    while True:
        said = control.json()
        if said['type'] == kind:
            return said


def agent(ui, **what):
    """A client and a run of it: an Agent."""
    name = 'agent-' + secrets.token_hex(4)
    client = ui.client(name)
    return Agent(ui.gateway, client, ui.run(agentId=name, **what))


def channel(stack, control, a, ui):
    """A viewer with the data WebSocket of its channel: (viewer, data, open message)."""
    viewer = ui.viewer(stack, a.run)
    opened = awaited(control, 'open')
    return viewer, a.data(stack, opened), opened
