#!/usr/bin/python3
# run_tests: parallel timeout=300
"""Who may do what with a real display behind a real gateway, and how soon a right ends."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gateway import *

SOON_S = 5  # one second is meant; the machine that tests may be busy
HELLO, WELCOME, DATA, ACK = 1, 3, 5, 6
A, B = 0x61, 0x62


class Screen(Viewer):
    """A viewer of RFB over the gateway's WebSocket."""

    def __init__(self, ws):
        self.ws, self.kinds = ws, []
        self.version = self.read(12)
        self.login()
        self.encodings(RAW, EXTENDED_DESKTOP_SIZE)

    def send(self, data):
        self.ws.frame(data)

    def read(self, n):
        return self.ws.binary(n)

    def message(self):
        self.kinds.append(super().message())
        return self.kinds[-1]

    def cut_text(self, text):
        self.send(struct.pack('>BxxxI', 6, len(text)) + text)

    def presses(self, display, keysym=A):
        """Whether its key is seen pressed. What it said before is done then, too."""
        self.key(keysym, 1)
        self.look()
        seen = pressed_keys(display)
        self.key(keysym, 0)
        self.look()
        return bool(seen)


class House:
    """A gateway, and an agent that shows a display for a run of it."""

    def __init__(self, stack):
        self.stack = stack
        self.gateway = Gateway(stack)
        self.ui = self.gateway.setup()
        self.client = self.ui.client('lab-1')
        self.display = Display(stack)
        token = file('client', self.client['token'] + '\n')
        self.agent = Porthole(stack, 'share', '--display', self.display.name, '--listen',
                              '127.0.0.1:%d' % free_port(), '--gateway-url', self.gateway.url,
                              '--agent-id', 'lab-1', '--client-token-file', token)
        self.next_run()

    def next_run(self):
        self.run = self.ui.run(agentId='lab-1')['id']
        joined = 'agent: joined run ' + self.run
        eventually(lambda: joined in self.agent.err, 'the agent joins', pause=0.2)

    def vnc(self):
        return self.ui.get('/api/runs/%s/vnc' % self.run).expect(200).json

    def channel(self, user):
        return next(v['channel'] for v in self.vnc()['viewers'] if v['user'] == user)

    def control(self, channel):
        self.ui.post('/api/runs/%s/vnc/control' % self.run, {'channel': channel}).expect(200)

    def view(self, ui):
        """A viewer by a session, or by a ticket with these rights."""
        return Screen(ui.viewer(self.stack, self.run))

    def by_ticket(self, ui, rights, protocol='binary'):
        offer = '%s, porthole.ticket.%s' % (protocol, ui.ticket(self.run, rights))
        return ui.socket(self.stack, '/ws/vnc/' + self.run, offer, cookie=False)

    def mouse(self):
        said = run('xdotool', 'getmouselocation', env=self.display.env).decode()
        return tuple(int(n) for n in re.match(r'x:(\d+) y:(\d+)', said).groups())

    def clipboard(self):
        return run('xclip', '-o', '-selection', 'clipboard', env=self.display.env,
                   check=False).stdout

    def stop(self):
        self.agent.stop()
        self.gateway.stop()


def soon(what, since):
    took = time.monotonic() - since
    print('# %s: %.3f s' % (what, took))
    expect(took < SOON_S, '%s took %.1f s' % (what, took))


def gone(screen, what, act):
    """`act` ends this viewer's channel."""
    since = time.monotonic()
    act()
    equal(screen.ws.ended(), (1008, 'access ended'), what)
    soon(what, since)


