#!/usr/bin/python3
"""Runs as CloudAPI machines: what the existing `triton instance vnc` does, step by step,
with HTTP signatures made by the openssl command."""
import email.utils
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *

HASHES = {'rsa': ('rsa-sha256', '-sha256'), 'ecdsa-256': ('ecdsa-sha256', '-sha256'),
          'ecdsa-384': ('ecdsa-sha384', '-sha384'), 'ecdsa-521': ('ecdsa-sha512', '-sha512'),
          'ed25519': ('ed25519-sha512', None)}


class Key:
    """A key pair, of which openssl has the private half."""

    def __init__(self, kind):
        self.kind, self.private = kind, path(kind + '.pem')
        if kind == 'ed25519':
            run('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', self.private)
            der = run('openssl', 'pkey', '-in', self.private, '-pubout', '-outform', 'der')
            name = b'ssh-ed25519'
            self.blob = (struct.pack('>I', len(name)) + name + struct.pack('>I', 32) + der[-32:])
            self.line = 'ssh-ed25519 ' + base64.b64encode(self.blob).decode()
        else:
            name, _, bits = kind.partition('-')
            run('ssh-keygen', '-q', '-t', name, '-b', bits or '2048', '-m', 'PKCS8', '-N', '',
                '-f', self.private)
            with open(self.private + '.pub', encoding='ascii') as text:
                self.line = text.read().strip()
            self.blob = base64.b64decode(self.line.split()[1])
        digest = hashlib.md5(self.blob).hexdigest()
        self.fingerprint = ':'.join(digest[i:i + 2] for i in range(0, 32, 2))
        self.algorithm, self.hash = HASHES[kind]

    def sign(self, text):
        name = file('signed', text)
        if self.hash:
            return run('openssl', 'dgst', self.hash, '-sign', self.private, name)
        return run('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', self.private, '-in', name)


class Triton:
    """The command with that key. `user`: of a sub-user."""

    def __init__(self, gateway, key, account='alice', user=None):
        self.gateway, self.key, self.account = gateway, key, account
        self.key_id = '/%s%s/keys/%s' % (account, '/users/' + user if user else '',
                                         key.fingerprint)

    def signed(self, method, target, covered='(request-target) date', at=None, text=None,
               algorithm=None):
        date = email.utils.formatdate(time.time() if at is None else at, usegmt=True)
        parts = {'(request-target)': '(request-target): %s %s' % (method.lower(), target),
                 'date': 'date: ' + date}
        text = text or '\n'.join(parts[name] for name in covered.split())
        value = base64.b64encode(self.key.sign(text)).decode()
        return [('Date', date), ('Authorization',
                 'Signature keyId="%s",algorithm="%s",headers="%s",signature="%s"' % (
                     self.key_id, algorithm or self.key.algorithm, covered, value))]

    def ask(self, target, method='GET', fields=(), **how):
        return self.gateway.ask(method, target, [
            ('Accept', 'application/json'), ('Accept-Version', '~9||~8'), *fields,
            *self.signed(method, target, **how)])

    def machines(self, query=''):
        return self.ask('/%s/machines%s' % (self.account, query))

    def all(self, limit):
        """Pages until a short one."""
        found = []
        while True:
            page = self.machines('?limit=%d&offset=%d' % (limit, len(found))).expect(200)
            found += page.json
            if len(page.json) < limit:
                return found

    def resolve(self, name):
        """Section 2 of the facts: a UUID, a short one, a name."""
        if len(name) >= 8 and re.fullmatch('[0-9a-f-]+', name):
            near = [m['id'] for m in self.all(50) if m['id'].startswith(name)]
            if near:
                return near[0]
        return self.machines('?name=' + quote(name)).expect(200).json[0]['id']

    def vnc(self, stack, machine, **how):
        target = '/%s/machines/%s/vnc' % (self.account, machine) + how.pop('query', '')
        return WebSocket(self.gateway.port, target, [
            *upgrade_fields('binary'), ('Accept-Version', '~9||~8'),
            *self.signed('GET', target, **how)], stack)


def with_key(stack, kind='ed25519', *options):
    gateway, shell = with_admin(stack, *options)
    key = Key(kind)
    shell.admin('key', 'add', '-', '--user', 'alice', stdin=key.line + '\n')
    return gateway, shell, Triton(gateway, key)


@case('machines: paged, by name, one of them')
def machines(stack):
    gateway, shell, triton = with_key(stack)
    equal(triton.machines().expect(200).json, [])
    ui = Ui(gateway).login('alice')
    made = {ui.run(label='machine %d' % i)['id']: 'machine %d' % i for i in range(23)}
    ui.run(workerType='bash', label='no machine')
    answer = triton.machines('?limit=10').expect(200)
    equal(len(answer.json), 10)
    equal((answer.field('X-Resource-Count'), answer.field('X-Query-Limit')), ('23', '10'))
    every = triton.all(10)
    equal({m['name'] for m in every}, set(made.values()))
    equal(len({m['id'] for m in every}), 23)
    for m in every:
        expect(re.fullmatch('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', m['id']), m)
        equal((m['brand'], m['state']), ('bhyve', 'stopped'))
    named = triton.machines('?name=machine%207').expect(200).json
    equal([m['name'] for m in named], ['machine 7'])
    equal(triton.machines('?name=nothing').expect(200).json, [])
    equal(triton.ask('/alice/machines/' + named[0]['id']).expect(200).json, named[0])
    equal(triton.resolve(named[0]['id'][:8]), named[0]['id'])
    none = triton.ask('/alice/machines/00000000-0000-8000-8000-000000000000')
    equal((none.status, none.json['code']), (404, 'ResourceNotFound'))
    expect(none.json['message'], none)
    triton.machines('?limit=0').expect(400)
    triton.machines('?limit=x').expect(400)


