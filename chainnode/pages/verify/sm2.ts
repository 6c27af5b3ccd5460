// Verification of SM2 signatures (GB/T 32918.2-2016 §7) on the curve arithmetic of @noble/curves.
// Accepts exactly what chainnode/suites/sm.py accepts: r ‖ s of 64 bytes with 1 ≤ r, s < n, a key
// of 33 bytes that is a compressed point of the curve, user ID 1234567812345678.

import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { concat, toUtf8 } from "./bytes";
import { sm3 } from "./sm3";

// GB/T 32918.5-2017 §2.
const CURVE = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
};
const Point = weierstrass(CURVE);
const KEY_BYTES = 33;
const SIGNATURE_BYTES = 64;
const USER_ID = toUtf8("1234567812345678");

type CurvePoint = InstanceType<typeof Point>;

function parsed(key: Uint8Array): CurvePoint | null {
  if (key.length !== KEY_BYTES || (key[0] !== 2 && key[0] !== 3)) return null;
  try {
    return Point.fromBytes(key);
  } catch {
    return null;
  }
}

export function isSm2Key(key: Uint8Array): boolean {
  return parsed(key) !== null;
}

export function verifySm2(key: Uint8Array, signature: Uint8Array, content: Uint8Array): boolean {
  const point = parsed(key);
  if (point === null || signature.length !== SIGNATURE_BYTES) return false;
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32));
  if (r < 1n || r >= CURVE.n || s < 1n || s >= CURVE.n) return false;
  const t = (r + s) % CURVE.n;
  if (t === 0n) return false;
  const sum = Point.BASE.mulAddUnsafe(s, point, t);
  if (sum.is0()) return false;
  const e = integer(sm3(concat(identityDigest(point), content)));
  return (e + sum.toAffine().x) % CURVE.n === r;
}

// Z_A of §5.5: the signer's ID, the curve and the key in one digest.
function identityDigest(point: CurvePoint): Uint8Array {
  const bits = 8 * USER_ID.length;
  const { x, y } = point.toAffine();
  const numbers = [CURVE.a, CURVE.b, CURVE.Gx, CURVE.Gy, x, y].map(bytes32);
  return sm3(concat(Uint8Array.of(bits >> 8, bits & 0xff), USER_ID, ...numbers));
}

function integer(data: Uint8Array): bigint {
  return data.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function bytes32(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * (31 - at))) & 255n));
}
