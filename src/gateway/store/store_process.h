#pragma once
#include "gateway/store/store.h"

/* The process itself, after the fork: never returns. `pair` is its end. */
_Noreturn void store_process_run(const struct store_config *config, int pair);
