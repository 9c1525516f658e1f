#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "net/loop.h"

/* What a program writes to its standard output and error, read through pipes. */
struct output;

typedef void output_fn(void *ctx, bool is_error, const char *text, size_t n);

/* NULL with errno: no descriptors or no memory. */
struct output *output_create(struct loop *l, output_fn *on_text, void *ctx);
void output_destroy(struct output *o); /* NULL is fine */
/* The ends to write to: of standard output and of standard error. They are ours until
 * output_started(), which closes them when the program has its own. */
void output_ends(const struct output *o, int ends[2]);
void output_started(struct output *o);
/* Gives what is there; for when the program has ended. */
void output_drain(struct output *o);