@case('a viewer with a ticket to view sees, and what it does has no effect')
def view(stack):
    house = House(stack)
    looks = Screen(house.by_ticket(house.ui, 'view'))
    paint_photo(house.display)
    picture = house.display.picture()
    eventually(lambda: looks.look() == picture, 'the picture')
    mouse, size = house.mouse(), house.display.size
    looks.key(A, 1)
    looks.pointer(mouse[0] // 2, mouse[1] // 2, 1)
    looks.cut_text(b'from who looks')
    looks.set_size(320, 200)
    looks.look()
    acts = Screen(house.by_ticket(house.ui, 'control'))
    # What is done by one who may comes after all that the other sent.
    acts.key(B, 1)
    held = eventually(lambda: pressed_keys(house.display), 'a key of who may')
    equal(len(held), 1, 'keys pressed')
    acts.key(B, 0)
    eventually(lambda: not pressed_keys(house.display), 'the key is released')
    equal(house.mouse(), mouse, 'the pointer')
    equal((looks.w, looks.h), size, 'size')
    equal(house.display.picture() == picture, True, 'nothing changed')
    acts.pointer(100, 110)
    eventually(lambda: house.mouse() == (100, 110), 'the pointer of who may')
    acts.cut_text(b'from who acts')
    eventually(lambda: house.clipboard() == b'from who acts', 'the clipboard of who may')
    looks.cut_text(b'from who looks')
    looks.look()
    acts.look()
    equal(house.clipboard(), b'from who acts', 'the clipboard')
    own = Process(stack, 'sh', '-c', 'printf secret | xclip -i -quiet -selection clipboard',
                  env=house.display.env)
    while 3 not in acts.kinds:
        acts.message()
    equal(acts.text, 'secret', 'the desktop\'s clipboard')
    looks.look()
    expect(3 not in looks.kinds, 'who only looks was told the clipboard')
    own.end()
    house.stop()


@case('control is given to one viewer, and handed back')
def control(stack):
    house = House(stack)
    ann, bob = house.ui.user('ann', 'operator'), house.ui.user('bob', 'operator')
    one, two = house.view(ann), house.view(bob)
    channel = house.channel('ann')
    for screen in (one, two):
        expect(screen.presses(house.display), 'both may')
    house.control(channel)
    equal([v['controls'] for v in house.vnc()['viewers']], [True, False])
    eventually(lambda: not two.presses(house.display), 'the other may not')
    for _ in range(3):
        expect(not two.presses(house.display), 'the other may not')
        expect(one.presses(house.display), 'this one may')
    house.control(None)
    eventually(lambda: two.presses(house.display), 'both may again')
    expect(one.presses(house.display), 'both may again')
    house.ui.post('/api/runs/%s/vnc/control' % house.run, {'channel': 'nobody'}).expect(404)
    house.stop()


@case('one viewer is disconnected')
def disconnected(stack):
    house = House(stack)
    ann, bob = house.ui.user('ann', 'operator'), house.ui.user('bob', 'operator')
    one, two = house.view(ann), house.view(bob)
    target = '/api/runs/%s/vnc/viewers/%s' % (house.run, house.channel('ann'))
    since = time.monotonic()
    house.ui.delete(target).expect(200)
    equal(one.ws.ended(), (1008, 'disconnected'))
    soon('a viewer is disconnected', since)
    house.ui.delete(target).expect(404, 'There is no such viewer')
    two.look()
    expect(two.presses(house.display), 'the other is as before')
    equal([v['user'] for v in house.vnc()['viewers']], ['bob'])
    house.stop()


@case('a right that ends closes the channel: logout, a disabled user, a deleted run')
def ends(stack):
    house = House(stack)
    ui = house.ui
    stays = house.view(ui)
    ann, bob = ui.user('ann', 'operator'), ui.user('bob', 'operator')
    users = {u['username']: u['id'] for u in ui.get('/api/users').expect(200).json['users']}
    again = Ui(house.gateway).login('ann')
    out, other = house.view(ann), house.view(again)
    gone(out, 'logging out', lambda: ann.post('/api/auth/logout').expect(200))
    other.look()
    by_session, by_ticket = house.view(bob), Screen(house.by_ticket(bob, 'control'))
    since = time.monotonic()
    gone(by_session, 'disabling the user',
         lambda: ui.ask('PATCH', '/api/users/' + users['bob'], {'disabled': True}).expect(200))
    equal(by_ticket.ws.ended(), (1008, 'access ended'), 'a ticket of that user')
    soon('disabling the user, a ticket', since)
    stays.look()
    other.look()
    since = time.monotonic()
    gone(stays, 'deleting the run', lambda: ui.delete('/api/runs/' + house.run).expect(200))
    equal(other.ws.ended(), (1008, 'access ended'), 'the other viewer')
    soon('deleting the run, the other viewer', since)
    house.next_run()  # the agent claims
    house.view(ui).look()
    house.stop()


class Records:
    """The stream of a session of porthole.v1 over its first link."""

    def __init__(self, ws):
        self.ws, self.left = ws, b''
        ws.frame(struct.pack('>BIB', HELLO, 1, 1))
        equal(self.record()[0], WELCOME)
        ws.frame(struct.pack('>BIQ', ACK, 8, 0))

    def record(self):
        kind, n = struct.unpack('>BI', self.ws.binary(5))
        return kind, self.ws.binary(n)

    def frame(self, data):
        self.ws.frame(struct.pack('>BI', DATA, len(data)) + data)

    def binary(self, n):
        while len(self.left) < n:
            kind, data = self.record()
            self.left += data if kind == DATA else b''
        taken, self.left = self.left[:n], self.left[n:]
        return taken


@case('a session that is kept for a lost viewer ends with its right')
def kept(stack):
    house = House(stack)
    for what in ('a disabled user', 'a deleted run'):
        user = house.ui.user('user-' + secrets.token_hex(3), 'operator')
        me = user.get('/api/auth/me').expect(200).json
        ws = house.by_ticket(user, 'control', 'porthole.v1')
        Screen(Records(ws))
        lost = house.agent.err.count('its link is lost')
        ended = house.agent.err.count('its right has ended')
        ws.close(reset=True)
        eventually(lambda: house.agent.err.count('its link is lost') > lost, 'it is kept')
        since = time.monotonic()
        if what == 'a deleted run':
            house.ui.delete('/api/runs/' + house.run).expect(200)
        else:
            house.ui.ask('PATCH', '/api/users/' + me.get('user', me)['id'],
                         {'disabled': True}).expect(200)
        eventually(lambda: house.agent.err.count('its right has ended') > ended, what)
        soon('a kept session of ' + what, since)
    house.stop()


main()
