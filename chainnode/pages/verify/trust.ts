// What a verifier believes before it reads any evidence: one chain, its members, a checkpoint.
// Reads a trust file or a genesis file (docs/wire-format.md §3 and §11), both as hostile bytes.

import { fromBase64, toHex } from "./bytes";
import { InvalidTrust, Malformed, Refusal } from "./errors";
import { type Member, quorumOf } from "./ledger";
import { ORGANISATION_ID, readMembers, requireGroup, requireMember } from "./members";
import {
  decode,
  type Plain,
  plainArray,
  plainBytes,
  plainInteger,
  plainText,
} from "./messagepack";
import {
  asConstant,
  asFields,
  asHex,
  asInteger,
  asText,
  type JsonObject,
  type JsonValue,
  readObject,
} from "./strict_json";
import { type Suite, suiteNamed } from "./suites";

// Smallest and largest value of each parameter.
const PARAMETER_RANGES = {
  batch_bytes_max: [64 * 1024, 2 * 1024 * 1024],
  calls_max: [1, 4096],
  devnet: [0, 1],
  drift_ms: [100, 60_000],
  idle_block_ms: [500, 600_000],
  index_map_bits: [8, 24],
  state_map_bits: [8, 24],
  submission_bytes_max: [16 * 1024, 1024 * 1024 + 512 * 1024],
  validity_ms_max: [10_000, 600_000],
  window: [16, 256],
} as const;
// What a genesis of version 2 has besides, and one of version 3.
const EXCHANGE_RANGES = { match_deadline_ms: [1_000, 30 * 86_400_000], rules: [2, 2] } as const;
const DISPUTE_RANGES = { dispute_deadline_ms: [1_000, 366 * 86_400_000], rules: [3, 3] } as const;
type ParameterName =
  | keyof typeof PARAMETER_RANGES
  | keyof typeof EXCHANGE_RANGES
  | keyof typeof DISPUTE_RANGES;
type Ranges = Readonly<Partial<Record<ParameterName, readonly [number, number]>>>;
// By the version of genesis, which is the rules of the chain.
const RANGES: Readonly<Record<number, Ranges>> = {
  1: PARAMETER_RANGES,
  2: { ...PARAMETER_RANGES, ...EXCHANGE_RANGES },
  3: { ...PARAMETER_RANGES, ...EXCHANGE_RANGES, ...DISPUTE_RANGES },
};
const ORGANISATIONS_MAX = 1024;
const KEYS_MAX = 64;
const ROLES_MAX = 5;
const NEW_VIEW_BYTES_MAX = 3_500_000;
const GENESIS_BYTES_MAX = 4 * 1024 * 1024;

export type Parameters = Readonly<
  Record<keyof typeof PARAMETER_RANGES, number> &
    Partial<Record<keyof typeof EXCHANGE_RANGES | keyof typeof DISPUTE_RANGES, number>>
>;

export interface Trust {
  readonly chainId: Uint8Array;
  readonly suite: Suite;
  readonly parameters: Parameters;
  // For people, in a genesis file alone.
  readonly label: string | null;
  readonly epochs: ReadonlyMap<number, readonly Member[]>;
  // The last height of the epochs that are known to have ended.
  readonly ends: ReadonlyMap<number, number>;
  readonly checkpoint: {
    readonly height: number;
    // null at height 0: the chain id alone is the anchor.
    readonly headerDigest: Uint8Array | null;
    readonly timeMs: number;
  };
}

export function loadTrust(data: Uint8Array): Trust {
  try {
    const document = readObject(data);
    return document.get("format") === "kunlian-genesis"
      ? fromGenesisFile(document)
      : fromTrustFile(document);
  } catch (error) {
    if (error instanceof Refusal) throw new InvalidTrust(error.check, error.expected, error.actual);
    if (error instanceof Malformed) {
      throw new InvalidTrust("genesis", `${error.what} ${error.expected}`, error.actual);
    }
    throw error;
  }
}

