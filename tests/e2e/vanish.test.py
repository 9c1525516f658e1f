# run_tests: parallel timeout=300
"""A viewer may vanish at any byte: nobody else notices, and nothing is left of it."""
import base64
import os
import struct
import time

from harness import *


def session(w, h):
    """All that a viewer may say, in one piece."""
    encodings = (7, 16, 5, 1, 0, -223, -224, -239, -258, -261, -307, -308, -312, -313, -314,
                 -316, 0x574d5664, struct.unpack('>i', bytes.fromhex('c0a1e5ce'))[0])
    return b''.join([
        b'RFB 003.008\n', b'\x01', b'\x01',
        b'\0\0\0\0' + struct.pack('>BBBBHHHBBBxxx', 16, 16, 1, 1, 31, 63, 31, 11, 5, 0),
        struct.pack('>BxH%di' % len(encodings), 2, len(encodings), *encodings),
        struct.pack('>BBHHHH', 3, 0, 0, 0, w, h),
        struct.pack('>BBxxI', 4, 1, 0xffe1),                      # Shift
        struct.pack('>BBxxI', 4, 1, 0x41),                        # A
        struct.pack('>BBHH', 5, 1, 200, 100),                     # left button
        struct.pack('>BBHII', 255, 0, 1, 0x62, 48),               # b, with its scan code
        struct.pack('>BxxxI', 6, 5) + b'hello',                   # cut text
        struct.pack('>BxxxiI', 6, -4, 0x02000001),                # asks for the clipboard
        struct.pack('>BxxxIB', 248, 0x80000001, 4) + b'abcd',     # fence
        struct.pack('>BxHHBxIHHHHI', 251, w, h, 1, 0, 0, 0, w, h, 0),
        struct.pack('>BBHHHH', 150, 1, 0, 0, w, h),
        struct.pack('>BBHHHH', 3, 1, 0, 0, w, h),
    ])


def descriptors(server):
    return len(os.listdir('/proc/%d/fd' % server.pid))


def buttons(display):
    """X11's mask of what is pressed: modifiers and buttons."""
    x11 = ctypes.CDLL('libX11.so.6')
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    handle = ctypes.c_void_p(x11.XOpenDisplay(display.name.encode()))
    root = ctypes.c_ulong(x11.XDefaultRootWindow(handle))
    scratch = [ctypes.c_long() for _ in range(6)]
    mask = ctypes.c_uint()
    x11.XQueryPointer(handle, root, *[ctypes.byref(s) for s in scratch], ctypes.byref(mask))
    x11.XCloseDisplay(handle)
    return mask.value


def cut(address, words, at, reset, listens):
    sock = connect(address)
    sock.sendall(words[:at])
    if listens:
        sock.recv(12)
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def expect_released(display, after):
    try:
        eventually(lambda: not pressed_keys(display) and buttons(display) == 0, seconds=10)
    except Failed:
        raise Failed('held after %s: %r, mask %x' % (after, pressed_keys(display),
                                                     buttons(display))) from None


@case('at any byte of a session, with a farewell and without')
def at_any_byte(stack):
    display = Display(stack, '320x240')
    server, port = share(stack, display=display)
    other = viewer(stack, port, RAW, CURSOR)
    other.look()
    words = session(320, 240)
    expect(len(words) > 200, len(words))
    before = descriptors(server)
    for at in range(len(words) + 1):
        for reset in (False, True):
            cut(port, words, at, reset, listens=at % 2 == 0)
        expect_released(display, 'byte %d' % at)
        if at % 25 == 0:
            other.look()
    eventually(lambda: descriptors(server) == before, 'all connections are gone')
    expect(other.look() == display.picture(), other.picture().difference(display.picture()))
    server.stop()


@case('keys and buttons really were pressed, and are released')
def released(stack):
    display = Display(stack, '320x240')
    server, port = share(stack, display=display)
    for reset in (False, True):
        v = Viewer(port)
        v.key(0xffe3, 1)
        v.key(0x78, 1)
        v.pointer(30, 40, 5)
        eventually(lambda: len(pressed_keys(display)) == 2, 'two keys are pressed')
        eventually(lambda: buttons(display) & 0x500 == 0x500, 'two buttons are pressed')
        v.close(reset)
        eventually(lambda: pressed_keys(display) == [], 'keys are released')
        eventually(lambda: buttons(display) == 0, 'buttons are released')
    # The server itself ends.
    v = viewer(stack, port)
    v.key(0x78, 1)
    eventually(lambda: pressed_keys(display), 'a key is pressed')
    server.stop()
    eventually(lambda: pressed_keys(display) == [], 'the key is released')


@case('at any byte of a WebSocket')
def websocket(stack):
    server, port = share(stack, '--size', '100x80')
    other = viewer(stack, port)
    other.look()
    frames = b''.join(b'\x82' + bytes([0x80 | len(part)]) + b'\0\0\0\0' + part
                      for part in (b'RFB 003.008\n', b'\x01\x01',
                                   struct.pack('>BBHHHH', 3, 0, 0, 0, 100, 80)))
    head = ('GET /websockify HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n'
            'Sec-WebSocket-Protocol: binary, porthole.secret.%s\r\n\r\n'
            % (port, base64.b64encode(bytes(16)).decode(), server.secret)).encode()
    words = head + frames + b'\x89\x80\0\0\0\0' + b'\x88\x82\0\0\0\0\x03\xe8'
    before = descriptors(server)
    for at in range(1, len(words) + 1):
        cut(port, words, at, reset=at % 3 == 0, listens=False)
        if at % 50 == 0:
            other.look()
    eventually(lambda: descriptors(server) == before, 'all connections are gone')
    other.look()
    server.stop()


main()
