#!/usr/bin/python3
# run_tests: parallel timeout=300
"""`porthole share` joins a `porthole gateway`: runs given and claimed, viewers through it,
and each side killed and started again."""
import os
import subprocess as sp
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gateway import *


def pin_of(cert):
    public = run('openssl', 'x509', '-in', cert, '-noout', '-pubkey')
    der = sp.run(['openssl', 'pkey', '-pubin', '-outform', 'der'], input=public,
                 stdout=sp.PIPE, check=True).stdout
    return 'sha256:' + hashlib.sha256(der).hexdigest()


def secret_file(name, token):
    name = file(name, token + '\n')
    os.chmod(name, 0o600)
    return name


def share(stack, gateway, client, *options, given=None, agent_id='lab-1', **more):
    run_options = ['--run-id', given['id'], '--capability-token-file',
                   secret_file('capability', given['capabilityToken'])] if given else []
    return Porthole(stack, 'share', '--screen', 'pattern', '--size', '320x200', '--listen',
                    '127.0.0.1:0', '--gateway-url', gateway.url, '--agent-id', agent_id,
                    '--client-token-file', secret_file('client', client['token']), *run_options,
                    *options, **more)


def look(stack, ui, run_id):
    """A viewer's first steps through the gateway; the size of the screen."""
    ws = ui.viewer(stack, run_id)
    equal(ws.binary(12), b'RFB 003.008\n', 'greeting')
    ws.frame(b'RFB 003.008\n')
    equal(ws.binary(2), b'\x01\x01', 'security')
    ws.frame(b'\x01')
    equal(ws.binary(4), b'\0\0\0\0', 'security result')
    ws.frame(b'\x01')
    size = struct.unpack('>HH', ws.binary(4))
    ws.binary(16)
    ws.binary(struct.unpack('>I', ws.binary(4))[0])
    equal(size, (320, 200), 'size')
    paint(ws)
    return ws


def paint(ws):
    ws.frame(struct.pack('>BxHi', 2, 1, 0))
    ws.frame(struct.pack('>BBHHHH', 3, 0, 0, 0, 8, 8))
    equal(ws.binary(4), b'\0\0\0\x01', 'an update')
    ws.binary(12 + 8 * 8 * 4)


def status(ui, run_id):
    return ui.get('/api/runs/' + run_id).expect(200).json['status']


def until(ui, run_id, what):
    eventually(lambda: status(ui, run_id) == what, 'run %s is %s' % (run_id, what))


@case('a given run: two viewers, STOP while they look, the end')
def given(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    client = ui.client('lab-1')
    mine = ui.run(agentId='lab-1')
    agent = share(stack, gateway, client, given=mine)
    until(ui, mine['id'], 'running')
    one, two = look(stack, ui, mine['id']), look(stack, ui, mine['id'])
    one.bye()
    paint(two)
    ui.post('/api/runs/%s/stop' % mine['id']).expect(200)
    equal(agent.wait(), 0, agent.err)
    until(ui, mine['id'], 'done')
    expect(two.ended()[0] in (1000, 1001), 'the viewer is told')
    gateway.stop()


@case('claimed runs, one after the other, until Ctrl+C')
def claimed(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    client = ui.client('lab-1')
    agent = share(stack, gateway, client)
    version = run(PORTHOLE, '--version').decode().split()[1]
    eventually(lambda: ui.get('/api/clients').json['clients'][0]['version'] == version, 'its version')
    for _ in range(2):
        mine = ui.run(agentId='lab-1')
        until(ui, mine['id'], 'running')
        look(stack, ui, mine['id'])
        ui.post('/api/runs/%s/stop' % mine['id']).expect(200)
        until(ui, mine['id'], 'done')
    mine = ui.run(agentId='lab-1')
    until(ui, mine['id'], 'running')
    agent.stop()
    until(ui, mine['id'], 'done')
    for secret in (client['token'], mine['capabilityToken']):
        expect(secret not in agent.err, 'a secret was logged')
    gateway.stop()


@case('the gateway is killed and comes back, then the agent')
def killed(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    client = ui.client('lab-1')
    mine = ui.run(agentId='lab-1')
    agent = share(stack, gateway, client, given=mine)
    until(ui, mine['id'], 'running')
    look(stack, ui, mine['id'])
    gateway.kill()
    gateway = gateway.again(stack)
    ui.gateway = gateway
    eventually(lambda: agent.err.count('agent: connected to') == 2, 'the agent is back')
    look(stack, ui, mine['id'])
    agent.signal(signal.SIGKILL)
    agent.popen.wait()
    agent = share(stack, gateway, client, given=mine)
    eventually(lambda: 'agent: connected to' in agent.err, 'the next agent')
    look(stack, ui, mine['id'])
    agent.stop()
    gateway.stop()


@case('an agent that claimed its run is killed: started again, it has the run back at once')
def back(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    client = ui.client('lab-1')
    agent = share(stack, gateway, client)
    mine = ui.run(agentId='lab-1')
    until(ui, mine['id'], 'running')
    look(stack, ui, mine['id'])
    idle = share(stack, gateway, client)
    eventually(lambda: 'waiting for a run' in idle.err, 'a second one of the same client')
    time.sleep(3)
    expect('joined run' not in idle.err, 'it was given the run of the first')
    idle.stop()
    ui.run(agentId='lab-1')  # which waits behind the lost one
    agent.signal(signal.SIGKILL)
    agent.popen.wait()
    agent = share(stack, gateway, client)
    eventually(lambda: 'joined run ' + mine['id'] in agent.err, 'the same run', 30)
    look(stack, ui, mine['id'])
    equal(status(ui, mine['id']), 'running', 'status')
    agent.stop()
    until(ui, mine['id'], 'done')
    gateway.stop()


@case('TLS: a certificate that is vouched for, a pin, and what is neither')
def tls(stack):
    cert, key = path('cert.pem'), path('key.pem')
    run('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=gateway', '-days',
        '30', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert)
    os.chmod(key, 0o600)
    gateway = Gateway(stack, '--tls-cert', cert, '--tls-key', key)
    gateway.url = gateway.started()['url']
    client = json.loads(run(PORTHOLE, 'client', 'create', 'lab-1', '--data-dir', gateway.data,
                            '--json'))
    joined = 'waiting for a run'
    for options in (['--ca-file', cert], ['--pin', pin_of(cert)], ['--insecure']):
        agent = share(stack, gateway, client, *options)
        eventually(lambda: joined in agent.err or agent.code is not None, 'joined')
        expect(joined in agent.err, options[0], agent.err)
        expect(('not checked' in agent.err) == (options[0] == '--insecure'), 'the warning')
        agent.stop()
    for options in ([], ['--pin', 'sha256:' + '0' * 64]):
        agent = share(stack, gateway, client, *options)
        eventually(lambda: 'cannot register' in agent.err, 'refused')
        expect(joined not in agent.err, agent.err)
        agent.stop()
    gateway.stop()


main()
