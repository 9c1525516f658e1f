#!/usr/bin/python3
"""Users, machines and keys administered from the shell: through a running gateway's
socket, and in its database when none runs."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *


def password_file(text=PASSWORD):
    return file('password', text + '\n')


def make_key(kind='ed25519', *options):
    to = path('key-' + kind)
    run('ssh-keygen', '-q', '-t', kind, '-N', '', '-f', to, *options)
    return to


@case('a missing data directory is no mistake to make a database of')
def missing(_):
    shell = Shell(data=path('nothing'))
    for argv in (('user', 'list'), ('user', 'delete', 'bob'), ('user', 'link', 'bob'),
                 ('client', 'list'), ('key', 'list'), ('client', 'delete', 'lab')):
        shell.admin(*argv, code=3).says('no gateway\'s database', '--data-dir')
    expect(not os.path.exists(shell.data), 'a folder was made')


@case('set-up from the shell before the first start')
def before_start(stack):
    shell = Shell(data=path('data'))
    said = shell.admin('user', 'create', 'alice', '--admin', '--password-file', password_file(),
                       '--json').json
    equal((said['username'], said['role']), ('alice', 'admin'))
    equal(os.stat(shell.data).st_mode & 0o777, 0o700)
    for name in os.listdir(shell.data):
        equal(os.stat(os.path.join(shell.data, name)).st_mode & 0o077, 0, name)
    gateway = Gateway(stack, data=shell.data)
    equal(gateway.setup_code, '', 'a set-up link')
    equal(Ui(gateway).get('/api/auth/status').json['setupRequired'], False)
    Ui(gateway).login('alice')
    gateway.stop()


@case('the first start prints a link; the shell completes set-up as well')
def first_start(stack):
    gateway = Gateway(stack)
    code = gateway.setup_code
    expect(re.fullmatch('[0-9a-f]{32}', code), 'set-up code', code)
    shell = Shell(gateway)
    ui = Ui(gateway)
    ui.post('/api/auth/setup', {'username': 'mallory', 'password': PASSWORD}).expect(403)
    # Who is no administrator completes nothing.
    shell.admin('user', 'create', 'vera', '--role', 'viewer', '--password-file', password_file())
    equal(ui.get('/api/auth/status').json['setupRequired'], True)
    shell.admin('user', 'create', 'alice', '--admin', '--password-file', password_file())
    equal(ui.get('/api/auth/status').json['setupRequired'], False)
    ui.post('/api/auth/setup', {'username': 'mallory', 'password': PASSWORD,
                                'setupCode': code}).expect(400, 'Setup already completed')
    ui.login('alice')
    gateway.stop()
    expect('setup' not in gateway.again(stack).out, 'the next start prints a link')


def administer(shell):
    """All that users can be told to be; the same with and without a gateway."""
    shell.admin('user', 'create', 'alice', '--admin', '--password-file', password_file())
    said = shell.admin('user', 'create', 'bob', '--totp', '--password-file', password_file())
    expect('otpauth://totp/' in said.facts['totpUri'], said.out)
    shell.admin('user', 'create', 'bob', '--password-file', password_file(),
                code=1).says('exists')
    shell.admin('user', 'create', 'al', '--password-file', password_file(), code=1).says('3 to')
    shell.admin('user', 'create', 'carl', '--password-file', password_file('short'),
                code=1).says('12 to')
    shell.admin('user', 'create', 'carl', code=1).says('no password')
    shell.admin('user', 'create', 'carl', stdin=PASSWORD + '\nanother one here\n',
                code=1).says('differ')
    shell.admin('user', 'create', 'carl', '--role', 'viewer', stdin=2 * (PASSWORD + '\n'))
    roles = {u['username']: u for u in shell.admin('user', 'list', '--json').json['users']}
    equal(sorted((n, u['role'], u['totp']) for n, u in roles.items()),
          [('alice', 'admin', False), ('bob', 'operator', True), ('carl', 'viewer', False)])
    table = shell.admin('user', 'list').out.splitlines()
    equal(table[0].split(), ['NAME', 'ROLE', 'DISABLED', 'TOTP', 'ID'])
    equal(len(table), 4)
    equal(shell.admin('user', 'role', 'BOB', '--role', 'viewer').facts['role'], 'viewer')
    shell.admin('user', 'role', 'bob', code=2).says('--role')
    equal(shell.admin('user', 'role', 'bob', '--admin').facts['role'], 'admin')
    equal(shell.admin('user', 'no-totp', 'bob').facts['totp'], 'no')
    equal(shell.admin('user', 'disable', 'bob').facts['disabled'], 'yes')
    equal(shell.admin('user', 'enable', 'bob').facts['disabled'], 'no')
    shell.admin('user', 'password', 'bob', '--password-file', password_file('one more, longer'))
    shell.admin('user', 'delete', 'bob')
    shell.admin('user', 'delete', 'bob', code=3).says('bob', 'porthole user list')
    shell.admin('user', 'disable', 'alice', code=1).says('last administrator')
    shell.admin('user', 'delete', 'alice', code=1).says('last administrator')
    shell.admin('user', 'frobnicate', code=2).says('frobnicate')
    shell.admin('user', 'delete', code=2).says('name the user')


@case('users, through a running gateway')
def users(stack):
    gateway = Gateway(stack)
    shell = Shell(gateway)
    administer(shell)
    Ui(gateway).login('carl')
    gateway.stop()


@case('users, when no gateway runs')
def users_alone(stack):
    shell = Shell(data=path('data'))
    administer(shell)
    Ui(Gateway(stack, data=shell.data)).login('carl')


@case('a changed user is logged out, with the gateway running')
def revoked(stack):
    gateway, shell = with_admin(stack)
    shell.admin('user', 'create', 'bob', '--password-file', password_file())
    bob = Ui(gateway).login('bob')
    live = bob.live(stack)
    shell.admin('user', 'password', 'bob', '--password-file', password_file('something else'))
    bob.get('/api/runs').expect(401)
    live.ended()
    bob.login('bob', 'something else')
    shell.admin('user', 'role', 'bob', '--role', 'viewer')
    bob.post('/api/runs', {}).expect(403)
    shell.admin('user', 'disable', 'bob')
    bob.get('/api/runs').expect(401)
    gateway.stop()


@case('a password asked for on the terminal is not shown; Ctrl+C leaves the terminal whole')
def asked(stack):
    shell = Shell(data=path('data'))
    terminal = Terminal(stack, shell, 'user', 'create', 'alice', '--admin', '--data-dir',
                        shell.data)
    terminal.await_text('Password')
    eventually(lambda: not terminal.echoes(), 'echo is off')
    terminal.type(PASSWORD + '\n')
    terminal.await_text('again')
    terminal.type(PASSWORD + '\n')
    equal(terminal.wait(), 0, terminal.text)
    expect(PASSWORD not in terminal.text, 'it was shown')
    terminal = Terminal(stack, shell, 'user', 'password', 'alice', '--data-dir', shell.data)
    terminal.await_text('Password')
    eventually(lambda: not terminal.echoes(), 'echo is off')
    terminal.type('half a pass\x03')
    equal(terminal.wait(), -signal.SIGINT, terminal.text)
    terminal = Terminal(stack, shell, 'user', 'password', 'alice', '--data-dir', shell.data)
    terminal.await_text('Password')
    terminal.type('\x04')
    equal(terminal.wait(), 1, terminal.text)
    expect('no password was given' in terminal.text, terminal.text)


@case('a link logs in once')
def link(stack):
    gateway, shell = with_admin(stack)
    said = shell.admin('user', 'link', 'alice', '--json').json
    equal(said['link'], '%s/#login=%s' % (gateway.url, said['code']))
    equal(shell.admin('user', 'link', 'alice').facts['link'].partition('=')[0],
          gateway.url + '/#login')
    body = {'code': said['code']}
    answer = Ui(gateway).post('/api/auth/exchange', body).expect(200)
    equal(answer.json['user']['username'], 'alice')
    Ui(gateway).post('/api/auth/exchange', body).expect(401)
    shell.admin('user', 'link', 'nobody', code=3).says('not found')
    gateway.stop()
    # Without a gateway there is no address to print.
    said = shell.admin('user', 'link', 'alice', '--json').json
    equal(sorted(said), ['code'])
    again = gateway.again(stack)
    Ui(again).post('/api/auth/exchange', {'code': said['code']}).expect(200)


def clients_of(shell):
    return [c['agent_id'] for c in shell.admin('client', 'list', '--json').json['clients']]


@case('machines: the token goes into a file of its own, or is printed once')
def clients(stack):
    for gateway in (Gateway(stack), None):
        shell = Shell(gateway, data=None if gateway else path('data'))
        token = path('token')
        said = shell.admin('client', 'create', 'lab-7', '--label', 'Bench 7', '--token-file', token)
        said.says('porthole share', 'lab-7', token)
        equal(os.stat(token).st_mode & 0o777, 0o600)
        with open(token, encoding='ascii') as text:
            secret = text.read().strip()
        expect(re.fullmatch('[0-9a-f]{64}', secret), 'token file')
        expect(secret not in shell.log, 'the token was printed too')
        shell.admin('client', 'create', 'lab-8', '--token-file', token, code=1).says('left alone')
        equal(clients_of(shell), ['lab-7'], 'none is made without a place for its token')
        other = path('token')
        shell.admin('client', 'create', 'lab-7', '--token-file', other, code=1).says('exists')
        expect(not os.path.exists(other), 'an empty token file is left')
        said = shell.admin('client', 'create', 'lab-8', '--json').json
        equal(len(said['token']), 64)
        table = shell.admin('client', 'list').out
        expect('Bench 7' in table and 'offline' in table, table)
        shell.admin('client', 'delete', 'lab-8')
        shell.admin('client', 'delete', 'lab-8', code=3).says('porthole client list')
        equal(clients_of(shell), ['lab-7'])
        for argv in (('create',), ('delete',), ('rename', 'lab-7'), ('list', 'lab-7')):
            shell.admin('client', *argv, code=2)


@case('keys')
def keys(stack):
    for gateway in (Gateway(stack), None):
        shell = Shell(gateway, data=None if gateway else path('data'))
        shell.admin('user', 'create', 'alice', '--admin', '--password-file', password_file())
        for kind, options in (('rsa', ()), ('ecdsa', ()), ('ecdsa', ('-b', '521')),
                              ('ed25519', ())):
            key = make_key(kind, *options)
            said = shell.admin('key', 'add', key + '.pub', '--user', 'alice').facts
            finger = run('ssh-keygen', '-lf', key).decode().split()[1]
            equal(said['fingerprintSha256'], finger)
        shell.admin('key', 'add', key + '.pub', '--user', 'alice', code=1).says('already')
        shell.admin('key', 'add', key, '--user', 'alice', code=1).says('private key', '.pub')
        shell.admin('key', 'add', key + '.pub', code=2).says('--user')
        shell.admin('key', 'add', key + '.pub', '--user', 'nobody', code=3).says('not found')
        shell.admin('key', 'add', path('none'), '--user', 'alice', code=1).says('public key')
        shell.admin('key', 'add', file('junk', 'ssh-rsa AAAA\n'), '--user', 'alice', code=1)
        with open(make_key() + '.pub', encoding='ascii') as text:
            last = shell.admin('key', 'add', '-', '--user', 'alice', '--json',
                               stdin=text.read()).json
        equal(len(shell.admin('key', 'list', '--user', 'alice', '--json').json['keys']), 5)
        shell.admin('key', 'delete', last['id'])
        shell.admin('key', 'delete', last['id'], code=3)
        equal(len(shell.admin('key', 'list').out.splitlines()), 5)


@case('no id that the gateway makes begins with -')
def ids(stack):
    ui = Gateway(stack).setup()
    made = [ui.run()['id'] for _ in range(200)]
    expect(not [name for name in made if name.startswith('-')], made)


@case('what is not ours is refused with what to do')
def refused_places(stack):
    gateway, shell = with_admin(stack)
    other = Gateway(stack, data=gateway.data, ready=False)
    equal(other.wait(), 1)
    expect('in use by another gateway' in other.err, other.err)
    other = Gateway(stack, port=gateway.port, ready=False)
    equal(other.wait(), 1)
    expect('--listen' in other.err and str(gateway.port) in other.err, other.err)
    gateway.stop()
    os.chmod(shell.data, 0o755)
    shell.admin('user', 'list', code=1).says('chmod 700')
    os.chmod(shell.data, 0o700)
    open_file = file('password', PASSWORD + '\n', 0o644)
    shell.admin('user', 'create', 'eve', '--password-file', open_file, code=1).says('chmod 600')
    shell.admin('user', 'create', 'eve', '--password-file', path('none'), code=1).says('No such')


main()
