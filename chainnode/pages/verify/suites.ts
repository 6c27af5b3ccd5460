// The two suites behind one port (docs/wire-format.md §1): hash, signature check, key check.

import { sha256 } from "@noble/hashes/sha2.js";
import { isEd25519Key, verifyEd25519 } from "./ed25519";
import { isSm2Key, verifySm2 } from "./sm2";
import { Sm3, sm3 } from "./sm3";

export interface Hasher {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

export interface Suite {
  readonly name: "sm" | "intl";
  readonly hashName: "sm3" | "sha256";
  digest(data: Uint8Array): Uint8Array;
  hasher(): Hasher;
  isKey(key: Uint8Array): boolean;
  verify(key: Uint8Array, signature: Uint8Array, content: Uint8Array): boolean;
}

const SM: Suite = {
  name: "sm",
  hashName: "sm3",
  digest: sm3,
  hasher: () => new Sm3(),
  isKey: isSm2Key,
  verify: verifySm2,
};

const INTL: Suite = {
  name: "intl",
  hashName: "sha256",
  digest: (data) => sha256(data),
  hasher: () => sha256.create(),
  isKey: isEd25519Key,
  verify: verifyEd25519,
};

export function suiteNamed(name: string): Suite | null {
  return name === SM.name ? SM : name === INTL.name ? INTL : null;
}
