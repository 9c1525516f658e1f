# run_tests: parallel timeout=300
"""Many viewers at once, formats that change, sizes that change, and one that
does not read."""
import time

from harness import *

ENCODINGS = ['7', '7,1', '16', '16,1', '6', '5', '5,1', '2', '4', '0', '0,1', '7,-247', '16,-256,1']
FORMATS = ['native', 'bgr', 'be32', 'rgb565', 'be555', 'bgr233', 'map']


@case('20 viewers with encodings and formats of their own see the right picture')
def twenty(stack):
    server, port = share(stack, '--size', '640x360', '--seed', '7')
    tool = os.path.join(TOOLS, 'viewer_tool')
    crowd = [Process(stack, tool, '127.0.0.1:%d' % port, ENCODINGS[i % len(ENCODINGS)],
                     FORMATS[i % len(FORMATS)], 12, 7) for i in range(20)]
    for i, p in enumerate(crowd):
        equal(p.wait(150), 0, '%s %s: %s' % (p.argv[2], p.argv[3], p.out + p.err))
    server.stop()


RGB565 = struct.pack('>BBBBHHHBBBxxx', 16, 16, 0, 1, 31, 63, 31, 11, 5, 0)
MAP = struct.pack('>BBBBHHHBBBxxx', 8, 8, 0, 0, 0, 0, 0, 0, 0, 0)


@case('300 changes of format between requests, while the size changes')
def formats(stack):
    desktop_port = free_port()
    server = Porthole(stack, 'desktop', '--size', '320x240', '--listen',
                      '127.0.0.1:%d' % free_port(), '--rfb-listen', '127.0.0.1:%d' % desktop_port)
    other = viewer(stack, desktop_port, RAW, EXTENDED_DESKTOP_SIZE)
    other.look()
    for encoding in (0, 5, 6, 7, 16):
        v = viewer(stack, desktop_port, encoding, 1, EXTENDED_DESKTOP_SIZE, CURSOR)
        v.sock.setblocking(False)
        for i in range(300):
            v.send_all(b'\0\0\0\0' + (NATIVE, RGB565, MAP)[i % 3])
            v.send_all(struct.pack('>BBHHHH', 3, i % 2, 0, 0, 4000, 3000))
            if i % 30 == 0:
                v.send_all(struct.pack('>BxHHBxIHHHHI', 251, 300 + i, 200 + i, 1, 0, 0, 0,
                                       300 + i, 200 + i, 0))
            v.skim()
        v.close()
    for _ in range(3):
        other.look()
    server.stop()


@case('formats and messages that are nonsense cost one connection')
def nonsense(stack):
    server, port = share(stack, '--size', '100x80')
    other = viewer(stack, port)
    other.look()

    def form(bpp=32, depth=24, big=0, true=1, r=255, g=255, b=255, rs=16, gs=8, bs=0):
        return b'\0\0\0\0' + struct.pack('>BBBBHHHBBBxxx', bpp, depth, big, true, r, g, b, rs, gs, bs)
    bad = [form(bpp=n) for n in (0, 1, 7, 24, 64, 255)]
    bad += [form(r=n) for n in (0, 254, 256)] + [form(rs=n) for n in (25, 32, 255)]
    bad += [form(rs=8), form(true=0)]
    bad += [b'\x07', b'\xfc', b'\x0b\0\0\0\xff\xff\xff\xfd', b'\xff\x01', b'\xff\x02',
            struct.pack('>BxxxIB', 248, 0x80000000, 65), struct.pack('>BxxxIB', 248, 0, 255),
            struct.pack('>Bxxxi', 6, -4), struct.pack('>Bxxxi', 6, -1),
            struct.pack('>BxxxI', 6, 0x80000000), b'\x08\0\0\0', b'\x0f\0\0\0']
    for words in bad:
        v = viewer(stack, port)
        v.send(words)
        v.sock.settimeout(20)
        try:
            while True:
                v.message()
        except Gone:
            pass
        except Failed as failure:
            raise Failed(words, failure) from None
    for words in (struct.pack('>BBHHHH', 3, 255, 65530, 0, 10, 65535),
                  struct.pack('>BBHHHH', 3, 0, 65535, 65535, 65535, 65535),
                  struct.pack('>BBHHHH', 3, 1, 0, 0, 0, 0),
                  struct.pack('>BxH', 2, 65535) + bytes(range(256)) * 1023 + bytes(252),
                  struct.pack('>BxxxI', 6, 2000000) + bytes(2000000)):
        v = viewer(stack, port)
        v.send(words)
        v.encodings(RAW)
        v.look()
        v.close()
    other.look()
    server.stop()


@case('a cut text of 2 GB that does not come costs no memory')
def huge_text(stack):
    server, port = share(stack, '--size', '100x80')
    viewer(stack, port).look()
    before = status_of(server.pid, 'VmRSS')
    for _ in range(20):
        v = viewer(stack, port)
        v.send(struct.pack('>BxxxI', 6, 0x7fffffff) + bytes(100000))
    viewer(stack, port).look()
    grown = status_of(server.pid, 'VmRSS') - before
    expect(grown < 30000, grown, 'KB more')
    server.stop()


@case('who does not read is dropped after 30 s; memory stays, others go on')
def deaf(stack):
    # What a sanitizer keeps of freed memory is not ours.
    server, port = share(stack, '--size', '1280x720', env={
        'ASAN_OPTIONS': os.environ['ASAN_OPTIONS'] + ':quarantine_size_mb=1'})
    other = viewer(stack, port)
    other.look()
    stalled = connect(port)
    stack.callback(stalled.close)
    stalled.sendall(b'RFB 003.008\n\x01\x01')
    for _ in range(2000):
        stalled.sendall(struct.pack('>BBHHHH', 3, 0, 0, 0, 1280, 720))
    stalled.setblocking(False)
    before, began, most = status_of(server.pid, 'VmRSS'), time.monotonic(), 0
    flood = struct.pack('>BBHHHH', 3, 0, 0, 0, 1280, 720) + struct.pack('>BxxxIB', 248, 0x80000000, 0)
    while 'taken nothing' not in server.err:
        try:
            stalled.send(flood * 50)
        except OSError:
            pass
        other.look()
        most = max(most, status_of(server.pid, 'VmRSS') - before)
        expect(time.monotonic() - began < 200, 'is not dropped')
        time.sleep(0.2)
    expect(time.monotonic() - began > 25, 'dropped after', time.monotonic() - began, 's')
    # At most 4 MB and one frame wait for it, another frame for the other.
    expect(most < 40000, most, 'KB more')
    other.look()
    server.stop()


main()
