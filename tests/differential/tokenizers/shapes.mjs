// SPDX-License-Identifier: Apache-2.0
// Every kind of tokenizer.json that opens, over one vocabulary.

const spellings = [
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s`,
];

const byteLevel = (options) =>
  ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true, ...options });

const split = (regex, behavior, invert, use_regex) => ({
  type: "Sequence",
  pretokenizers: [{ type: "Split", pattern: { Regex: regex }, behavior, invert },
                  byteLevel({ use_regex })],
});

const text = { Sequence: { id: "A", type_id: 0 } };
const special = { SpecialToken: { id: "<e>", type_id: 0 } };
const template = (single, ids) => ({
  type: "TemplateProcessing", single, pair: [text, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: { "<e>": { id: "<e>", ids, tokens: ids.map(() => "<e>") } },
});

const nfc = { type: "NFC" };

// Added tokens of all kinds; ids follow on, as the library gives them out.
const added = (contents, options) => (json) => {
  let id = 1 + Math.max(...Object.values(json.model.vocab), ...json.added_tokens.map((t) => t.id));
  for (const content of contents) {
    if (content in json.model.vocab) throw new Error(`${content} has an id`);
    json.added_tokens.push({ id: id++, content, single_word: false, lstrip: false, rstrip: false,
                             normalized: false, special: false, ...options });
  }
};

export const contents = ["<|im_end|>", "\n<|im_end|>", "<x>", "<x><y>", "naïve café", "qzqzq",
                         "e\u0301 <z>", "<z>  "];

const also = (...changes) => (json) => changes.forEach((change) => change(json));
const set = (key, value) => (json) => { json[key] = value; };

export function shapes(end) {
  const [raw, normal] = [{ normalized: false }, { normalized: true }];
  return {
    plain: () => {},
    ...Object.fromEntries(spellings.map((regex, i) =>
      [`split ${i}`, set("pre_tokenizer", split(regex, "Isolated", false, false))])),
    "split, and its regex again":
      set("pre_tokenizer", split(spellings[0], "Isolated", false, true)),
    "split inverted": set("pre_tokenizer", split(spellings[0], "Removed", true, false)),
    "split isolated and inverted": set("pre_tokenizer", split(spellings[0], "Isolated", true, false)),
    "sequence of ByteLevel":
      set("pre_tokenizer", { type: "Sequence", pretokenizers: [byteLevel({})] }),
    "prefix space": set("pre_tokenizer", byteLevel({ add_prefix_space: true })),
    "NFC": set("normalizer", nfc),
    "sequence of NFC": set("normalizer", { type: "Sequence", normalizers: [nfc, nfc] }),
    "empty sequence": set("normalizer", { type: "Sequence", normalizers: [] }),
    "NFC and prefix space":
      also(set("normalizer", nfc), set("pre_tokenizer", byteLevel({ add_prefix_space: true }))),
    "no post_processor": set("post_processor", null),
    "template of the text alone": set("post_processor", template([text], [end])),
    "template, front": set("post_processor", template([special, text], [end])),
    "template, behind": set("post_processor", template([text, special], [end, 9])),
    "ByteLevel and template": set("post_processor",
      { type: "Sequence", processors: [byteLevel({}), template([special, text, special], [end])] }),
    "Roberta": set("post_processor", { type: "RobertaProcessing", sep: ["a", 9], cls: ["b", end],
                                       trim_offsets: true, add_prefix_space: true }),
    "Bert": set("post_processor", { type: "BertProcessing", sep: ["a", 9], cls: ["b", end] }),
    "added, raw": added(contents, raw),
    "added, normalized": added(contents, normal),
    "added, special": added(contents, { special: true }),
    "added, both passes": also(added([contents[0]], raw), added([contents[1]], normal),
                               added([contents[2]], normal), added([contents[3]], raw)),
    "added, lstrip": added(contents, { lstrip: true }),
    "added, rstrip": added(contents, { rstrip: true }),
    "added, both strips": added(contents, { lstrip: true, rstrip: true, normalized: true }),
    "added, single_word": added(contents, { single_word: true }),
    "added, single_word and strips":
      added(contents, { single_word: true, lstrip: true, rstrip: true }),
    "added, NFC, raw": also(set("normalizer", nfc), added(contents, raw)),
    "added, NFC, normalized": also(set("normalizer", nfc), added(contents, normal)),
    "added, NFC, both passes, prefix space, strips": also(
      set("normalizer", nfc), set("pre_tokenizer", byteLevel({ add_prefix_space: true })),
      added(contents.slice(0, 4), { lstrip: true }), added(contents.slice(4), { normalized: true, rstrip: true })),
    "added, spelled otherwise in the vocabulary": added([" the", "\n\n\n", " x"], normal),
    "added, of the vocabulary": (json) => {
      for (const content of ["the", "Ġthe", "x"]) {
        json.added_tokens.push({ id: json.model.vocab[content], content, single_word: false,
                                 lstrip: true, rstrip: false, normalized: false, special: false });
      }
    },
    "added whitespace": also(added(["   ", "\t\t"], raw), added(["<s>"], { rstrip: true })),
    "ignore_merges": (json) => { json.model.ignore_merges = true; },
    "settings of no effect": (json) => {
      Object.assign(json.model, { unk_token: "!", fuse_unk: true, byte_fallback: true });
      json.model.dropout = 0.0;
    },
    "merges as pairs": (json) => { json.model.merges = json.model.merges.map((m) => m.split(" ")); },
  };
}
