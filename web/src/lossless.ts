/* noVNC always sends a JPEG quality, and a server that sees one may use JPEG.
 * The RFB convention for "no JPEG" is to send none, which noVNC has no setting
 * for. So its SetEncodings message (RFC 6143, 7.5.2) is rewritten on its way
 * out: that depends on the protocol alone, not on noVNC's inner functions. */

const SET_ENCODINGS = 2;
const HEADER = 4; /* type, padding, U16 count */

const JPEG = 21;
const H264 = 50;
const QUALITY_FIRST = -32;
const QUALITY_LAST = -23;

function isLossy(encoding: number): boolean {
  return (
    encoding === JPEG ||
    encoding === H264 ||
    (encoding >= QUALITY_FIRST && encoding <= QUALITY_LAST)
  );
}

/* noVNC sends SetEncodings as one message of its own; other bytes pass. */
export function withoutLossy(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length < HEADER || bytes[0] !== SET_ENCODINGS) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(2);
  if (bytes.length !== HEADER + 4 * count) return bytes;

  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    const encoding = view.getInt32(HEADER + 4 * i);
    if (!isLossy(encoding)) kept.push(encoding);
  }
  const out = new Uint8Array(HEADER + 4 * kept.length);
  const outView = new DataView(out.buffer);
  outView.setUint8(0, SET_ENCODINGS);
  outView.setUint16(2, kept.length);
  kept.forEach((encoding, i) => outView.setInt32(HEADER + 4 * i, encoding));
  return out;
}