function fromTrustFile(document: JsonObject): Trust {
  const fields = asFields(document, "trust file", [
    "format", "version", "chain_id", "suite", "parameters", "epoch", "height", "header_digest",
    "time_ms", "members",
  ]);
  asConstant(fields.format, "format", "kunlian-trust");
  asConstant(fields.version, "version", 1);
  const suite = knownSuite(asText(fields.suite, "suite", 16));
  const epoch = asInteger(fields.epoch, "epoch");
  return {
    chainId: asHex(fields.chain_id, "chain_id", 32),
    suite,
    parameters: jsonParameters(fields.parameters),
    label: null,
    epochs: new Map([[epoch, readMembers(suite, fields.members)]]),
    ends: new Map(),
    checkpoint: {
      height: asInteger(fields.height, "height"),
      headerDigest: asHex(fields.header_digest, "header_digest", 32),
      timeMs: asInteger(fields.time_ms, "time_ms"),
    },
  };
}

function jsonParameters(value: JsonValue): Parameters {
  const ranges = RANGES[value instanceof Map ? rulesNamedBy(value) : 1]!;
  const fields = asFields(value, "parameters", namesOf(ranges));
  return legalParameters(ranges, (name) => asInteger(fields[name], name));
}

// Each rules have a name that those before lack.
function rulesNamedBy(names: JsonObject): number {
  if (names.has("dispute_deadline_ms")) return 3;
  return names.has("rules") ? 2 : 1;
}

function namesOf(ranges: Ranges): ParameterName[] {
  return (Object.keys(ranges) as ParameterName[]).sort();
}

// Only `genesis` counts; the rest of the file is for people.
function fromGenesisFile(document: JsonObject): Trust {
  asConstant(document.get("version") ?? null, "version", 1);
  const text = document.get("genesis");
  const data = typeof text === "string" ? fromBase64(text) : null;
  if (data === null) throw new InvalidTrust("genesis", "base64", "something else");
  const limits = { bytes: GENESIS_BYTES_MAX, depth: 6, elements: 524_288 };
  const wire = plainArray(decode(data, limits), "genesis", { size: 8 });
  const version = genesisVersion(wire);
  const suite = knownSuite(plainText(wire[2], "suite", 16));
  const label = plainText(wire[3], "label", 64);
  const createdMs = plainInteger(wire[4], "created_ms");
  const parameters = plainParameters(wire[5], RANGES[version]!);
  const members = plainArray(wire[6], "replicas").map(plainMember);
  for (const one of members) requireMember(suite, one);
  requireGroup(members);
  requireOrganisations(suite, wire[7], members);
  const shown = newViewBytes(members.length, parameters.window);
  if (!label || shown > NEW_VIEW_BYTES_MAX) {
    throw new InvalidTrust("genesis", "a label, and a window that fits into a frame", "others");
  }
  return {
    chainId: suite.digest(data),
    suite,
    parameters,
    label,
    epochs: new Map([[0, members]]),
    ends: new Map(),
    checkpoint: { height: 0, headerDigest: null, timeMs: createdMs },
  };
}

// A NEW-VIEW of the group: a quorum of wishes, each with certificates for two windows.
function newViewBytes(size: number, window: number): number {
  const quorum = quorumOf(size);
  return quorum * 2 * window * (quorum * 70 + 90);
}

function genesisVersion(wire: readonly Plain[]): number {
  const version = plainInteger(wire[1], "genesis version");
  if (wire[0] !== "kun.genesis" || RANGES[version] === undefined) {
    throw new InvalidTrust("genesis", "kun.genesis 1 to 3", "another tag or version");
  }
  return version;
}

function plainParameters(value: Plain | undefined, ranges: Ranges): Parameters {
  const expected = namesOf(ranges);
  const rows = plainArray(value, "parameters").map((row) =>
    plainArray(row, "parameter", { size: 2 }),
  );
  const names = rows.map((row) => plainText(row[0], "parameter name", 64));
  if (names.join() !== expected.join()) {
    throw new InvalidTrust("parameters", expected.join(", "), "other names");
  }
  const values = new Map(rows.map((row, at) => [names[at]!, plainInteger(row[1], names[at]!)]));
  return legalParameters(ranges, (name) => values.get(name)!);
}

