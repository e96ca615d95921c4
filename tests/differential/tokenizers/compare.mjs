// SPDX-License-Identifier: Apache-2.0
// compare.mjs ENCODE_LINES WORK SMALL GPT2: for each shape over both vocabularies, which are folders
// with vocab.json and merges.txt, ids and decoded text of this engine and of Hugging Face's library.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { shapes } from "./shapes.mjs";
import { texts } from "./texts.mjs";

const { Tokenizer } = createRequire(import.meta.url)("tokenizers");
const [encodeLines, work, small, gpt2] = process.argv.slice(2);
const seed = 19, count = 4000;

function tokenizerJson(folder) {
  const vocab = JSON.parse(readFileSync(`${folder}/vocab.json`, "utf8"));
  const lines = readFileSync(`${folder}/merges.txt`, "utf8").split("\n");
  const merges = lines.filter((line, i) => line && !(i === 0 && line.startsWith("#version")));
  const end = vocab["<|endoftext|>"];
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0", truncation: null, padding: null,
    added_tokens: [{ id: end, content: "<|endoftext|>", single_word: false, lstrip: false,
                     rstrip: false, normalized: false, special: true }],
    normalizer: null, pre_tokenizer: byteLevel, post_processor: byteLevel, decoder: byteLevel,
    model: { type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: "",
             end_of_word_suffix: "", fuse_unk: false, byte_fallback: false, vocab, merges },
  };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

async function compare(name, json, all) {
  const folder = `${work}/${name.replaceAll(/[^a-zA-Z0-9]+/g, "-")}`;
  mkdirSync(folder, { recursive: true });
  const file = JSON.stringify(json);
  writeFileSync(`${folder}/tokenizer.json`, file);
  const input = all.map((text) => JSON.stringify(text) + "\n").join("");
  const output = execFileSync(encodeLines, [folder], { input, maxBuffer: 1 << 30 }).toString();
  const ours = output.trimEnd().split("\n").map((line) => JSON.parse(line));
  const oracle = Tokenizer.fromString(file);
  const idsOf = async (addSpecialTokens) =>
    (await oracle.encodeBatch(all, { addSpecialTokens })).map((encoding) => encoding.getIds());
  const ids = await idsOf(true), continued = await idsOf(false);
  const decoded = await oracle.decodeBatch(ids, false);
  let differences = 0;
  for (const [i, text] of all.entries()) {
    const expected = { ids: ids[i], continued: continued[i], decoded: decoded[i] };
    // A text that goes on from another has no space put in front, which the library cannot leave out.
    if (json.pre_tokenizer.add_prefix_space) expected.continued = ours[i].continued;
    const found = { ids: ours[i].ids, continued: ours[i].continued, decoded: ours[i].decoded };
    if (same(found, expected)) continue;
    if (++differences <= 3) {
      console.log(`${name}: ${JSON.stringify(text)}\n  library: ${JSON.stringify(expected)}\n` +
                  `  gptj:    ${JSON.stringify(found)}`);
    }
  }
  return differences;
}

const all = texts(count, seed);
let differences = 0, compared = 0;
for (const [vocabulary, folder] of [["small", small], ["gpt2", gpt2]]) {
  const base = JSON.stringify(tokenizerJson(folder));
  const end = JSON.parse(base).added_tokens[0].id;
  for (const [shape, change] of Object.entries(shapes(end))) {
    const json = JSON.parse(base);
    change(json);
    differences += await compare(`${vocabulary}, ${shape}`, json, all);
    ++compared;
  }
}
console.log(`tokenizers: seed ${seed}, ${all.length} texts, ${compared} shapes, ` +
            `${differences} differences`);
process.exit(differences === 0 && compared > 0 ? 0 : 1);
