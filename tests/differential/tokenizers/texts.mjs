// SPDX-License-Identifier: Apache-2.0
// Texts that are hard on tokenizers, the same ones each time.
import { contents } from "./shapes.mjs";

const scripts = [
  "The quick brown fox", "naïve café Ångström", "Привет, мир", "Καλημέρα κόσμε", "שלום עולם",
  "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好世界", "こんにちは世界", "안녕하세요", "გამარჯობა",
  "Բարեւ", "ሰላም", "ᚠᚢᚦᚨᚱᚲ", "ﷺ ﬁ ﬂ", "𝒜𝓁𝓅𝒽𝒶 𝟘𝟙𝟚", "①②③ Ⅷ ½ ²", "௧௨௩ ١٢٣ １２３", "Ⓐⓑ 🅰🄰",
];
const pieces = [
  "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "’s", "''", "don't", "we'll've", " '", "'\n",
  "0", "42", "3.14", "1,000,000", "0x1F", "2024-01-31", "e\u0301", "a\u0323\u0307", "a\u0307\u0323",
  "\u1112\u1161\u11ab", "\u0344", "\u212b", "\u2126", "\u0958", "\u0f43", "q\u0307\u0323\u0301",
  "👍🏽", "👩‍👩‍👧‍👦", "🇫🇷", "❤️", "🫠", "😀😀", "\u0000", "\u0001", "\u001b[31m", "\u007f", "\u0085",
  "\u00a0", "\u00ad", "\u200b", "\u200c", "\u200d", "\u2028", "\u3000", "\ufeff", "\ufffd", "\u180e",
  "\t", "\n", "\r\n", "\n\n\n", " ", "  ", "     ", " \n ", "\t \t", "\v\f", "_", "__init__", "-",
  "--", "...", "!?", "<", ">", "<|", "|>", "<s>", "<x", "<z>", "<z> ", "<|endoftext|>", "<|endoftext", "word", "x",
  "Word", " the", "abab", "http://a.b/c?d=e&f", "{\"k\": [1, 2]}", "if (a != b) {\n    return;\n}",
  ...contents, ...contents.map((content) => ` ${content}`), ...contents.map((content) => `${content} `),
];

// mulberry32
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Characters that both Unicode tables know: assigned before version 12, which Unicode's blocks do not
// say. Blocks without later additions are drawn from.
const blocks = [[0x20, 0x7e], [0xa0, 0x24f], [0x300, 0x36f], [0x370, 0x52f], [0x5d0, 0x5ea],
                [0x621, 0x65f], [0x904, 0x977], [0xe01, 0xe3a], [0x1100, 0x11ff], [0x1e00, 0x1fff],
                [0x2000, 0x206f], [0x2070, 0x2fff], [0x3041, 0x30ff], [0x4e00, 0x9fa5],
                [0xac00, 0xd7a3], [0xf900, 0xfaff], [0x1d400, 0x1d7ff], [0x1f300, 0x1f64f]];

export function texts(count, seed) {
  const random = generator(seed);
  const below = (n) => Math.floor(random() * n);
  const pick = (list) => list[below(list.length)];
  const character = () => {
    const [first, last] = pick(blocks);
    return String.fromCodePoint(first + below(last - first + 1));
  };
  const part = () => {
    const kind = below(10);
    if (kind < 5) return pick(pieces);
    if (kind < 7) return pick(scripts);
    if (kind < 8) return pick(pick(scripts).split(" "));
    if (kind < 9) return pick([" ", "\n", "\t", "\u3000"]).repeat(below(6));
    return Array.from({ length: 1 + below(5) }, character).join("");
  };
  const made = ["", " ", "\n", ...pieces, ...scripts];
  while (made.length < count) made.push(Array.from({ length: 1 + below(12) }, part).join(""));
  return made;
}
