#include "x11_atoms.h"

#include <stdlib.h>
#include <string.h>

int x11_atoms_intern(xcb_connection_t *c, xcb_atom_t atoms[static X11_ATOMS])
{
	static const char *const names[X11_ATOMS] = {
		[X11_ATOM_PRIMARY] = "PRIMARY",
		[X11_ATOM_CLIPBOARD] = "CLIPBOARD",
		[X11_ATOM_TARGETS] = "TARGETS",
		[X11_ATOM_TIMESTAMP] = "TIMESTAMP",
		[X11_ATOM_MULTIPLE] = "MULTIPLE",
		[X11_ATOM_ATOM_PAIR] = "ATOM_PAIR",
		[X11_ATOM_INCR] = "INCR",
		[X11_ATOM_UTF8_STRING] = "UTF8_STRING",
		[X11_ATOM_UTF8_MIME] = "text/plain;charset=utf-8",
		[X11_ATOM_STRING] = "STRING",
		[X11_ATOM_TEXT] = "TEXT",
		[X11_ATOM_TRANSFER] = "PORTHOLE_TRANSFER",
	};
	xcb_intern_atom_cookie_t cookies[X11_ATOMS];
	int err = OK;
	for (unsigned i = 0; i < X11_ATOMS; i++)
		cookies[i] = xcb_intern_atom(c, 0, (uint16_t)strlen(names[i]), names[i]);
	for (unsigned i = 0; i < X11_ATOMS; i++) {
		xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(c, cookies[i], NULL);
		atoms[i] = r ? r->atom : XCB_ATOM_NONE;
		if (!r)
			err = ERR_IO;
		free(r);
	}
	return err;
}
