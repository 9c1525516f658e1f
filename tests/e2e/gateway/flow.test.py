#!/usr/bin/python3
"""doc/GATEWAY.md, step by step: its commands are taken from there and run as they stand.
What differs is the port, and what is shared: a pattern in place of a display."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *

DOCUMENT = os.path.join(ROOT, 'doc', 'GATEWAY.md')


def commands():
    """(whose shell, command) of the document, in its order."""
    with open(DOCUMENT, encoding='utf-8') as text:
        parts = re.findall(r'^```sh (\w+)\n(.*?)^```$', text.read(), re.M | re.S)
    for who, part in parts:
        for command in re.split(r'^\$ ', part.replace('\\\n', ' '), flags=re.M)[1:]:
            yield who, ' '.join(command.split())


class Flow:
    """The three shells, in one folder."""

    def __init__(self, stack):
        self.stack, self.port = stack, free_port()
        self.folder = path('flow')
        os.mkdir(self.folder)
        self.shell = Shell(data=os.path.join(self.folder, 'data'))
        self.env = {**self.shell.env, 'PATH': os.path.dirname(PORTHOLE) + ':' +
                    os.environ['PATH']}
        self.answer = None

    def here(self, command):
        return command.replace('127.0.0.1:3100', '127.0.0.1:%d' % self.port)

    def background(self, command, *more):
        return Process(self.stack, 'bash', '-c', ' '.join(['exec', self.here(command), *more]),
                       env=self.env, cwd=self.folder)

    def run(self, command, stdin=''):
        done = sp.run(['bash', '-c', self.here(command)], input=stdin.encode(), stdout=sp.PIPE,
                      stderr=sp.PIPE, cwd=self.folder, env=self.env, timeout=PATIENCE_S,
                      check=False)
        equal(done.returncode, 0, '%s: %s' % (command, done.stderr.decode()))
        return done.stdout.decode()

    def step(self, who, command):
        exported = re.fullmatch(r'export (\w+)=(.*)', command)
        if who == 'gateway':
            self.gateway = self.background(command)
            eventually(lambda: 'Gateway:' in self.gateway.out, 'the gateway is ready')
        elif who == 'machine':
            self.machine = self.background(command, '--screen', 'pattern')
            self.env['AUTH'] = 'Authorization: Bearer ' + self.env['TOKEN']
            eventually(lambda: '"running"' in self.run('curl -sS $G/api/runs/$RUN -H "$AUTH"'),
                       'the run is taken')
        elif exported:
            name, value = exported.groups()
            self.env[name] = self.here(value) if value != '...' else self.answer[
                {'TOKEN': 'token', 'RUN': 'id'}[name]]
        else:
            out = self.run(command, 2 * (PASSWORD + '\n') if ' user create' in command else '')
            self.answer = json.loads(out) if out.startswith('{') else out


@case('the document, command by command')
def document(stack):
    flow = Flow(stack)
    answers = {}
    for who, command in commands():
        flow.step(who, command)
        if command.startswith('curl'):
            target = re.search(r'\$G(\S+)', command).group(1)
            answers[target.replace('$RUN', 'RUN')] = flow.answer
    run_id = flow.env['RUN']
    equal(sorted(answers), ['/api/auth/login', '/api/runs', '/api/runs/RUN/vnc',
                            '/api/runs/RUN/vnc/start', '/api/runs/RUN/vnc/tickets', '/runs/RUN'])
    made = answers['/api/runs']
    equal((made['status'], made['attachedMcpSessionId'], made['autonomous']),
          ('pending', None, False))
    started = answers['/api/runs/RUN/vnc/start']
    equal((started['runId'], started['command'], started['wsUrl']),
          (run_id, '__START_VNC_STREAM__', '/ws/vnc/' + run_id))
    console = flow.run('curl -sS $G/')  # a build without the web part has no pages
    equal('<html' in answers['/runs/RUN'].lower(), '<html' in console.lower(),
          'a page: %.200s' % answers['/runs/RUN'])
    ticket = answers['/api/runs/RUN/vnc/tickets']
    equal((ticket['runId'], ticket['rights']), (run_id, 'control'))
    status = answers['/api/runs/RUN/vnc']
    equal((status['available'], status['clientConnected']), (True, True))
    ws = WebSocket(flow.port, '/ws/vnc/' + run_id, upgrade_fields(
        'binary, porthole.ticket.' + ticket['ticket']), stack)
    viewer = TunnelViewer(ws)
    viewer.picture()
    again = json.loads(flow.run('curl -sS $G/api/runs/$RUN/vnc -H "$AUTH"'))
    equal((again['status'], again['viewerConnected']), ('active', True))
    expect(again['stats']['totalBytes'] > 0, again)
    ws.bye()
    for process in (flow.machine, flow.gateway):
        process.signal(signal.SIGTERM)
        equal(process.wait(), 0, process.err)
        expect('Sanitizer' not in process.err, process.err)


main()
