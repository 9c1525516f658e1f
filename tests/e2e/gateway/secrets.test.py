#!/usr/bin/python3
"""What is secret is in no log, no list of processes, and not at rest: the main ways
through gateway, agent and commands with --verbose, and then a search for everything
that was used."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *


class Secrets:
    """What must not be found, by what it is."""

    def __init__(self):
        self.known = {}

    def add(self, name, value):
        expect(value and len(value) >= 6, name, 'is no secret:', value)
        self.known['%s %d' % (name, len(self.known))] = value
        return value

    def search(self, where, text, but=()):
        data = text if isinstance(text, bytes) else text.encode()
        found = [name for name, value in self.known.items()
                 if value.encode() in data and name.partition(' ')[0] not in but]
        equal(found, [], 'found in ' + where)


def cmdlines(pids):
    for pid in pids:
        with contextlib.suppress(OSError):
            with open('/proc/%d/cmdline' % pid, 'rb') as text:
                yield text.read()


def log_in(gateway, secrets, username, password, **more):
    body = json.dumps({'username': username, 'password': password, **more}).encode()
    return gateway.ask('POST', '/api/auth/login', [('Content-Type', 'application/json'),
                                                   ('Origin', gateway.url)], body)


def sessions(gateway, shell, secrets):
    """Set-up, logins good and bad, links, second factors."""
    ui = Ui(gateway)
    code = secrets.add('setup', gateway.setup_code)
    wrong = secrets.add('guess', 'an administrator\'s guess')
    ui.post('/api/auth/setup', {'username': 'root-user', 'password': wrong,
                                'setupCode': 'f' * 32}).expect(403)
    ui.post('/api/auth/setup', {'username': 'alice', 'password': PASSWORD,
                                'setupCode': code}).expect(200)
    secrets.add('password', PASSWORD)
    secrets.add('cookie', ui.login('alice').cookie)
    log_in(gateway, secrets, 'alice', wrong).expect(401)
    shell.login('alice')
    with open(shell.login_file, encoding='utf-8') as text:
        secrets.add('token', json.load(text)['token'])
    uri = shell.admin('user', 'create', 'tom', '--totp', '--json', '--verbose', '--password-file',
                      file('password', PASSWORD)).json['totpUri']
    shown = secrets.add('totp', re.search('secret=([A-Z2-7]+)', uri).group(1))
    shell.log = shell.log.replace(shown, '')  # that once it is shown
    log_in(gateway, secrets, 'tom', PASSWORD).expect(401)
    once = secrets.add('one-time', one_time_code(uri))
    secrets.add('cookie', re.match('session=([^;]*)', log_in(
        gateway, secrets, 'tom', PASSWORD, totpCode=once).expect(200).field('Set-Cookie')).group(1))
    log_in(gateway, secrets, 'tom', PASSWORD, totpCode=once).expect(401)
    link = shell.admin('user', 'link', 'alice', '--json', '--verbose').json
    shell.log = shell.log.replace(link['code'], '')
    secrets.add('link', link['code'])
    shell.run('login', link['link'], '--verbose')
    shell.run('login', link['link'], '--verbose', code=4)
    with open(shell.login_file, encoding='utf-8') as text:
        secrets.add('token', json.load(text)['token'])
    gateway.ask('GET', '/api/runs', [('Authorization', 'Bearer ' + secrets.add(
        'guess', 'ab' * 24 + 'cd' * 24))]).expect(401)
    return ui


def keys(gateway, shell, secrets):
    key = path('key')
    phrase = secrets.add('passphrase', 'open sesame now')
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', phrase, '-f', key)
    shell.admin('key', 'add', key + '.pub', '--user', 'alice', '--verbose')
    for stdin, code in ((phrase, 0), ('wrong\n' * 3, 1)):
        shell.run('run', 'list', '--key', key, '--user', 'alice', '--gateway-url', gateway.url,
                  '--verbose', stdin=stdin + '\n', code=code)


def runners(gateway, shell, secrets, ui):
    """Signed requests, good and bad."""
    made = ui.run()
    secrets.add('capability', made['capabilityToken'])
    signer = Signer(gateway, made['id'], made['capabilityToken'])
    signer.event('info', 'started with ' + secrets.add('hidden', 'password=hunter2hunter2')) \
        .expect(200)
    for signing, status in (({'nonce': 'n1'}, 200), ({'nonce': 'n1'}, 401), ({'timestamp': 1}, 401),
                            ({'token': secrets.add('guess', 'fe' * 32)}, 403),
                            ({'signed': '0' * 64}, 401)):
        signer.post('/api/ingest/event', {'type': 'info', 'data': 'x'}, **signing).expect(status)
    signer.post('/api/ingest/event', b'{"type": "info", "data": "' + secrets.add(
        'payload', 'what is private').encode() + b'", nonsense').expect(400)
    ui.delete('/api/runs/' + made['id']).expect(200)  # or a machine would take it


def tunnels(stack, gateway, shell, secrets):
    """An agent with its token in a file, one with a token in an argument, and viewers."""
    token = machine(shell)
    with open(token, encoding='ascii') as text:
        secrets.add('client', text.read().strip())
    made = shell.run('run', 'create', '--agent-id', 'lab-7', '--json', '--verbose').json
    shell.log = shell.log.replace(made['capabilityToken'], '')
    secrets.add('capability', made['capabilityToken'])
    shares = [sharing(stack, shell, token, '--verbose')]
    joined(shell, made['id'])
    other = shell.run('run', 'create', '--agent-id', 'lab-7', '--json').json
    shell.log = shell.log.replace(other['capabilityToken'], '')
    secrets.add('capability', other['capabilityToken'])
    shares.append(sharing(stack, shell, token, '--run-id', other['id'], '--capability-token',
                          other['capabilityToken'], '--verbose'))
    joined(shell, other['id'])
    for i, run_id in enumerate((made['id'], other['id'])):
        said = shell.run('ticket', run_id, '--json', '--verbose').json
        shell.log = shell.log.replace(said['ticket'], '')
        ticket = secrets.add('ticket', said['ticket'])
        target = '/ws/vnc/' + run_id + ('?ticket=' + ticket if i else '')
        protocols = 'binary' + ('' if i else ', porthole.ticket.' + ticket)
        ws = WebSocket(gateway.port, target, upgrade_fields(protocols), stack)
        viewer = TunnelViewer(ws)
        viewer.picture()
        text = secrets.add('clipboard', 'copied by a viewer %d' % i)
        viewer.send(struct.pack('>BxxxI', 6, len(text)) + text.encode())
        viewer.picture()
        refused(stack, lambda: WebSocket(gateway.port, target, upgrade_fields(protocols), stack))
        ws.bye()
    return shares


@case('no secret is in what is logged, in the list of processes, or at rest')
def search(stack):
    secrets = Secrets()
    secrets.add('hmac', SECRET)
    gateway = Gateway(stack, '--verbose', '--legacy-runner')
    shell = Shell(gateway)
    ui = sessions(gateway, shell, secrets)
    keys(gateway, shell, secrets)
    runners(gateway, shell, secrets, ui)
    shares = tunnels(stack, gateway, shell, secrets)
    pids = [gateway.pid, *descendants(gateway.pid)]
    pids += [pid for share in shares for pid in [share.pid, *descendants(share.pid)]]
    secrets.search('the list of processes', b''.join(cmdlines(pids)))
    gateway.ask('GET', '/metrics', [('Authorization', 'Bearer ' + json.load(
        open(shell.login_file, encoding='utf-8'))['token'])])
    audit = ui.get('/api/audit?limit=200').expect(200)
    secrets.search('the audit log', audit.body)
    for share in shares:
        share.stop()
        expect(share.err.count('\n') > 1, 'it tells nothing with --verbose:', share.err)
        secrets.search('what the agent says', share.out + share.err)
    gateway.stop()
    expect(gateway.err.count('\n') > 10, 'it tells nothing with --verbose:', gateway.err)
    secrets.search('what the gateway says', gateway.err)
    secrets.search('what the gateway prints', gateway.out, but=('setup',))
    secrets.search('what the commands say', shell.log)
    # One-time codes are made from their secret, which is needed there as it is.
    for name in os.listdir(gateway.data):
        with open(os.path.join(gateway.data, name), 'rb') as data:
            secrets.search(name, data.read(), but=('totp', 'one-time'))


main()
