#!/usr/bin/python3
"""The existing `triton` command (from npm, see tests/e2e/package.json) at the gateway's
CloudAPI face: it lists runs as machines and opens a run's console."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gateway import *

TRITON = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'node_modules',
                      '.bin', 'triton')
KINDS = (('rsa', '-b', '3072'), ('ecdsa', '-b', '256'))


class Cloud:
    """A user with an SSH key in a home of its own, and a run that is shared."""

    def __init__(self, stack, kind=KINDS[0]):
        self.gateway = Gateway(stack)
        self.ui = self.gateway.setup('alice')
        self.home = path('home')
        os.makedirs(os.path.join(self.home, '.ssh'), mode=0o700)
        key = os.path.join(self.home, '.ssh', 'id_' + kind[0])
        run('ssh-keygen', '-q', '-t', *kind, '-m', 'PEM', '-N', '', '-f', key)
        with open(key + '.pub', encoding='ascii') as public:
            self.ui.post('/api/keys', {'key': public.read().strip()}).expect(200)
        self.key = run('ssh-keygen', '-E', 'md5', '-lf', key).decode().split()[1].replace('MD5:', '')
        self.client = self.ui.client('lab-7')
        self.run = self.ui.run(agentId='lab-7', label='myvm')

    def argv(self, *words):
        return ['env', '-u', 'SSH_AUTH_SOCK', TRITON, '-U', self.gateway.url, '-a', 'alice', '-k', self.key, 'instance', *words]

    @property
    def env(self):
        return {'HOME': self.home}

    def ask(self, *words, check=True):
        return run(*self.argv(*words), env=self.env, check=check, seconds=60)

    def share(self, stack):
        token = file('client', self.client['token'] + '\n')
        agent = Porthole(stack, 'share', '--screen', 'pattern', '--size', '320x200', '--listen',
                         '127.0.0.1:0', '--gateway-url', self.gateway.url, '--agent-id', 'lab-7',
                         '--client-token-file', token)
        eventually(lambda: 'connected to' in agent.err, 'the agent is connected')
        return agent


@case('triton instance list shows runs as machines')
def lists(stack):
    cloud = Cloud(stack)
    said = cloud.ask('list', '-o', 'name,state,brand').decode()
    expect(re.search(r'myvm\s+stopped\s+bhyve', said), said)
    cloud.share(stack)
    said = cloud.ask('list', '-o', 'name,state,brand').decode()
    expect(re.search(r'myvm\s+running\s+bhyve', said), said)


def console(stack, kind):
    cloud = Cloud(stack, kind)
    cloud.share(stack)
    vnc = Process(stack, *cloud.argv('vnc', 'myvm'), env=cloud.env)
    listens = eventually(lambda: re.search(r'vnc://127\.0\.0\.1:(\d+)', vnc.out) or vnc.code,
                         'triton listens', 60)
    expect(vnc.code is None, 'triton has ended:', vnc.err)
    seen = Viewer(('127.0.0.1', int(listens[1])))
    equal((seen.w, seen.h), (320, 200), 'the size of the screen')
    seen.look()
    expect(seen.picture().colours() > 4, 'a picture')


@case('triton instance vnc opens a run\'s console, signed by an RSA key')
def rsa(stack):
    console(stack, KINDS[0])


@case('and by an ECDSA key')
def ecdsa(stack):
    console(stack, KINDS[1])


@case('a run without an agent is a machine that is stopped')
def stopped(stack):
    cloud = Cloud(stack)
    vnc = Process(stack, *cloud.argv('vnc', 'myvm'), env=cloud.env)
    listens = eventually(lambda: re.search(r'vnc://127\.0\.0\.1:(\d+)', vnc.out) or vnc.code,
                         'triton listens', 60)
    if vnc.code is None:
        with contextlib.suppress(Gone, ConnectionError, OSError):
            Viewer(('127.0.0.1', int(listens[1])))
        vnc.wait(30)
    expect(vnc.code != 0, 'triton says that it failed')


main()
