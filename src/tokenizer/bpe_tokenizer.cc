// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe_tokenizer.h"

#include <cstdio>

#include "base/check.h"
#include "base/fingerprint.h"
#include "tokenizer/bpe.h"
#include "tokenizer/bytes.h"
#include "tokenizer/split.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

// Adds the vocabulary and returns the names with characters outside the byte alphabet. As in
// Hugging Face, such a name stands for itself. These names are added last, so that find() prefers a
// token of the byte alphabet with the same bytes.
std::unordered_map<std::string, TokenId> add_vocabulary(const TokenizerParts& parts,
                                                        Vocabulary& vocabulary) {
  std::vector<const VocabularyEntry*> odd;
  for (const VocabularyEntry& entry : parts.vocabulary) {
    if (auto bytes = bytes_of_name(entry.name)) {
      vocabulary.add(entry.id, *std::move(bytes), parts.vocabulary_name);
    } else {
      odd.push_back(&entry);
    }
  }
  std::unordered_map<std::string, TokenId> odd_names;
  for (const VocabularyEntry* entry : odd) {
    vocabulary.add(entry->id, entry->name, parts.vocabulary_name);
    odd_names.emplace(entry->name, entry->id);
  }
  return odd_names;
}

TokenId id_of_byte(int byte, const Vocabulary& vocabulary, const std::string& where) {
  const auto id = vocabulary.find(std::string(1, static_cast<char>(byte)));
  if (!id) {
    char hex[8];
    std::snprintf(hex, sizeof hex, "0x%02X", static_cast<unsigned>(byte));
    fail(ErrorCode::kBadFile, concat(where, ": no token for byte ", hex,
                                     "; expected GPT-2's byte-level BPE, which has all 256"));
  }
  return *id;
}

// A part of a merge: the bytes that it spells and its id.
struct Part {
  std::string bytes;
  TokenId id;
};

[[noreturn]] void refuse_merge(const MergeRule& merge, const char* part,
                               const TokenizerParts& parts) {
  fail(ErrorCode::kBadFile,
       concat(parts.merges_name, " ", merge.place, ": the ", part, " of merge ", quote(merge.left),
              " + ", quote(merge.right), " is not in ", parts.vocabulary_name));
}

std::optional<Part> find_part(const std::string& name, const Vocabulary& vocabulary) {
  const auto bytes = bytes_of_name(name);
  const auto id = bytes ? vocabulary.find(*bytes) : std::nullopt;
  return id ? std::optional(Part{*bytes, *id}) : std::nullopt;
}

void add_merge(const MergeRule& merge, uint32_t rank, const Vocabulary& vocabulary,
               const TokenizerParts& parts, MergeTable& merges) {
  const auto left = find_part(merge.left, vocabulary);
  if (!left) refuse_merge(merge, "left part", parts);
  const auto right = find_part(merge.right, vocabulary);
  if (!right) refuse_merge(merge, "right part", parts);
  const auto result = vocabulary.find(left->bytes + right->bytes);
  if (!result) refuse_merge(merge, "result", parts);
  merges.insert(left->id, right->id, {rank, static_cast<uint32_t>(*result)});
}

void add_merges_to(Fingerprint& all, const TokenizerParts& parts) {
  for (const MergeRule& rule : parts.merges) {
    all.add(rule.left);
    all.add(rule.right);
  }
}

uint64_t fingerprint_of_rules(const TokenizerParts& parts) {
  Fingerprint all;
  add_merges_to(all, parts);
  all.add(uint64_t{parts.ignore_merges});
  return all.value();
}

uint64_t fingerprint_of(const TokenizerParts& parts) {
  Fingerprint all;
  for (const VocabularyEntry& entry : parts.vocabulary) {
    all.add(entry.name);
    all.add(static_cast<uint64_t>(entry.id));
  }
  add_merges_to(all, parts);
  add_to_fingerprint(parts, all);
  all.add(uint64_t{parts.ignore_merges});
  return all.value();
}

// Adds GPT-2's end token as a special token, because GPT-2's own files do not say that it is
// special.
TokenizerParts with_end_of_text(TokenizerParts parts) {
  AddedToken end_of_text;
  end_of_text.content = "<|endoftext|>";
  end_of_text.special = true;
  end_of_text.implied = true;
  parts.added.push_back(end_of_text);
  return parts;
}

}  // namespace

BpeTokenizer::BpeTokenizer(const TokenizerParts& parts)
    : merges(parts.merges.size()), ignore_merges(parts.ignore_merges) {
  fingerprint = fingerprint_of(parts);
  rules = fingerprint_of_rules(parts);
  odd_names_ = add_vocabulary(parts, vocabulary);
  for (int byte = 0; byte < 256; ++byte) {
    byte_ids[static_cast<size_t>(byte)] = id_of_byte(byte, vocabulary, parts.vocabulary_name);
  }
  for (uint32_t rank = 0; rank < parts.merges.size(); ++rank) {
    add_merge(parts.merges[rank], rank, vocabulary, parts, merges);
  }
  take_rules(with_end_of_text(parts));
}

std::optional<TokenId> BpeTokenizer::id_of_name(std::string_view name) const {
  if (const auto bytes = bytes_of_name(name)) return vocabulary.find(*bytes);
  const auto odd = odd_names_.find(std::string(name));
  return odd == odd_names_.end() ? std::nullopt : std::optional(odd->second);
}

void BpeTokenizer::append_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (ignore_merges) {
    if (const auto id = vocabulary.find(word)) {
      ids.push_back(*id);
      return;
    }
  }
  const size_t start = ids.size();
  for (const char byte : word) ids.push_back(byte_ids[static_cast<unsigned char>(byte)]);
  ids.resize(start + merge_word(merges, std::span(ids).subspan(start)));
}

void BpeTokenizer::append_text(std::string_view text, std::vector<TokenId>& ids) const {
  while (!text.empty()) {
    const size_t length = first_word_length(text);
    append_word(text.substr(0, length), ids);
    text.remove_prefix(length);
  }
}

}  // namespace gptj
