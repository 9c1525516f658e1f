# run_tests: parallel timeout=300
"""Agents of our own at the gateway: control and data WebSockets, take-over, revocation."""
from agent import *


def ready(stack, *options):
    gateway = Gateway(stack, *options)
    return gateway, gateway.setup()


def refused_with(connecting, status):
    try:
        connecting().close()
    except NotUpgraded as no:
        equal(no.answer.status, status, no.answer)
        expect(isinstance(no.answer.json.get('error'), str), no.answer)
        return
    raise Failed('upgraded, %d awaited' % status)


@case('several viewers, bytes both ways, rights and user in the open message')
def viewers(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    ends = [channel(stack, control, a, ui) for _ in range(3)]
    for i, (viewer, data, opened) in enumerate(ends):
        equal((opened['kind'], opened['rights'], opened['protocol']), ('rfb', 'control', 'binary'),
              'open')
        equal(opened['user'], 'admin', 'user')
        big = bytes([i]) * (3 << 20)
        together(lambda: data.frame(big), lambda: viewer.frame(b'up %d' % i),
                 lambda: equal(viewer.binary(len(big)) == big, True, 'down'),
                 lambda: equal(data.binary(4), b'up %d' % i, 'up'))
    equal(len({opened['channel'] for _, _, opened in ends}), 3, 'channels')
    looks = ui.user('looks', 'viewer')
    looks.viewer(stack, a.run)
    equal(awaited(control, 'open')['rights'], 'view', 'rights of a viewer')
    ends[0][0].bye()
    equal(ends[0][1].ended()[0], 1000, 'of the one that left')
    ends[1][1].frame(b'others stay')
    equal(ends[1][0].binary(11), b'others stay', 'another')
    gateway.stop()


@case('who may join: the signature, the run, the client')
def who(stack):
    gateway, ui = ready(stack)
    a, b = agent(ui), agent(ui)
    target = '/ws/agent/' + a.run

    def join(fields, target=target, protocol=CONTROL):
        return lambda: WebSocket(gateway.port, target, [*upgrade_fields(protocol), *fields])

    refused_with(join([]), 401)
    refused_with(join(a.fields('GET', target, signed='0' * 64)), 401)
    refused_with(join(a.fields('GET', target, token='0' * 64)), 403)
    refused_with(join(a.fields('GET', target), protocol='binary'), 400)
    refused_with(join(a.fields('GET', target), protocol=None), 400)
    refused_with(join(a.fields('GET', target), target + '?x=1'), 400)
    refused_with(join([*a.fields('GET', target), ('X-Nonce', 'again')]), 400)
    b.run, b.token = a.run, a.token  # the right token, another client's key
    refused_with(join(b.fields('GET', target)), 403)
    expect(b.get('/api/runs/%s/commands' % a.run).status == 403, 'commands of another client')
    fields = a.fields('GET', target)
    join(fields)().close()
    refused_with(join(fields), 401)  # a replay
    gateway.stop()


@case('a second agent: the same identity takes over, another is refused')
def second(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    first = a.control(stack)
    viewer, data, _ = channel(stack, first, a, ui)
    next_ = a.control(stack)
    equal(first.ended(), (4001, 'replaced'), 'the first')
    data.frame(b'goes on')
    equal(viewer.binary(7), b'goes on', 'its channel')
    other, other_data, _ = channel(stack, next_, a, ui)
    other_data.frame(b'new')
    equal(other.binary(3), b'new', 'a channel of the second')
    gateway.stop()


@case('data WebSockets: once, in time, of that channel')
def data_sockets(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    viewer = ui.viewer(stack, a.run)
    opened = awaited(control, 'open')
    refused_with(lambda: a.data(stack, {**opened, 'channel': 'other'}), 404)
    refused_with(lambda: a.data(stack, {**opened, 'protocol': 'porthole.v1'}), 400)
    viewer.frame(b'early')
    data = a.data(stack, opened)
    equal(data.binary(5), b'early', 'kept until it came')
    refused_with(lambda: a.data(stack, opened), 409)
    viewer.bye()
    eventually(lambda: gone(a, stack, opened), 'the channel is over')
    second_ = ui.viewer(stack, a.run)
    control.text({'type': 'refused', 'channel': awaited(control, 'open')['channel'],
                  'reason': 'no room'})
    equal(second_.ended(), (1013, 'no room'), 'refused by the agent')
    gateway.stop()


def gone(a, stack, opened):
    try:
        a.data(stack, opened).close()
    except NotUpgraded as no:
        return no.answer.status == 404
    return False


@case('an agent dies in the middle of a frame: the viewer has what came, and is told')
def mid_frame(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    viewer, data, _ = channel(stack, control, a, ui)
    part = os.urandom(100000)
    data.send(data.frame_head(8 << 20) + masked(part, data.key))
    equal(viewer.binary(len(part)) == part, True, 'the part that came')
    data.close(True), control.close(True)
    equal(viewer.ended()[0], 1001, 'close code')
    control = a.control(stack)
    viewer, data, _ = channel(stack, control, a, ui)
    data.frame(b'again')
    equal(viewer.binary(5), b'again', 'its successor')
    gateway.stop()


@case('malformed control messages end the agent, unknown ones do not')
def malformed(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    control.text({'type': 'of-the-future', 'x': 1})
    control.text({'type': 'refused', 'channel': 'unknown', 'reason': 'x'})
    channel(stack, control, a, ui)
    for text, code in ((b'{', 1002), (b'[]', 1008), (b'{"type":1}', 1008), (b'{}', 1008),
                       (b'{"type":"refused"}', 1008), (b'{"type":"refused","channel":"a b",'
                                                       b'"reason":""}', 1008),
                       (b'{"type":"x","y":"' + b'z' * 70000 + b'"}', (1008, 1009))):
        control = a.control(stack)
        control.text(text)
        got = control.ended()[0]
        expect(got in (code if isinstance(code, tuple) else (code,)), text[:20], got)
    for hello in ({'version': 2, 'kinds': [], 'agent': 'x'}, {'kinds': [], 'agent': 'x'},
                  {'version': 1, 'agent': 'x'}):
        control = a.control(stack, hello=False)
        control.text({'type': 'hello', **hello})
        equal(control.ended()[0], 1008, hello)
    gateway.stop()


@case('revocation within a second: logout, a deleted run, a disabled user, DELETE')
def revocation(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    guest = ui.user('guest', 'operator')

    # What may be resumed must be told of; the rest is closed.
    viewer = guest.socket(stack, '/ws/vnc/' + a.run, 'porthole.v1')
    opened = awaited(control, 'open')
    equal(opened['protocol'], 'porthole.v1', 'protocol')
    a.data(stack, opened)
    guest.post('/api/auth/logout').expect(200)
    equal(viewer.ended(), (1008, 'access ended'), 'logout')
    equal(awaited(control, 'revoke')['grant'], opened['grant'], 'grant')

    guest.login('guest')
    viewer, _, _ = channel(stack, control, a, guest)
    admin, _, _ = channel(stack, control, a, ui)
    me = next(u for u in users(ui) if u['username'] == 'guest')
    ui.ask('PATCH', '/api/users/' + me['id'], {'disabled': True}).expect(200)
    equal(viewer.ended(), (1008, 'access ended'), 'disabled')
    guest.get('/api/runs').expect(401, 'Invalid or expired session')

    ui.delete('/api/runs/%s/vnc' % a.run).expect(200)
    equal(admin.ended(), (1000, 'VNC tunnel closed'), 'DELETE')
    admin, _, _ = channel(stack, control, a, ui)
    ui.delete('/api/runs/' + a.run).expect(200)
    equal(admin.ended()[0], 1008, 'a deleted run')
    expect(control.ended(), 'the agent of a deleted run')
    gateway.stop()


def users(ui):
    listed = ui.get('/api/users').expect(200).json
    return listed if isinstance(listed, list) else listed['users']


@case('commands are pushed, and acknowledged over HTTP')
def commands(stack):
    gateway, ui = ready(stack)
    a = agent(ui)
    control = a.control(stack)
    told = ui.post('/api/runs/%s/stop' % a.run).expect(200).json
    said = awaited(control, 'command')
    equal((said['id'], said['command']), (told['commandId'], STOP), 'pushed')
    equal([c['id'] for c in a.get('/api/runs/%s/commands' % a.run).expect(200).json],
          [told['commandId']], 'polled')
    a.post('/api/runs/%s/commands/%s/ack' % (a.run, said['id']),
           {'result': 'Stopping', 'error': None}).expect(200)
    equal(a.get('/api/runs/%s/commands' % a.run).json, [], 'acknowledged')
    gateway.stop()


main()
