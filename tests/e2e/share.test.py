# run_tests: parallel timeout=300
"""`porthole share`: options, errors, entrances, and who may come in."""
import json
import os
import re
import signal
import socket

from harness import *


def refuses(code, *arguments, env=None):
    """Runs porthole to its end; standard error, which is one sentence."""
    done = run(PORTHOLE, *arguments, env=env, check=False)
    text = done.stderr.decode()
    equal(done.returncode, code, ' '.join(arguments) + ': exit code; ' + text)
    expect('Sanitizer' not in text, text)
    equal(done.stdout, b'', 'standard output')
    return text


@case('wrong options are refused with exit code 2')
def wrong_options(stack):
    for arguments in (['--no-such'], ['--framerate', '0'], ['--framerate', '241'],
                      ['--framerate', 'x'], ['--max-viewers', '-1'], ['--screen', 'tv'],
                      ['--size', '10x10'], ['--size', '99999x10'], ['--monitor', 'x'],
                      ['--listen', 'nonsense:port'], ['--listen', '127.0.0.1:65536'],
                      ['--listen', ''], ['--listen', 'unix:'], ['an-operand'], ['--listen']):
        text = refuses(2, 'share', '--screen', 'pattern', *arguments)
        expect(arguments[0].lstrip('-') in text or 'operand' in text, arguments, text)


@case('no display, and one that does not exist')
def no_display(stack):
    text = refuses(1, 'share', '--listen', '127.0.0.1:0')
    expect('--display' in text and 'porthole desktop' in text, text)
    text = refuses(1, 'share', '--display', ':3999', '--listen', '127.0.0.1:0')
    expect(':3999' in text, text)
    equal(len(text.strip().splitlines()), 1, text)


@case('one monitor of a display; an unknown one lists what there is')
def monitors(stack):
    display = Display(stack, '600x300')
    for name, geometry in (('left', '320/80x300/80+0+0'), ('right', '280/80x300/80+320+0')):
        run('xrandr', '--setmonitor', name, geometry,
            'screen' if name == 'left' else 'none', env=display.env)
    paint_photo(display)
    text = refuses(1, 'share', '--display', display.name, '--monitor', '7', '--listen',
                   '127.0.0.1:0')
    for part in ('1:', 'left', '320x300', '2:', 'right', '280x300+320+0'):
        expect(part in text, part, 'is not in', text)
    whole = display.picture()
    for number, area in ((0, (0, 0, 600, 300)), (1, (0, 0, 320, 300)), (2, (320, 0, 280, 300))):
        server, port = share(stack, '--monitor', number, display=display)
        seen = viewer(stack, port).look()
        expect(seen == whole.crop(*area), 'monitor', number, seen.difference(whole.crop(*area)))
        server.stop()


@case('a port in use: the default moves on, one that was named does not')
def busy_port(stack):
    first, port = share(stack)
    text = refuses(1, 'share', '--screen', 'pattern', '--listen', '127.0.0.1:%d' % port)
    expect('in use' in text and '--listen' in text and str(port) in text, text)
    server = Porthole(stack, 'share', '--screen', 'pattern')
    other = Porthole(stack, 'share', '--screen', 'pattern')
    ports = [int(re.search(r':(\d+)/', p.url).group(1)) for p in (server, other)]
    expect(ports[0] != ports[1], ports)
    expect('in use' in other.err and str(ports[1]) in other.err, other.err)
    for p in (first, server, other):
        p.stop()


@case('a password file that others may read, an empty one, none')
def password_files(stack):
    base = ['share', '--screen', 'pattern', '--listen', '127.0.0.1:0', '--password-file']
    for mode in (0o644, 0o640, 0o604, 0o660):
        text = refuses(1, *base, file('password', 'geheim\n', mode))
        expect('chmod 600' in text and 'geheim' not in text, text)
    expect('empty' in refuses(1, *base, file('password', '\nview\n')))
    expect('empty' in refuses(1, *base, file('password', '')))
    expect('No such file' in refuses(1, *base, path('missing')))
    expect('regular' in refuses(1, *base, TMP))
    expect('regular' in refuses(1, *base, '/dev/null'))


@case('without a password only this machine is listened to')
def allow_none(stack):
    port = free_port()
    for address in ('0.0.0.0:%d' % port, '[::]:%d' % port):
        text = refuses(1, 'share', '--screen', 'pattern', '--listen', address)
        expect('--allow-none' in text and '--password-file' in text, text)
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', '0.0.0.0:%d' % port,
                      '--allow-none')
    viewer(stack, port).look()
    server.stop()
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', '0.0.0.0:%d' % port,
                      '--password-file', file('password', 'geheim'))
    v = Viewer(port, init=False)
    v.send(b'RFB 003.008\n')
    equal(v.read(2), b'\x01\x02', 'security types')
    server.stop()


