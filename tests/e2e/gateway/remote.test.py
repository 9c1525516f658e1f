#!/usr/bin/python3
"""login, run and ticket: a gateway used from the shell of another machine."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *


def kept(shell):
    with open(shell.login_file, encoding='utf-8') as text:
        return json.load(text)


@case('login keeps a token for its owner alone, logout ends it')
def login(stack):
    gateway, shell = with_admin(stack)
    equal(os.stat(shell.login_file).st_mode & 0o777, 0o600)
    equal(os.stat(os.path.dirname(shell.login_file)).st_mode & 0o777, 0o700)
    token = kept(shell)['token']
    expect(token not in shell.log, 'the token was printed')
    bearer = [('Authorization', 'Bearer ' + token)]
    gateway.ask('GET', '/api/auth/me', bearer).expect(200)
    said = shell.login('alice', code=0)
    expect('alice' in said.err and gateway.url in said.err, said.err)
    equal(shell.run('login', '--logout').out, '')
    expect(not os.path.exists(shell.login_file), 'the file is still there')
    shell.run('login', '--logout').says('no login')
    shell.run('run', 'list', code=4).says('porthole login')
    gateway.ask('GET', '/api/auth/me', bearer).expect(200)  # the one before is another session
    said = shell.run('login', gateway.url + '/', '--username', 'alice', '--password-file',
                     file('password', PASSWORD + '\n'), '--json').json
    equal((said['url'], said['user']['username']), (gateway.url, 'alice'))
    expect(said['expiresAt'] > time.time() + 3600, said)
    second = kept(shell)['token']
    shell.run('login', '--logout')
    gateway.ask('GET', '/api/auth/me', [('Authorization', 'Bearer ' + second)]).expect(401)


@case('a login that is wrong, expired, or of nobody')
def wrong(stack):
    gateway, shell = with_admin(stack)
    expect('log in again' not in shell.login('alice', 'not the password', code=4)
           .says('Invalid credentials').err, 'advice that makes no sense')
    shell.run('login', code=2).says('which gateway')
    shell.run('login', 'gateway.example', code=2).says('http://')
    shell.run('login', 'http://127.0.0.1:%d' % free_port(), '--username', 'alice',
              '--password-file', file('password', PASSWORD), code=1).says('nobody answers')
    shell.run('login', gateway.url, code=1).says('user name')
    shell.run('login', gateway.url, '--username', 'alice', code=1).says('no password')
    shell.run('login', gateway.url, '--username', 'alice', '--password-file',
              file('password', PASSWORD, 0o644), code=1).says('chmod 600')
    # The session ends at the gateway; what is kept here says so, and goes.
    shell.admin('user', 'password', 'alice', '--password-file', file('password', 'a new password'))
    shell.run('run', 'list', code=4).says('expired session', 'porthole login')
    shell.run('login', '--logout')
    expect(not os.path.exists(shell.login_file), 'the file is still there')
    shell.login('alice', 'a new password')
    os.chmod(shell.login_file, 0o644)
    shell.run('run', 'list', code=4).says('others than its owner', 'porthole login')
    shell.login('alice', 'a new password')
    shell.run('run', 'list')
    gateway.stop()
    shell.run('run', 'list', code=1).says('nobody answers')
    shell.run('login', '--logout', code=1).says('nobody answers', 'forgotten here')
    expect(not os.path.exists(shell.login_file), 'the file is still there')


@case('the token goes to no other gateway')
def other_gateway(stack):
    _, shell = with_admin(stack)
    asked = []
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        listener.settimeout(1)
        url = 'http://127.0.0.1:%d' % listener.getsockname()[1]
        shell.run('run', 'list', '--gateway-url', url, code=4).says('not logged in at ' + url)
        shell.run('run', 'list', env={'GATEWAY_URL': url})  # where the login was comes first
        with contextlib.suppress(TimeoutError):
            asked.append(listener.accept())
    equal(asked, [], 'connections')
    token = kept(shell)['token']
    shell.run('login', '--logout')
    shell.run('run', 'list', env={'GATEWAY_URL': url}, code=4)
    gateway = shell.gateway
    shell.login('alice')
    token = kept(shell)['token']
    os.unlink(shell.login_file)
    shell.run('run', 'list', '--gateway-url', gateway.url, '--token-file',
              file('token', token + '\n'))
    shell.run('run', 'list', '--gateway-url', gateway.url, '--token-file',
              file('token', token, 0o640), code=1).says('chmod 600')
    shell.run('run', 'list', '--gateway-url', gateway.url, '--token-file',
              file('token', 'ab' * 48 + '\n'), code=4)


@case('login with a one-time code of a second factor, on a terminal')
def totp(stack):
    gateway, shell = with_admin(stack)
    uri = shell.admin('user', 'create', 'tom', '--totp', '--password-file',
                      file('password', PASSWORD + '\n'), '--json').json['totpUri']
    shell.login('tom', code=4).says('TOTP code required')
    expect('log in again' not in shell.log, shell.log)
    shell.login('tom', stdin='000000\n', code=4).says('Invalid TOTP code')
    terminal = Terminal(stack, shell, 'login', gateway.url)
    terminal.await_text('User name: ')
    terminal.type('tom\n')
    terminal.await_text('Password: ')
    eventually(lambda: not terminal.echoes(), 'echo is off')
    terminal.type(PASSWORD + '\n')
    terminal.await_text('One-time code: ')
    terminal.type(one_time_code(uri) + '\n')
    equal(terminal.wait(), 0, terminal.text)
    shell.run('run', 'list')
    shell.login('tom', stdin=one_time_code(uri) + '\n', code=4).says('Invalid TOTP code')


@case('login with a link')
def link(stack):
    _, shell = with_admin(stack)
    said = shell.admin('user', 'link', 'alice', '--json').json
    other = Shell(shell.gateway)
    other.run('login', said['link'])
    other.run('run', 'list')
    other.run('login', said['link'], code=4).says('expired code')
    expect(said['code'] not in other.log, 'the code was printed')


@case('runs: create, list, show, stop, delete')
def runs(stack):
    _, shell = with_admin(stack)
    shell.admin('client', 'create', 'lab-7', '--token-file', path('token'))
    made = shell.run('run', 'create', '--label', 'Bench 7', '--agent-id', 'lab-7', '--tag', 'a',
                     '--tag', 'b c', '--json').json
    equal(made['status'], 'pending')
    expect(re.fullmatch('[0-9a-f]{64}', made['capabilityToken']), made)
    shown = shell.run('run', 'show', made['id'], '--json').json
    equal((shown['label'], shown['tags'], shown['worker_type'], shown['agent_id']),
          ('Bench 7', ['a', 'b c'], 'vnc', 'lab-7'))
    expect('capability' not in json.dumps(shown), shown)
    expect(re.search(r'^created_at: \d{4}-\d\d-\d\d ', shell.run('run', 'show', made['id']).out,
                     re.M), 'a time that people read')
    equal(shell.run('run', 'create', '--run-id', 'my-run').facts['id'], 'my-run')
    shell.run('run', 'create', '--run-id', 'my-run', code=1).says('id already')
    shell.run('run', 'create', '--run-id', 'my run', code=1).says('1 to 50')
    shell.run('run', 'create', '--run-id', '-odd')
    equal(shell.run('run', 'show', '--json', '--', '-odd').json['id'], '-odd')
    shell.run('run', 'show', '-odd', code=2).says('after --')
    shell.run('run', 'create', '--worker-type', 'bash', '--label', 'old\x1b[31m')
    table = shell.run('run', 'list').out
    equal(len(table.splitlines()), 5)
    expect('\x1b' not in table, 'a terminal is told something by a label')
    equal(len(shell.run('run', 'list', '--json').json), 4)
    equal(shell.run('run', 'list', '--status', 'running', '--json').json, [])
    shell.run('run', 'list', '--status', 'jogging', code=2).says('pending, running')
    shell.run('run', 'stop', 'my-run')
    equal([c['command'] for c in shell.run('run', 'show', 'my-run', '--json').json['commands']],
          ['__STOP__'])
    equal(shell.run('run', 'delete', 'my-run', '--json').json, {'ok': True})
    for what in ('show', 'stop', 'delete', 'events'):
        shell.run('run', what, 'my-run', code=3).says('not found')
        shell.run('run', what, code=2).says('porthole run %s ID' % what)
        shell.run('run', what, '../users', code=2)
    shell.run('run', 'list', 'my-run', code=2)
    shell.run('run', 'create', 'my-run', code=2).says('--run-id')
    shell.run('run', 'rename', 'my-run', code=2).says('rename')


@case('all runs are listed, however many pages they are')
def many(stack):
    gateway, shell = with_admin(stack)
    ui = Ui(gateway).login('alice')
    names = sorted(ui.run(id='run-%03d' % i)['id'] for i in range(405))
    equal(sorted(r['id'] for r in shell.run('run', 'list', '--json').json), names)


@case('events: all of them, then as they come')
def events(stack):
    gateway, shell = with_admin(stack, '--agent-rate', '100000')
    made = shell.run('run', 'create', '--json').json
    signer = Signer(gateway, made['id'], made['capabilityToken'])
    for i in range(1203):
        signer.event('stdout', 'line %d' % i, sequence=i).expect(200)
    lines = shell.run('run', 'events', made['id']).out.splitlines()
    equal((len(lines), lines[0], lines[-1]), (1203, 'stdout: line 0', 'stdout: line 1202'))
    said = [json.loads(line) for line in
            shell.run('run', 'events', made['id'], '--json').out.splitlines()]
    equal([e['data'] for e in said], ['line %d' % i for i in range(1203)])
    follower = Process(stack, PORTHOLE, 'run', 'events', made['id'], '--follow', env=shell.env)
    eventually(lambda: 'line 1202' in follower.out, 'what is there')
    signer.event('error', 'late \x07 news', sequence=1203).expect(200)
    eventually(lambda: 'error: late ? news\n' in follower.out, 'what comes')
    equal(follower.code, None)
    follower.signal(signal.SIGTERM)
    follower.wait()
    shell.run('run', 'delete', made['id'])


@case('a ticket opens one connection')
def ticket(stack):
    gateway, shell = with_admin(stack)
    made = shell.run('run', 'create', '--json').json
    said = shell.run('ticket', made['id'], '--rights', 'view', '--ttl', '20', '--json').json
    equal((said['runId'], said['rights']), (made['id'], 'view'))
    equal(said['url'], '%s/ws/vnc/%s?ticket=%s' % (
        gateway.url.replace('http', 'ws'), made['id'], said['ticket']))
    fields = upgrade_fields('binary, porthole.ticket.' + said['ticket'])
    ws = WebSocket(gateway.port, '/ws/vnc/' + made['id'], fields, stack)
    equal(ws.upgrade.field('Sec-WebSocket-Protocol'), 'binary')
    status, _ = refused(stack, lambda: WebSocket(
        gateway.port, '/ws/vnc/' + made['id'], upgrade_fields(
            'binary, porthole.ticket.' + said['ticket']), stack))
    expect(status in (401, 403, 1008), status)
    target = shell.run('ticket', made['id']).facts['url'].partition(str(gateway.port))[2]
    WebSocket(gateway.port, target, upgrade_fields('binary'), stack)
    shell.run('ticket', 'none', code=3).says('not found')
    shell.run('ticket', code=2)
    shell.run('ticket', 'a/b', code=2)
    shell.run('ticket', made['id'], '--ttl', '31', code=2).says('1 to 30')
    shell.run('ticket', made['id'], '--rights', 'all', code=2).says('control, view')


@case('who may not is told so')
def rights(stack):
    gateway, shell = with_admin(stack)
    made = shell.run('run', 'create', '--json').json
    shell.admin('user', 'create', 'vera', '--role', 'viewer', '--password-file',
                file('password', PASSWORD + '\n'))
    vera = Shell(gateway)
    vera.login('vera')
    vera.run('run', 'show', made['id'])
    vera.run('ticket', made['id'], '--rights', 'view')
    for argv in (('run', 'create'), ('run', 'stop', made['id']), ('run', 'delete', made['id']),
                 ('ticket', made['id'])):
        vera.run(*argv, code=4).says('Insufficient permissions')


def make_key(kind, *options, passphrase=''):
    to = path('key-' + kind)
    run('ssh-keygen', '-q', '-t', kind, '-N', passphrase, '-f', to, *options)
    return to


@contextlib.contextmanager
def ssh_agent(shell):
    said = run('ssh-agent', '-c').decode()
    sock, pid = re.search(r'SSH_AUTH_SOCK (\S+);\nsetenv SSH_AGENT_PID (\d+);', said).groups()
    shell.env['SSH_AUTH_SOCK'] = sock
    try:
        yield
    finally:
        del shell.env['SSH_AUTH_SOCK']
        os.kill(int(pid), signal.SIGTERM)


KINDS = (('rsa', '-b', '2048'), ('rsa', '-b', '2048', '-m', 'PEM'), ('ecdsa', '-b', '256'),
         ('ecdsa', '-b', '384'), ('ecdsa', '-b', '521', '-m', 'PKCS8'), ('ed25519',))


@case('SSH keys of all kinds, from files and from ssh-agent')
def ssh_keys(stack):
    gateway, shell = with_admin(stack)
    shell.run('login', '--logout')
    at = ('--gateway-url', gateway.url, '--user', 'alice')
    with ssh_agent(shell):
        for kind in KINDS:
            key = make_key(*kind)
            shell.run('run', 'list', '--key', key, *at, code=4).says('porthole key add')
            shell.admin('key', 'add', key + '.pub', '--user', 'alice')
            label = ' '.join(kind)
            made = shell.run('run', 'create', '--label', label, '--key', key, *at, '--json').json
            finger = run('ssh-keygen', '-lf', key).decode().split()[1]
            shell.run('run', 'show', made['id'], '--key', finger, *at, code=3).says('ssh-add')
            run('ssh-add', '-q', key, env=shell.env)
            md5 = run('ssh-keygen', '-E', 'md5', '-lf', key).decode().split()[1]
            for name in (finger, md5, md5[4:], md5[4:].replace(':', '')):
                shown = shell.run('run', 'show', made['id'], '--key', name, *at, '--json').json
                equal(shown['label'], label)
            shell.run('run', 'delete', made['id'], '--key', finger, *at)
    shell.run('run', 'list', '--key', finger, *at, code=1).says('SSH_AUTH_SOCK')
    shell.run('run', 'list', '--key', key + '.pub', *at, code=1).says('public key')
    shell.run('run', 'list', '--key', key, '--gateway-url', gateway.url, code=2).says('--user')
    shell.run('run', 'list', '--key', key, '--user', 'bob', '--gateway-url', gateway.url, code=4)
    shell.run('run', 'list', '--key', path('none'), *at, code=1).says('no such file')
    shell.run('run', 'list', '--key', file('junk', 'nonsense'), *at, code=1)
    os.chmod(key, 0o644)
    shell.run('run', 'list', '--key', key, *at, code=1).says('chmod 600')


@case('an encrypted key asks for its passphrase')
def encrypted(stack):
    gateway, shell = with_admin(stack)
    key = make_key('ed25519', passphrase='open sesame')
    shell.admin('key', 'add', key + '.pub', '--user', 'alice')
    argv = ('run', 'list', '--key', key, '--user', 'alice', '--gateway-url', gateway.url)
    terminal = Terminal(stack, shell, *argv)
    terminal.await_text('Passphrase of the key: ')
    eventually(lambda: not terminal.echoes(), 'echo is off')
    terminal.type('close sesame\n')
    terminal.await_text('Wrong. Passphrase: ')
    terminal.type('open sesame\n')
    equal(terminal.wait(), 0, terminal.text)
    expect('STATUS' in terminal.text, terminal.text)
    shell.run(*argv, stdin='open sesame\n')
    shell.run(*argv, code=1).says('encrypted')
    shell.run(*argv, stdin='a\nb\nc\nopen sesame\n', code=1).says('passphrase')


main()
