#pragma once
#include "net/loop.h"
#include "screen/x11/x11.h"

/* Waits for a window manager to take over a display. A program that is started
 * while one starts may be left without a window: both wait for each other. */
struct x11_manager;

/* `on_there` is called once, from the loop: there is a manager (EWMH
 * _NET_SUPPORTING_WM_CHECK), or the connection is lost. Only display and cookie
 * of `config` are used. Waits for the server while connecting. NULL: it cannot. */
struct x11_manager *x11_manager_create(
	struct loop *l, const struct x11_config *config, void (*on_there)(void *ctx), void *ctx);
void x11_manager_destroy(struct x11_manager *m); /* NULL is fine */
