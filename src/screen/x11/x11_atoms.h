#pragma once
#include <xcb/xcb.h>

#include "base/err.h"

/* The names that selections use. */
enum x11_atom {
	X11_ATOM_PRIMARY,
	X11_ATOM_CLIPBOARD,
	X11_ATOM_TARGETS,
	X11_ATOM_TIMESTAMP,
	X11_ATOM_MULTIPLE,
	X11_ATOM_ATOM_PAIR,
	X11_ATOM_INCR,
	X11_ATOM_UTF8_STRING,
	X11_ATOM_UTF8_MIME,
	X11_ATOM_STRING,
	X11_ATOM_TEXT,
	X11_ATOM_TRANSFER, /* the property that others fill for us */
	X11_ATOMS
};

/* Waits for the server. ERR_IO: the connection failed. */
MUST_USE int x11_atoms_intern(xcb_connection_t *c, xcb_atom_t atoms[static X11_ATOMS]);
