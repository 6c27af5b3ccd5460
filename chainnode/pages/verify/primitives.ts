// The cryptography and the encoding by themselves, in hexadecimal: so that published vectors and
// awkward inputs can be tried on exactly the code that verifies.

import { fromHex, toHex, toUtf8 } from "./bytes";
import { Malformed } from "./errors";
import { isLegalText } from "./legal_text";
import { decode } from "./messagepack";
import { spokenCode } from "./spoken";
import { type Suite, suiteNamed } from "./suites";
import { loadTrust } from "./trust";

export const primitives = Object.freeze({
  digest: (name: string, data: string): string => toHex(suite(name).digest(bytes(data))),
  isKey: (name: string, key: string): boolean => suite(name).isKey(bytes(key)),
  isSignature: (name: string, key: string, content: string, signature: string): boolean =>
    suite(name).verify(bytes(key), bytes(signature), bytes(content)),
  spokenCode: (file: string): string => spokenCode(loadTrust(toUtf8(file))),
  isLegalText: (text: string): boolean => isLegalText(text),
  isCanonical: (data: string): boolean => {
    try {
      decode(bytes(data), { bytes: 1 << 20, depth: 8, elements: 65_536 });
      return true;
    } catch (error) {
      if (error instanceof Malformed) return false;
      throw error;
    }
  },
});

function suite(name: string): Suite {
  const found = suiteNamed(name);
  if (found === null) throw new TypeError(`no suite ${name}`);
  return found;
}

function bytes(hex: string): Uint8Array {
  const data = fromHex(hex);
  if (data === null) throw new TypeError("expected lower-case hexadecimal");
  return data;
}
