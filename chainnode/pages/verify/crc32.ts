// CRC-32 as zip archives use it (ISO/IEC 8802-3). It guards against accidents alone.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

export function crc32(data: Uint8Array): number {
  let value = -1;
  for (let at = 0; at < data.length; at++) {
    value = (value >>> 8) ^ TABLE[(value ^ data[at]!) & 0xff]!;
  }
  return ~value >>> 0;
}
