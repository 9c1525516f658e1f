#pragma once

/* rfbproto, "Tight Encoding": the control byte and what follows it. */
enum tight_control {
	TIGHT_RESET = 0x0f, /* bit n: stream n starts anew before this rectangle */
	TIGHT_STREAM_SHIFT = 4,
	TIGHT_FILTER = 0x40, /* with basic compression: a filter's number follows */
	TIGHT_FILL = 0x80,
	TIGHT_JPEG = 0x90,
	TIGHT_NO_ZLIB = 0xa0, /* basic compression whose data is plain; with TIGHT_FILTER too */
};

enum tight_filter { TIGHT_COPY = 0, TIGHT_PALETTE = 1, TIGHT_GRADIENT = 2 };

enum {
	TIGHT_STREAMS = 4,
	TIGHT_WIDTH_MAX = 2048,
	TIGHT_MIN_TO_COMPRESS = 12, /* bytes; fewer go plain and without a length */
	TIGHT_LENGTH_MAX = (1 << 22) - 1,
};
