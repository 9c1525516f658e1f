#!/usr/bin/python3
# run_tests: parallel
"""Options of the gateway from a file and from variables, and the shared secret."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shell import *


def start(stack, *options, env=None, secret=None):
    """A gateway that is told everything by others than this function, on its way."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith('PORTHOLE_') and name != 'HMAC_SECRET'}
    if secret is not None:
        clean['HMAC_SECRET'] = secret
    return Process(stack, 'env', '-i', *['%s=%s' % pair for pair in {**clean, **(env or {})}.items()],
                   PORTHOLE, 'gateway', *options)


def ready(process):
    """What it says when it is ready."""
    eventually(lambda: process.out or process.code is not None, 'it is ready')
    expect(process.code is None, 'it has ended:', process.err)
    return json.loads(process.out.splitlines()[0])


def refused(process, code, *words):
    equal(process.wait(), code, process.err)
    for word in words:
        expect(word in process.err, repr(word), 'is missing in:', process.err)
    expect('Sanitizer' not in process.err, process.err)
    return process.err


def config(**lines):
    """A file with an option a line."""
    return file('gateway.conf', '# a comment\n\n' + ''.join(
        '%s = %s\n' % (name.replace('_', '-'), value) for name, value in lines.items()))


def stop(process):
    process.signal(signal.SIGTERM)
    equal(process.wait(), 0, process.err)
    expect('Sanitizer' not in process.err, process.err)


@case('a file of options, named by --config or by a variable')
def from_file(stack):
    port, data = free_port(), path('data')
    name = config(listen='  127.0.0.1:%d  ' % port, data_dir=data, json='yes',
                  public_url='https://gw.example.org')
    for how in (('--config', name), ('--config=' + name,)):
        gateway = start(stack, *how)
        equal((ready(gateway)['url'], ready(gateway)['dataDir']), ('https://gw.example.org', data))
        Http(port, stack).request('GET', '/api/health').expect(200)
        stop(gateway)
    gateway = start(stack, env={'PORTHOLE_CONFIG': name})
    equal(ready(gateway)['url'], 'https://gw.example.org')
    stop(gateway)


@case('variables')
def from_environment(stack):
    port = free_port()
    gateway = start(stack, env={'PORTHOLE_LISTEN': '127.0.0.1:%d' % port, 'PORTHOLE_JSON': 'yes',
                                'PORTHOLE_DATA_DIR': path('data'), 'PORTHOLE_PUBLIC_URL': ''})
    equal(ready(gateway)['url'], 'http://127.0.0.1:%d' % port, 'an empty variable is none')
    stop(gateway)


@case('the command line wins over variables, these over the file')
def precedence(stack):
    data = {name: path('data-' + name) for name in ('file', 'variable', 'line')}
    name = config(data_dir=data['file'], public_url='https://file.example',
                  listen='127.0.0.1:0', json='yes')
    env = {'PORTHOLE_DATA_DIR': data['variable']}
    gateway = start(stack, '--config', name, env=env)
    equal((ready(gateway)['dataDir'], ready(gateway)['url']),
          (data['variable'], 'https://file.example'))
    stop(gateway)
    gateway = start(stack, '--data-dir', data['line'], '--config', name, env=env)
    equal(ready(gateway)['dataDir'], data['line'])
    stop(gateway)


@case('what may be repeated adds up')
def lists(stack):
    ports = [free_port() for _ in range(3)]
    name = config(listen='127.0.0.1:%d' % ports[0], data_dir=path('data'), json='yes')
    gateway = start(stack, '--config', name, '--listen', '127.0.0.1:%d' % ports[2],
                    env={'PORTHOLE_LISTEN': '127.0.0.1:%d' % ports[1]})
    ready(gateway)
    for port in ports:
        Http(port, stack).request('GET', '/api/health').expect(200)
    stop(gateway)


@case('mistakes are told with file and line')
def mistakes(stack):
    for text, words in (
            ('lisen = 3100\n', ('line 1', 'did you mean', 'listen')),
            ('json = yes\n\n# x\nlisten 3100\n', ('line 4', 'NAME = VALUE')),
            ('agent-rate = many\n', ('line 1', 'agent-rate', 'many')),
            ('agent-rate = 0\n', ('line 1', 'from 1')),
            ('json = perhaps\n', ('line 1', 'yes or no')),
            ('config = other\n', ('line 1', 'command line')),
            ('# ' + 5000 * 'x' + '\nlisten\n', ('line 2', 'NAME = VALUE')),
            ('listen = 3100\0\n', ('no text',)), (70000 * '#', ('too large',))):
        name = file('gateway.conf', text)
        refused(start(stack, '--config', name), 2, name, *words)
    refused(start(stack, '--config', '/nonexistent.conf'), 2, '/nonexistent.conf', 'No such file')
    refused(start(stack, '--config', '/etc'), 2, '/etc')
    refused(start(stack, '--config'), 2, '--config')
    refused(start(stack, env={'PORTHOLE_AGENT_RATE': 'x'}), 2, 'PORTHOLE_AGENT_RATE', 'number')
    refused(start(stack, '--listen', 'nowhere'), 2, 'nowhere', '3100')
    refused(start(stack, '--listen', '127.0.0.1:70000'), 2)
    refused(start(stack, *17 * ('--listen', '127.0.0.1:0')), 2)
    refused(start(stack, 'export'), 2, 'export')


@case('an address that is no URL of a gateway')
def public_url(stack):
    for url in ('gw.example.org', 'ftp://gw.example.org', 'https://gw.example.org/path',
                'https://user@gw.example.org', 'https://'):
        refused(start(stack, '--data-dir', path('data'), '--listen', '127.0.0.1:0',
                      '--public-url', url), 1, '--public-url')


@case('the shared secret: missing where it is needed, short, in a file')
def secret(stack):
    where = ('--data-dir', path('data'), '--listen', '127.0.0.1:0', '--json')
    short = 'short-secret-0123456789'
    refusals = [
        refused(start(stack, *where, secret=''), 1, 'HMAC_SECRET', '32'),
        refused(start(stack, *where, secret=short), 1, 'HMAC_SECRET', '32'),
        refused(start(stack, *where, secret=31 * 'a'), 1, 'HMAC_SECRET', '32'),
        refused(start(stack, *where, secret=5000 * 'a'), 1, 'too long'),
        refused(start(stack, *where, '--legacy-runner'), 1, 'HMAC_SECRET'),
        refused(start(stack, *where, '--hmac-secret-file', file('secret', short)), 1, '32'),
        refused(start(stack, *where, '--hmac-secret-file', file('secret', SECRET, 0o644)), 1,
                'chmod 600'),
        refused(start(stack, *where, '--hmac-secret-file', '/nonexistent'), 1, 'No such file')]
    expect(not any(short in said or 31 * 'a' in said for said in refusals), 'it is shown')
    for options, given in (((), None), ((), 32 * 'a'), (('--legacy-runner',), SECRET),
                           (('--hmac-secret-file', file('secret', SECRET + '\n')), None)):
        gateway = start(stack, *where, *options, secret=given)
        ready(gateway)
        stop(gateway)


@case('without a secret nothing that is signed with one is believed')
def no_secret(stack):
    gateway = Gateway(stack, secret=None)
    made = gateway.setup().run()
    for secret in ('', SECRET, 32 * '0'):
        signer = Signer(gateway, made['id'], made['capabilityToken'], secret=secret)
        signer.event('info', 'x').expect(401)


main()
