// Which certificate a call issues or imports, in the short form of docs/wire-format.md §13. Reading
// builds the public part again, and a claim is what the contract would have read. As
// chainnode/verify/claims.py and the schemas of contracts/schemas/certificates.py.

import { isDate } from "./dates";
import { Malformed } from "./errors";
import { identifierOf } from "./identifiers";
import { isLegalText } from "./legal_text";
import { DIGEST_BYTES } from "./merkle";
import { encode, type Plain, plainArray, plainBytes, plainInteger, plainText } from "./messagepack";

export const ISSUE = 1;
export const IMPORT = 2;
export const SALT_BYTES = 16;
const ISSUE_FIELDS = 6;
const IMPORT_FIELDS = 10;
// A mark and 74 characters of base 36.
const IDENTIFIER_BYTES_MAX = 49;
// Mark 1, or mark 2 and the type; then issuer, serial and version.
const IDENTIFIER = /^(?:1|2([0-9A-Z]{18}[0-9]{3}))([0-9A-Z]{18})([0-9A-Z]{1,32})([0-9]{3})$/;
const GENERIC_TYPE = "generic";
const GENERIC_TYPE_CODE = "0".repeat(21);
const FIXED_BYTES = SALT_BYTES + DIGEST_BYTES;
// Metadata root, holder commitment, private digest.
const SHOWN_BITS = [1, 2, 4] as const;
const OWN_CODE_SYSTEM = "kun";
const CODE_CHARACTERS_MAX = 32;
const STATES = 9;

// A call that puts a certificate on the chain; `kind` is that of the record and its outcome.
export interface CertificateClaim {
  readonly kind: typeof ISSUE | typeof IMPORT;
  readonly identifier: string;
  readonly issuer: string;
  readonly fileDigest: Uint8Array;
  readonly validFrom: number;
  readonly validTo: number;
  // The public part of the call.
  readonly public: Uint8Array;
  // null: no private part.
  readonly privateDigest: Uint8Array | null;
}

export function readClaim(value: Plain): CertificateClaim {
  const fields = plainArray(value, "record", { maximum: IMPORT_FIELDS });
  const kind = plainInteger(fields[0], "record kind");
  if (kind !== ISSUE && kind !== IMPORT) {
    throw new Malformed("record", "an issue or import", `kind ${kind}`);
  }
  plainArray(fields, "record", { size: kind === IMPORT ? IMPORT_FIELDS : ISSUE_FIELDS });
  const { type, issuer, identifier } = readIdentifier(fields[1]);
  const parts = readParts(fields[2], fields[3]);
  const validity = readValidity(fields[4], fields[5]);
  if (kind === IMPORT) requireState(fields.slice(ISSUE_FIELDS));
  const { salt, fileDigest, metadataRoot, holderCommitment } = parts;
  return {
    kind,
    identifier,
    issuer,
    fileDigest,
    ...validity,
    public: encode([
      salt, identifier, type, fileDigest, metadataRoot, holderCommitment, ...fields.slice(4),
    ]),
    privateDigest: parts.privateDigest.length ? parts.privateDigest : null,
  };
}

function readIdentifier(
  value: Plain | undefined,
): { type: string; issuer: string; identifier: string } {
  const data = plainBytes(value, "identifier", { maximum: IDENTIFIER_BYTES_MAX });
  const number = data.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const found = data[0] ? IDENTIFIER.exec(number.toString(36).toUpperCase()) : null;
  if (found === null) throw new Malformed("identifier", "mark 1 or 2, and its parts", "another");
  const [, type, issuer, serial, version] = found;
  return {
    type: type ?? GENERIC_TYPE,
    issuer: issuer!,
    identifier: identifierOf([type ?? GENERIC_TYPE_CODE, issuer!, serial!, version!]),
  };
}

function readParts(shown: Plain | undefined, parts: Plain | undefined): Record<
  "salt" | "fileDigest" | "metadataRoot" | "holderCommitment" | "privateDigest",
  Uint8Array
> {
  const bits = plainInteger(shown, "shown", 7);
  const count = SHOWN_BITS.filter((bit) => bits & bit).length;
  const data = plainBytes(parts, "parts", { size: FIXED_BYTES + DIGEST_BYTES * count });
  let at = FIXED_BYTES;
  const [metadataRoot, holderCommitment, privateDigest] = SHOWN_BITS.map((bit) => {
    const start = at;
    at += bits & bit ? DIGEST_BYTES : 0;
    return data.subarray(start, at);
  }) as [Uint8Array, Uint8Array, Uint8Array];
  return {
    salt: data.subarray(0, SALT_BYTES),
    fileDigest: data.subarray(SALT_BYTES, FIXED_BYTES),
    metadataRoot,
    holderCommitment,
    privateDigest,
  };
}

function readValidity(
  from: Plain | undefined,
  to: Plain | undefined,
): { validFrom: number; validTo: number } {
  const [validFrom, validTo] = [plainInteger(from, "valid from"), plainInteger(to, "valid to")];
  const isPeriod = !validTo || (isDate(validTo) && validFrom <= validTo);
  if (!isDate(validFrom) || !isPeriod) {
    throw new Malformed("period", "two days in order, or one and 0", `${validFrom} to ${validTo}`);
  }
  return { validFrom, validTo };
}

// What an import says beside: code system, code, state and since when.
function requireState(fields: readonly Plain[]): void {
  const [system, code] = fields.slice(0, 2).map((one) => {
    const text = plainText(one, "code", CODE_CHARACTERS_MAX);
    if (!text || !isLegalText(text)) throw new Malformed("code", "a legal text", "another");
    return text;
  });
  const state = plainInteger(fields[2], "state", STATES);
  plainInteger(fields[3], "since_ms");
  if (!state || (system === OWN_CODE_SYSTEM && code !== `${state}`)) {
    throw new Malformed("state", "1 to 9, and its own code", `${state}`);
  }
}
