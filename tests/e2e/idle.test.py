# run_tests: parallel timeout=200
"""Nothing is due: nothing runs. Whatever the screen does, who has not asked for an
update costs nothing."""
import time

from harness import *

REST_S = 10


def wakeups(server):
    return status_of(server.pid, 'voluntary_ctxt_switches')


def waiting(stack, port, area=None):
    """A viewer that has all there is and waits for more."""
    v = viewer(stack, port)
    v.look()
    v.request(True, area)
    while not v.quiet(1):
        v.wait_update()
        v.request(True, area)
    return v


@case('0 wake-ups in 10 s while nothing is due')
def idle(stack):
    still, moving = Display(stack), Display(stack)
    xterm(stack, still, command=['sh', '-c', 'sleep 1000'])
    xterm(stack, moving, command=['sh', '-c', 'while :; do date +%N; sleep 0.05; done'])
    still.window('terminal'), moving.window('terminal')
    time.sleep(2)  # they draw themselves

    desktop_port = free_port()
    desktop = Porthole(stack, 'desktop', '--listen', '127.0.0.1:%d' % free_port(), '--rfb-listen',
                       '127.0.0.1:%d' % desktop_port, '--size', '640x480', '--', 'sleep', '1000')
    display, display_port = share(stack, display=still)
    corner, corner_port = share(stack, display=moving)
    unasked, unasked_port = share(stack, display=moving)
    pattern, pattern_port = share(stack)
    alone, _ = share(stack)
    waiting(stack, desktop_port)
    waiting(stack, display_port)
    viewer(stack, unasked_port).look()
    viewer(stack, pattern_port).look()
    v = viewer(stack, corner_port)
    v.look()
    time.sleep(2)

    servers = {'a display, one viewer waits': display,
               'a desktop, one viewer waits': desktop,
               'a display that moves, no viewer has asked': unasked,
               'a pattern that moves, no viewer has asked': pattern,
               'a pattern, nobody there': alone}
    before = {name: wakeups(server) for name, server in servers.items()}
    time.sleep(REST_S)
    counts = {name: wakeups(server) - before[name] for name, server in servers.items()}
    expect(not any(counts.values()), counts)

    # Asked again, it comes at once, and what has changed meanwhile with it.
    v.request(True)
    v.wait_update()
    for server in (desktop, display, unasked, pattern, alone, corner):
        server.stop()


main()
