#pragma once
/* Numbers of encodings and pseudo-encodings: RFC 6143 sections 7.7 and 7.8,
 * rfbproto "Encodings" and "Pseudo-encodings". */
enum rfb_encoding {
	RFB_RAW = 0,
	RFB_COPY_RECT = 1,
	RFB_RRE = 2,
	RFB_CORRE = 4,
	RFB_HEXTILE = 5,
	RFB_ZLIB = 6,
	RFB_TIGHT = 7,
	RFB_ZRLE = 16,

	RFB_QUALITY_0 = -32, /* JPEG quality 0; -23 is 9 */
	RFB_QUALITY_9 = -23,
	RFB_COMPRESS_0 = -256, /* compression level 0; -247 is 9 */
	RFB_COMPRESS_9 = -247,
	RFB_DESKTOP_SIZE = -223,
	RFB_LAST_RECT = -224,
	RFB_CURSOR = -239,
	RFB_XCURSOR = -240,
	RFB_QEMU_KEY = -258,
	RFB_QEMU_LED = -261,
	RFB_DESKTOP_NAME = -307,
	RFB_EXTENDED_DESKTOP_SIZE = -308,
	RFB_FENCE = -312,
	RFB_CONTINUOUS_UPDATES = -313,
	RFB_CURSOR_WITH_ALPHA = -314,
	RFB_EXTENDED_MOUSE = -316,
	RFB_VMWARE_CURSOR = 0x574d5664,
	RFB_VMWARE_LED = 0x574d5668,
	RFB_EXTENDED_CLIPBOARD = (int)0xc0a1e5ce,
};