@case('several entrances: a Unix socket, IPv6, and one that greets at once')
def entrances(stack):
    unix, six, plain = path('socket'), free_port('::1'), free_port()
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', 'unix:' + unix,
                      '--listen', '[::1]:%d' % six, '--rfb-listen', '127.0.0.1:%d' % plain,
                      '--json', ready=False)
    facts = json.loads(eventually(lambda: server.out, 'a line of JSON'))
    expect(facts['browser'][0].startswith('http://[::1]:%d/#' % six), facts)
    equal(sorted(facts['vnc']), sorted(['127.0.0.1:%d' % plain, 'unix:' + unix]), 'vnc')
    equal(os.stat(unix).st_mode & 0o777, 0o600, 'mode of the socket')
    for address in (unix, ('::1', six), plain):
        v = viewer(stack, address)
        equal((v.w, v.h), (1280, 720), address)
        v.look()
    server.stop()
    expect(not os.path.exists(unix), 'the socket is left behind')


@case('a Unix socket that somebody listens on is not taken; a dead one is')
def dead_socket(stack):
    unix = path('socket')
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', 'unix:' + unix)
    expect('in use' in refuses(1, 'share', '--screen', 'pattern', '--listen', 'unix:' + unix))
    viewer(stack, unix).look()
    server.signal(signal.SIGKILL)
    server.wait()
    again = Porthole(stack, 'share', '--screen', 'pattern', '--listen', 'unix:' + unix)
    viewer(stack, unix).look()
    again.stop()


@case('the name, the size and the seed are those asked for')
def facts(stack):
    server, port = share(stack, '--name', 'Bühne 1', '--size', '333x222', '--seed', '9')
    v = viewer(stack, port)
    equal((v.w, v.h, v.name), (333, 222, 'Bühne 1'), 'ServerInit')
    server.stop()


def ended(v):
    try:
        while True:
            v.message()
    except Gone:
        return True


@case('the share flag sends others away; --max-viewers refuses; --exclusive replaces')
def sharing(stack):
    server, port = share(stack)
    first, second = viewer(stack, port), viewer(stack, port)
    second.look()
    first.look()
    alone = viewer(stack, port, shared=False)
    expect(ended(first) and ended(second), 'the others are still there')
    alone.look()
    server.stop()

    server, port = share(stack, '--max-viewers', '2')
    first, second = viewer(stack, port), viewer(stack, port)
    first.look(), second.look()
    try:
        Viewer(port)
        raise Failed('a third viewer was let in')
    except Refused as reason:
        expect('viewers' in str(reason), reason)
    first.close()

    def try_again():
        try:
            return viewer(stack, port).look()
        except Refused:
            return None
    eventually(try_again, 'room for one more')
    second.look()
    server.stop()

    server, port = share(stack, '--exclusive')
    first = viewer(stack, port)
    first.look()
    second = viewer(stack, port)
    expect(ended(first), 'the first is still there')
    second.look()
    server.stop()


@case('--view-only: no key, no click, no text arrives')
def view_only(stack):
    display = Display(stack)
    events = Process(stack, 'xev', '-root', '-event', 'keyboard', '-event', 'button', env=display.env)
    server, port = share(stack, '--view-only', display=display)
    v = viewer(stack, port)
    v.look()
    v.key(0x61, 1)
    v.key(0x61, 0)
    v.pointer(100, 100, 1)
    v.pointer(100, 100, 0)
    v.send(b'\x06\0\0\0\0\0\0\x05stolen'[:13])
    v.look()
    equal(pressed_keys(display), [], 'keys')
    server.stop()
    server, port = share(stack, display=display)
    before = run('xdotool', 'getmouselocation', env=display.env)
    expect(b'x:100 y:100' not in before, before)
    v = viewer(stack, port)
    v.look()
    v.pointer(100, 100, 0)
    eventually(lambda: b'x:100 y:100' in run('xdotool', 'getmouselocation', env=display.env))
    expect('KeyPress' not in events.out, events.out)
    server.stop()


@case('SIGTERM, SIGINT and SIGHUP are the normal end')
def signals(stack):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        server, port = share(stack)
        v = viewer(stack, port)
        v.look()
        server.stop(number)
        expect(ended(v), 'the viewer is still connected')


@case('the X server dies: a clear error and exit code 1')
def x_dies(stack):
    display = Display(stack)
    server, port = share(stack, display=display)
    v = viewer(stack, port)
    v.look()
    display.signal(signal.SIGKILL)
    equal(server.wait(), 1, 'exit code')
    expect(re.search(r'X server|display', server.err), server.err)
    server.check()


@case('out of descriptors: it goes on serving')
def descriptors(stack):
    port = free_port()
    server = Porthole(stack, 'share', '--screen', 'pattern', '--listen', '127.0.0.1:%d' % port,
                      preexec_fn=lambda: __import__('resource').setrlimit(
                          __import__('resource').RLIMIT_NOFILE, (48, 48)))
    v = viewer(stack, port)
    v.look()
    crowd = [socket.create_connection(('127.0.0.1', port)) for _ in range(100)]
    ticks = sum(os.times()[:2])
    for _ in range(5):
        v.look()
    for sock in crowd:
        sock.close()
    eventually(lambda: try_look(stack, port), 'a new viewer')
    v.look()
    server.stop()


def try_look(stack, port):
    try:
        return viewer(stack, port).look()
    except (Gone, OSError):
        return None


main()
