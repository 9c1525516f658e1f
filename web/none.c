#include "http/asset.h"

/* A build without the viewer (meson option `web`): the server says so. */
const struct asset_table asset_viewer = { NULL, 0 };
