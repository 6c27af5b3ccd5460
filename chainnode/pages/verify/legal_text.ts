// Which texts may stand in a public part, as contracts/schemas/text.py: characters that Unicode 3.2
// calls letter, mark, number, punctuation or symbol, unified ideographs of later versions, single
// blanks between them; and NFC, which nothing later changes for any of these.

// How many code points in a row are not allowed, then allowed, and so on, in base 36; A, B and C
// stand before two, three and four digits. Browsers differ in what they know of later versions.
const RUNS =
  "xA2myAao1isA2m2A1rhA28gg42413157111k1A181A139A3r1A1z1A12226gxA12271A13126h1n1abr55n1e1311q5m" +
  "aA3h1g2f1e2t3rA1hA1eA9b31A1h2i253pg318222m171134211722239142152l7126422m1712121221154223b411" +
  "7fc31711131m1712152a131321f15ah318222m1712242832238242134bh21633143211123233381345331491fce3" +
  "18131n1a1547131472924ai218131n1a154713147271124ai218131n1g46231491824ai21i3o19112731461118i3" +
  "cA1m4tA112112211216417131111221d132511162a22yA201y6r481A101f21A1cy151217346qA1yA12aA15214A2i" +
  "5A1w5A2a671A1r11142711142A1311142v111427111427171n1v1114271A131j6szA2dcAhias3A29fd17bn9kcd13" +
  "12cA2l3ame2a6A2g8A16B11yA4c4A2i6m262A1226281111111v2A1h1f1e261j2319ho8z41o22rhiurlA1n2f7A1dc" +
  "AfzA1dA13pblA4f1A7o221A2t2aA3b4142s1z111431172A1g3o1ehs4AlsAowq1A2hcA5yqc5A1r1A2e2A2v5A144A2" +
  "m1A14A1kA193A10dA173A254A1b1A3b4A2r2v1B534A1sBh3h3A1jB1fdB8mcB6l8A8e2A1nA457c55q151112121A30" +
  "xAa5gA1s2A1iA14d3gg4cn2a1j14451A3r4A5a362626233717d2Alev14crA51A122A12C148iA6uaA133A218A2rAf" +
  "6A2d1A1z122122241c1114121A1t1428171s141511371A9e4A824A1eB7wgBwyowBdm8B2dsAf2B15uB71s";

const EDGES: readonly number[] = edges();

export function isLegalText(text: string): boolean {
  const all = [...text];
  return (
    all.every((one, at) => isVisible(one) || isInnerBlank(all, at)) && text.normalize("NFC") === text
  );
}

function isVisible(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  let [low, high] = [0, EDGES.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (EDGES[middle]! <= code) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}

function isInnerBlank(all: readonly string[], at: number): boolean {
  return all[at] === " " && 0 < at && at < all.length - 1 && all[at - 1] !== " ";
}

function edges(): number[] {
  let at = 0;
  return [...RUNS.matchAll(/A(..)|B(...)|C(....)|(.)/g)].map((found) => {
    const digits = found.slice(1).find((one) => one !== undefined) ?? "";
    return (at += Number.parseInt(digits, 36));
  });
}
