# run_tests: parallel timeout=300
"""Real viewers: what they show is what the shared screen shows, and what is typed
into them arrives there."""
import os
import shutil

from harness import *


def tiger(stack, glass, port, *options, env=None):
    """TigerVNC's viewer on the display `glass`, without borders. It leaves 40 rows free."""
    home = path('home')
    os.mkdir(home)
    return Process(stack, shutil.which('xtigervncviewer') or 'vncviewer', '-geometry',
                   '%dx%d+0+0' % (glass.size[0], glass.size[1] - 80), '-Shared', '-AutoSelect=0', '-FullColor=1',
                   '-AlertOnFatalError=0', '-ReconnectOnError=0',
                   *options, '127.0.0.1::%d' % port,
                   env={**glass.env, 'HOME': home, **(env or {})})


def shows(glass, display):
    """The viewer's window has the picture of the display, and keeps it."""
    window = glass.window('TigerVNC')

    def alike():
        return glass.picture(window) == display.picture()
    try:
        eventually(alike, seconds=20)
    except Failed:
        raise Failed(glass.picture(window).difference(display.picture())) from None
    return window


def scene(stack, size=(640, 480)):
    """A shared display with a photo and a terminal in it, and one to look from."""
    w, h = size
    display, glass = Display(stack, '%dx%d' % size), Display(stack, '%dx%d' % (w, h + 80))
    paint_photo(display)
    typed = path('typed')
    xterm(stack, display, command=['sh', '-c', 'cat > ' + typed])
    display.window('terminal')
    return display, glass, typed


KINDS = [
    ('ZRLE', ['-PreferredEncoding=ZRLE']),
    ('Tight without JPEG', ['-PreferredEncoding=Tight', '-NoJPEG']),
    ('Tight without JPEG, compressed as much as can be',
     ['-PreferredEncoding=Tight', '-NoJPEG', '-CustomCompressLevel', '-CompressLevel=9']),
    ('Hextile', ['-PreferredEncoding=Hextile']),
    ('Raw', ['-PreferredEncoding=Raw']),
]


@case('TigerVNC shows exactly the screen, in every encoding that it can ask for')
def tiger_pictures(stack):
    display, glass, typed = scene(stack)
    server, port = share(stack, display=display)
    for name, options in KINDS:
        with contextlib.ExitStack() as inner:
            tiger(inner, glass, port, *options)
            shows(glass, display)
            # Something moves: the terminal scrolls, a window comes and goes.
            Process(inner, 'xterm', '-geometry', '40x8+200+20', '-title', 'second', '-e', 'sh',
                    '-c', 'seq 1 60; sleep 100', env=display.env)
            display.window('second')
            time.sleep(0.5)
            try:
                shows(glass, display)
            except Failed as failure:
                raise Failed('%s: %s' % (name, failure)) from None
    server.stop()


@case('several of TigerVNC at once, with few colours and many')
def tiger_colours(stack):
    display, glass, typed = scene(stack, (320, 240))
    other = Display(stack, '320x320')
    server, port = share(stack, display=display)
    tiger(stack, glass, port, '-PreferredEncoding=ZRLE')
    tiger(stack, other, port, '-FullColor=0', '-LowColorLevel=1', '-PreferredEncoding=Hextile')
    shows(glass, display)
    few = eventually(lambda: other.picture(other.window('TigerVNC')))
    eventually(lambda: 16 < other.picture(other.window('TigerVNC')).colours() <= 256,
               'a picture of 256 colours')
    expect(few.w == 320, few.w)
    server.stop()


def focus(glass, window):
    run('xdotool', 'mousemove', '300', '300', 'windowfocus', window, env=glass.env)
    time.sleep(0.3)


@case('what is typed into TigerVNC arrives, also what the keyboard does not have')
def tiger_typing(stack):
    display, glass, typed = scene(stack)
    server, port = share(stack, display=display)
    tiger(stack, glass, port, '-PreferredEncoding=ZRLE')
    window = shows(glass, display)
    run('xdotool', 'mousemove', '200', '250', env=display.env)
    focus(glass, window)
    run('xdotool', 'mousemove', '200', '250', env=glass.env)
    glass.type('Hello, W\u00f6rld \u20ac')
    glass.key('Return')

    def arrived():
        with open(typed, encoding='utf-8') as text:
            return text.read().strip()
    eventually(arrived, 'a line of text')
    equal(arrived(), 'Hello, W\u00f6rld \u20ac', 'typed')
    shows(glass, display)
    equal(pressed_keys(display), [], 'keys that are still pressed')
    server.stop()


@case('a password: the right one, a wrong one, one that lets look only')
def tiger_password(stack):
    display, glass, typed = scene(stack)
    passwords = file('password', 'geheim\nschauen\n')
    server, port = share(stack, '--password-file', passwords, display=display)
    for password in ('falsch', 'GEHEIM', 'geheim2', ''):
        with contextlib.ExitStack() as inner:
            wrong = tiger(inner, glass, port, env={'VNC_PASSWORD': password or ' '})
            wrong.wait()
            expect('Authentication failure' in wrong.err, wrong.err)
    expect('falsch' not in server.err and 'geheim' not in server.err, server.err)

    def say(password, text):
        with contextlib.ExitStack() as inner:
            tiger(inner, glass, port, '-PreferredEncoding=ZRLE', env={'VNC_PASSWORD': password})
            window = shows(glass, display)
            run('xdotool', 'mousemove', '200', '250', env=display.env)
            focus(glass, window)
            run('xdotool', 'mousemove', '200', '250', env=glass.env)
            glass.type(text)
            glass.key('Return')
            time.sleep(0.5)
    say('schauen', 'looks')
    say('geheim', 'types')

    def arrived():
        with open(typed, encoding='utf-8') as text:
            return text.read().split()
    eventually(arrived, 'a line of text')
    equal(arrived(), ['types'], 'typed')
    server.stop()


@case('gtk-vnc: gvnccapture saves exactly the screen')
def gtk_vnc(stack):
    display, glass, typed = scene(stack)
    server, port = share(stack, display=display)
    to = path('capture.png')
    run('gvnccapture', '-q', '127.0.0.1:%d' % (port - 5900), to, env=glass.env)
    expect(read_ppm(to) == display.picture(), read_ppm(to).difference(display.picture()))
    server.stop()


@case('vncsnapshot saves exactly the screen, with a password')
def snapshot(stack):
    display = Display(stack)
    paint_photo(display)
    server, port = share(stack, '--password-file', file('password', 'geheim\n'), display=display)
    secret = path('passwd')
    run('x11vnc', '-storepasswd', 'geheim', secret)
    to = path('snapshot.jpg')
    run('vncsnapshot', '-passwd', secret, '-encodings', 'hextile', '-quality', '100',
        '127.0.0.1:%d' % (port - 5900), to)
    # It can save JPEG only: as good as the pictures that JPEG makes.
    seen, real = read_ppm(to), display.picture()
    equal((seen.w, seen.h), (real.w, real.h), 'size')
    off = sum(abs(a - b) for a, b in zip(seen.rgb[::97], real.rgb[::97])) / (len(real.rgb) / 97)
    expect(off < 6, 'a byte is off by', off)
    server.stop()


main()
