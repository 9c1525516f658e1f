# run_tests: parallel timeout=300
"""`porthole desktop`: its own X server, closed to others, ending with everything."""
import os
import re
import shutil
import signal

from harness import *


def desktop(stack, *options, **more):
    """`porthole desktop` on free ports; (process, port that greets at once)."""
    port = free_port()
    return Porthole(stack, 'desktop', '--size', '640x480', '--listen',
                    '127.0.0.1:%d' % free_port(), '--rfb-listen', '127.0.0.1:%d' % port,
                    *options, **more), port


def members(server):
    """{name: pid} of all that the desktop has started. A program that is about to
    start another has a child of its own name for a moment: the parent counts."""
    found = {}
    for pid in descendants(server.pid):
        found.setdefault(name_of(pid), pid)
    return found


def whole(server, *names):
    return eventually(lambda: set(names) <= set(members(server)) and members(server),
                      'all of ' + ' '.join(names))


def environment(pid):
    with open('/proc/%d/environ' % pid, 'rb') as data:
        pairs = [entry.partition(b'=') for entry in data.read().split(b'\0')]
    return {name.decode(): value.decode() for name, _, value in pairs}


def x_env(server):
    env = environment(whole(server, 'openbox')['openbox'])
    return {'DISPLAY': env['DISPLAY'], 'XAUTHORITY': env['XAUTHORITY']}


@case('a window manager and a terminal, of the size asked for')
def starts(stack):
    server, port = desktop(stack)
    v = viewer(stack, port)
    equal((v.w, v.h), (640, 480), 'size')
    env = x_env(server)
    eventually(lambda: b'Terminal' in run('xdotool', 'search', '--onlyvisible', '--name',
                                          'Terminal', 'getwindowname', env=env, check=False).stdout,
               'a terminal')

    def alike():
        return v.look() == picture(env)
    eventually(alike, 'the picture')
    expect(v.picture().colours() > 20, 'the picture is empty')
    server.stop()


@case('it is closed to other users, and to who has no cookie')
def closed(stack):
    server, port = desktop(stack)
    env = x_env(server)
    run('xdpyinfo', env=env)
    done = run('xdpyinfo', env={'DISPLAY': env['DISPLAY'], 'XAUTHORITY': '/dev/null'}, check=False)
    expect(done.returncode != 0, 'without a cookie it lets in')
    stranger = as_nobody(stack, 'xdpyinfo', env={'DISPLAY': env['DISPLAY'],
                                                 'XAUTHORITY': env['XAUTHORITY']})
    expect(stranger.wait() != 0, 'another user is let in')
    expect('unable to open display' in stranger.err, stranger.err)
    equal(os.stat(env['XAUTHORITY']).st_mode & 0o777, 0o600, 'mode of the cookie')
    equal(os.stat(os.path.dirname(env['XAUTHORITY'])).st_mode & 0o777, 0o700, 'its folder')
    for pid in [server.pid] + descendants(server.pid):
        with open('/proc/%d/cmdline' % pid, 'rb') as line:
            expect(b'tcp' not in line.read().replace(b'-nolisten\0tcp', b''), pid)
    server.stop()
    expect(not os.path.exists(os.path.dirname(env['XAUTHORITY'])), 'its folder is left behind')


@case('the size follows the viewer')
def follows(stack):
    server, port = desktop(stack)
    env = x_env(server)
    v = viewer(stack, port, RAW, EXTENDED_DESKTOP_SIZE)
    v.look()
    for w, h in ((800, 600), (1024, 333), (641, 479), (3840, 2160), (64, 48), (1920, 1080)):
        v.set_size(w, h)
        v.resized = None
        while v.resized != (1, 0):
            v.request(True)
            v.wait_update()
        equal((v.w, v.h), (w, h), 'size that the viewer was told')
        out = run('xrandr', env=env).decode()
        expect('current %d x %d' % (w, h) in out, out)
        equal(picture(env).w, w, 'width of the root window')
        same_picture(v, env)
    server.stop()


def same_picture(v, env):
    try:
        eventually(lambda: v.look() == picture(env), seconds=20)
    except Failed:
        raise Failed(v.look().difference(picture(env))) from None


def wait_gone(pids, seconds):
    eventually(lambda: not any(alive(pid) for pid in pids.values()), 'the end of %r' % pids,
               seconds=seconds)


@case('Ctrl+C and SIGTERM end all that it has started')
def interrupt(stack):
    for number in (signal.SIGINT, signal.SIGTERM):
        server, port = desktop(stack)
        pids = whole(server, 'Xvfb', 'openbox', 'xterm', 'bash' if shutil.which('bash') else 'sh')
        server.stop(number)
        wait_gone(pids, 3)


@case('kill -9: nothing is left')
def killed(stack):
    server, port = desktop(stack)
    pids = whole(server, 'Xvfb', 'openbox', 'xterm')
    folder = os.path.dirname(x_env(server)['XAUTHORITY'])
    server.signal(signal.SIGKILL)
    server.wait()
    wait_gone(pids, 10)
    shutil.rmtree(folder, ignore_errors=True)