@case('the console of a machine, with keys of every kind')
def console(stack):
    gateway, shell, first = with_key(stack)
    made = shell.run('run', 'create', '--label', 'my vm', '--agent-id', 'lab-7', '--json').json
    sharing(stack, shell, machine(shell))
    joined(shell, made['id'])
    expect(first.resolve('my vm'), 'resolved')
    for kind in HASHES:
        key = Key(kind)
        shell.admin('key', 'add', '-', '--user', 'alice', stdin=key.line + '\n')
        triton = Triton(gateway, key)
        found = triton.resolve('my vm')
        equal(triton.ask('/alice/machines/' + found).expect(200).json['state'], 'running')
        ws = triton.vnc(stack, found)
        equal(ws.upgrade.field('Sec-WebSocket-Protocol'), 'binary', kind)
        viewer = TunnelViewer(ws)
        viewer.picture()
        ws.bye()
    # Either order is accepted, and roles travel in what is signed.
    TunnelViewer(first.vnc(stack, found, covered='date (request-target)'))
    TunnelViewer(first.vnc(stack, found, query='?as-role=ops%20a,b')).picture()
    gateway.stop()


@case('a sub-user has his own rights')
def sub_user(stack):
    gateway, shell, _ = with_key(stack)
    shell.admin('user', 'create', 'vera', '--role', 'viewer', '--password-file',
                file('password', PASSWORD + '\n'))
    key = Key('rsa')
    shell.admin('key', 'add', '-', '--user', 'vera', stdin=key.line + '\n')
    Triton(gateway, key, user='vera').machines().expect(200)
    Triton(gateway, key).machines().expect(401)
    Triton(gateway, key, user='nobody').machines().expect(401)
    shell.admin('user', 'disable', 'vera')
    Triton(gateway, key, user='vera').machines().expect(401)


def refused_with(stack, triton, found, status, code, **how):
    try:
        triton.vnc(stack, found, **how)
    except NotUpgraded as no:
        equal((no.answer.status, no.answer.json.get('code')), (status, code), str(no.answer))
        expect(no.answer.json.get('message'), no.answer)
        return
    raise Failed('it was upgraded')


@case('refusals before the upgrade: MachineStopped, MachineHasNoVNC, UpgradeRequired')
def refusals(stack):
    gateway, shell, triton = with_key(stack)
    stopped = shell.run('run', 'create', '--label', 'off', '--json').json['id']
    other = shell.run('run', 'create', '--worker-type', 'bash', '--label', 'no screen',
                      '--json').json['id']
    found = triton.resolve('off')
    refused_with(stack, triton, found, 400, 'MachineStopped')
    refused_with(stack, triton, stopped, 400, 'MachineStopped')
    refused_with(stack, triton, other, 400, 'MachineHasNoVNC')
    refused_with(stack, triton, '00000000-0000-8000-8000-000000000000', 404, 'ResourceNotFound')
    answer = triton.ask('/alice/machines/%s/vnc' % found)
    equal((answer.status, answer.json['code']), (400, 'UpgradeRequired'))
    target = '/alice/machines/%s/vnc' % found
    answer = gateway.ask('GET', target, upgrade_fields('binary'))
    equal((answer.status, answer.json['code']), (401, 'InvalidCredentials'))


@case('signatures that are not believed')
def signatures(stack):
    gateway, shell, triton = with_key(stack, 'rsa')
    triton.machines().expect(200)

    def no(**how):
        answer = triton.ask('/alice/machines', **how).expect(401)
        expect('machines' not in answer.json, answer)
        return answer

    no(covered='date')
    no(covered='(request-target)')
    now = time.time()
    no(at=now - 320)
    no(at=now + 320)
    triton.ask('/alice/machines', at=now - 280).expect(200)
    triton.ask('/alice/machines', at=now + 280).expect(200)
    no(text='(request-target): get /alice/machines/other\ndate: x')
    no(algorithm='hmac-sha256')
    no(algorithm='rsa-sha1')
    no(algorithm='ed25519-sha512')
    fields = triton.signed('GET', '/alice/machines')
    gateway.ask('GET', '/alice/machines', fields).expect(200)
    gateway.ask('GET', '/alice/machines?limit=1', fields).expect(401)
    gateway.ask('POST', '/alice/machines', fields).expect(405)
    gateway.ask('GET', '/alice/machines', fields[1:]).expect(401)
    gateway.ask('GET', '/alice/machines', [*fields, fields[0]])  # whatever: not a crash
    broken = fields[1][1].replace('signature="', 'signature="AAAA')
    gateway.ask('GET', '/alice/machines', [fields[0], ('Authorization', broken)]).expect(401)
    gateway.ask('GET', '/alice/machines', [fields[0], ('Authorization', 'Signature x')]) \
        .expect(401)
    other = Triton(gateway, Key('rsa'))
    other.machines().expect(401)
    shell.admin('key', 'delete', shell.admin('key', 'list', '--json').json['keys'][0]['id'])
    triton.machines().expect(401)


@case('a token is accepted there as well, and nobody without one')
def token(stack):
    gateway, shell, _ = with_key(stack)
    with open(shell.login_file, encoding='utf-8') as text:
        bearer = [('Authorization', 'Bearer ' + json.load(text)['token'])]
    equal(gateway.ask('GET', '/alice/machines', bearer).expect(200).json, [])
    answer = gateway.ask('GET', '/alice/machines')
    equal((answer.status, answer.json['code']), (401, 'InvalidCredentials'))


main()