function legalParameters(
  ranges: Ranges,
  valueOf: (name: ParameterName) => number,
): Parameters {
  const names = namesOf(ranges);
  const found = Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<
    ParameterName,
    number
  >;
  for (const name of names) {
    const [low, high] = ranges[name]!;
    const isOdd = name.endsWith("_bits") && found[name] % 2 === 1;
    if (!(low <= found[name] && found[name] <= high) || isOdd) {
      throw new InvalidTrust("parameters", `${name} legal, ${low} to ${high}`, `${found[name]}`);
    }
  }
  return found;
}

function plainMember(value: Plain): Member {
  const row = plainArray(value, "replica", { size: 3 });
  return {
    replicaId: plainInteger(row[0], "replica id"),
    organisation: plainText(row[1], "organisation id", 32),
    voteKey: plainBytes(row[2], "vote key", { maximum: 64 }),
  };
}

function requireOrganisations(
  suite: Suite,
  value: Plain | undefined,
  members: readonly Member[],
): void {
  const ids: string[] = [];
  const keys: string[] = [];
  for (const row of plainArray(value, "organisations")) {
    const parts = plainArray(row, "organisation", { size: 4 });
    const id = plainText(parts[0], "organisation id", 32);
    requireOrganisationId(id);
    if (!plainText(parts[1], "organisation name", 64)) {
      throw new InvalidTrust("organisation", "a name", "none");
    }
    const roles = legalRoles(parts[2], [1, 2, 3, 4, ROLES_MAX]);
    ids.push(id);
    for (const key of plainArray(parts[3], "keys", { maximum: KEYS_MAX })) {
      keys.push(organisationKey(suite, key, roles));
    }
  }
  const areAscending = ids.every((id, at) => at === 0 || ids[at - 1]! < id);
  const areKnown = members.every((one) => ids.includes(one.organisation));
  const areDistinct = new Set(keys).size === keys.length;
  const isBounded = 1 <= ids.length && ids.length <= ORGANISATIONS_MAX;
  if (!areAscending || !areKnown || !areDistinct || !isBounded) {
    throw new InvalidTrust("organisations", "ascending, distinct, those of the replicas", "others");
  }
}

function organisationKey(suite: Suite, value: Plain, roles: readonly number[]): string {
  const parts = plainArray(value, "key", { size: 4 });
  const key = plainBytes(parts[0], "public key", { maximum: 64 });
  legalRoles(parts[1], roles);
  plainInteger(parts[2], "valid_from_ms");
  plainInteger(parts[3], "valid_to_ms");
  requireKey(suite, key);
  return toHex(key);
}

function legalRoles(value: Plain | undefined, allowed: readonly number[]): number[] {
  const roles = plainArray(value, "roles").map((role) => plainInteger(role, "role"));
  if (roles.some((role, at) => !allowed.includes(role) || (at > 0 && roles[at - 1]! >= role))) {
    throw new InvalidTrust("roles", `ascending, out of ${allowed.join(", ")}`, roles.join(", "));
  }
  return roles;
}

function requireOrganisationId(id: string): void {
  if (!ORGANISATION_ID.test(id)) {
    throw new InvalidTrust("organisation", "2 to 32 of A–Z 0–9 -", `${id.length} characters`);
  }
}

function requireKey(suite: Suite, key: Uint8Array): void {
  if (!suite.isKey(key)) {
    throw new InvalidTrust("key", `a key of suite ${suite.name}`, `${key.length} other bytes`);
  }
}

function knownSuite(name: string): Suite {
  const suite = suiteNamed(name);
  if (suite === null) throw new InvalidTrust("suite", "sm or intl", "another one");
  return suite;
}