@case('programs that will not go are ended, and their children')
def stubborn(stack):
    server, port = desktop(stack, '--', 'bash', '-c',
                           'trap "" TERM HUP INT; setsid sleep 1000 & sleep 1000')
    pids = whole(server, 'Xvfb', 'bash', 'sleep')
    pids = {pid: pid for pid in descendants(server.pid)}
    server.stop()
    wait_gone(pids, 10)


@case('the X server dies: a clear error, exit code 1, nothing is left')
def x_dies(stack):
    server, port = desktop(stack)
    pids = whole(server, 'Xvfb', 'openbox', 'xterm')
    v = viewer(stack, port)
    v.look()
    os.kill(pids['Xvfb'], signal.SIGKILL)
    equal(server.wait(), 1, 'exit code')
    expect(re.search(r'Xvfb|X server', server.err), server.err)
    server.check()
    wait_gone(pids, 10)


@case('the supervisor dies: a clear error, exit code 1, nothing is left')
def supervisor_dies(stack):
    server, port = desktop(stack)
    pids = whole(server, 'Xvfb', 'openbox', 'xterm')
    os.kill(children(server.pid)[0], signal.SIGKILL)
    equal(server.wait(), 1, 'exit code')
    equal(server.err.count('error:'), 1, 'errors; ' + server.err)
    expect('supervisor' in server.err, server.err)
    server.check()
    wait_gone(pids, 10)


@case('it ends with its command, and with exit code 0')
def command(stack):
    server, port = desktop(stack, '--', 'sh', '-c', 'test -n "$DISPLAY" && sleep 1')
    equal(server.wait(), 0, 'exit code; ' + server.err)
    server.check()


@case('the command is heard, and has the user\'s umask and this display alone')
def surroundings(stack):
    before = os.umask(0o027)
    try:
        server, port = desktop(stack, '--', 'sh', '-c', 'umask >&2; echo [$WAYLAND_DISPLAY] >&2',
                               env={'WAYLAND_DISPLAY': 'wayland-0'})
    finally:
        os.umask(before)
    equal(server.wait(), 0, 'exit code; ' + server.err)
    expect('0027' in server.err, server.err)
    expect('[]' in server.err, server.err)
    server.check()


@case('the terminal ends: the desktop goes on')
def terminal(stack):
    server, port = desktop(stack)
    pids = whole(server, 'xterm')
    os.kill(pids['xterm'], signal.SIGTERM)
    wait_gone({'xterm': pids['xterm']}, 10)
    viewer(stack, port).look()
    server.stop()


@case('programs that are missing: a sentence that says what to install')
def missing(stack):
    tools = path('bin')
    os.mkdir(tools)
    done = Porthole(stack, 'desktop', '--listen', '127.0.0.1:0', '--rfb-listen', '127.0.0.1:0',
                    ready=False, env={'PATH': tools})
    equal(done.wait(), 1, 'exit code')
    expect('Xvfb is not installed' in done.err and 'apt install xvfb' in done.err, done.err)
    for name in ('Xvfb', 'xterm', 'sh', 'xkbcomp'):
        os.symlink(shutil.which(name), os.path.join(tools, name))
    done = Porthole(stack, 'desktop', '--listen', '127.0.0.1:0', '--rfb-listen', '127.0.0.1:0',
                    ready=False, env={'PATH': tools})
    equal(done.wait(), 1, 'exit code')
    expect('openbox is not installed' in done.err, done.err)
    done, port = desktop(stack, '--', '/no/such/program', ready=False)
    equal(done.wait(), 1, 'exit code')
    expect('/no/such/program' in done.err, done.err)


@case('two at once take the next free ports and say so')
def two(stack):
    first = Porthole(stack, 'desktop', '--size', '320x240')
    second = Porthole(stack, 'desktop', '--size', '320x240')
    ports = [int(re.search(r':(\d+)(/|$)', e).group(1))
             for p in (first, second) for e in p.entrances()]
    equal(len(set(ports)), 4, 'different ports')
    expect(second.err.count('in use') >= 2, second.err)
    displays = [x_env(p)['DISPLAY'] for p in (first, second)]
    expect(displays[0] != displays[1], displays)
    for number, p in enumerate((first, second)):
        v = viewer(stack, ports[number * 2 + 1])
        equal((v.w, v.h), (320, 240), 'size')
        eventually(lambda: v.look() == picture(x_env(p)), 'its own picture')
    first.stop()
    viewer(stack, ports[3]).look()
    second.stop()


@case('a size that is too large is refused')
def too_large(stack):
    done = run(PORTHOLE, 'desktop', '--size', '4000x100', check=False)
    equal(done.returncode, 2, 'exit code')
    expect(b'3840x2160' in done.stderr, done.stderr)


main()
