// 证照标识: is this text one, and which one do four parts make? (docs/contracts.md; ISO 7064 MOD
// 37,36 over the four parts joined.)

const ROOT = "1.2.156.3005.2";
const SHAPE =
  /^1\.2\.156\.3005\.2\.([0-9A-Z]{18}[0-9]{3})\.([0-9A-Z]{18})\.([0-9A-Z]{1,32})\.([0-9]{3})\.([0-9A-Z])$/;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const MODULUS = ALPHABET.length;

export function isIdentifier(text: string): boolean {
  const found = SHAPE.exec(text);
  return found !== null && checkCharacter(found.slice(1, 5).join("")) === found[5];
}

// The text of type, issuer, serial and version, each of its shape.
export function identifierOf(parts: readonly [string, string, string, string]): string {
  return [ROOT, ...parts, checkCharacter(parts.join(""))].join(".");
}

function checkCharacter(payload: string): string {
  let carry = MODULUS;
  for (const character of payload) {
    carry = (carry + ALPHABET.indexOf(character)) % MODULUS || MODULUS;
    carry = (carry * 2) % (MODULUS + 1);
  }
  return ALPHABET[(MODULUS + 1 - carry) % MODULUS]!;
}
