// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_data.h"

#include <memory>

#include "base/check.h"
#include "base/fingerprint.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/normalize.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

using Pass = AddedTokens::Pass;

std::optional<TokenId> known_id(std::string_view content, const TokenizerData& data) {
  const auto added = data.added.find(content);
  return added ? added : data.id_of_name(content);
}

// Merges two entries of one content. As in transformers, a token of added_tokens_decoder changes
// how the same token of a tokenizer.json is matched, but not the pass that looks for a special one.
void merge_into(AddedToken& first, const AddedToken& second) {
  const bool overrides = second.overrides && first.says_flags;
  if (overrides || (second.says_flags && !first.says_flags)) {
    first.lstrip = second.lstrip;
    first.rstrip = second.rstrip;
    first.single_word = second.single_word;
  }
  if (!first.normalized) {
    first.normalized = second.normalized;
  } else if (overrides && !first.special && second.normalized) {
    first.normalized = *first.normalized && *second.normalized;
  }
  first.says_flags = first.says_flags || second.says_flags;
  first.special = first.special || second.special;
}

// Returns the pieces into which the tokenizer cuts `text` at added tokens.
std::vector<AddedTokens::Piece> pieces_of(std::string_view text, const AddedTokens& added) {
  std::vector<AddedTokens::Piece> all;
  for (const auto& piece : added.split(Pass::kRaw, text)) {
    if (piece.id) {
      all.push_back(piece);
    } else {
      for (const auto& inner : added.split(Pass::kNormalized, piece.text)) all.push_back(inner);
    }
  }
  return all;
}

}  // namespace

std::vector<AddedToken> TokenizerData::merge_added(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> merged;
  std::unordered_map<std::string, size_t> places;  // in `merged`, by content
  for (const AddedToken& token : tokens) {
    check(!token.content.empty(), ErrorCode::kBadFile, token.where, ": an added token is empty");
    const auto place = places.find(token.content);
    const bool is_new = place == places.end();
    const auto known = is_new ? known_id(token.content, *this) : merged[place->second].id;
    if (!known && !token.id) {
      if (!token.implied) {
        warnings.push_back(concat(token.where, ": ", quote(token.content),
                                  " has no id in any file: it is ordinary text"));
      }
      continue;
    }
    const TokenId id = token.id.value_or(known.value_or(0));
    check(!known || *known == id, ErrorCode::kBadFile, token.where, ": ", quote(token.content),
          " has id ", id, ", but id ", known.value_or(0), " elsewhere");
    if (is_new) {
      places.emplace(token.content, merged.size());
      merged.push_back(token);
      merged.back().id = id;
    } else {
      merge_into(merged[place->second], token);
    }
  }
  return merged;
}

void TokenizerData::add_around(const TokenizerParts& parts) {
  const auto id_of = [&](const std::string& content, const std::string& where) {
    const std::string name = content.empty() ? "<|endoftext|>" : content;  // GPT-2's default
    const auto id = known_id(name, *this);
    check(id.has_value(), ErrorCode::kBadFile, where, ": the tokenizer has no token ", quote(name));
    return *id;
  };
  front = parts.front;
  back = parts.back;
  if (!parts.add_bos_name.empty()) front = {id_of(parts.bos_token, parts.add_bos_name)};
  if (!parts.add_eos_name.empty()) back = {id_of(parts.eos_token, parts.add_eos_name)};
  for (const auto* ids : {&front, &back}) {
    for (const TokenId id : *ids) {
      check(vocabulary.has(id), ErrorCode::kBadFile, parts.around_name, ": token id ", id,
            ": the tokenizer has no token with this id");
    }
  }
}

void TokenizerData::take_rules(const TokenizerParts& parts) {
  warnings.insert(warnings.begin(), parts.warnings.begin(), parts.warnings.end());
  nfc = parts.nfc;
  prefix_space = parts.prefix_space;
  for (const AddedToken& token : merge_added(parts.added)) {
    const bool normalized = token.normalized.value_or(!token.special);
    const std::string text = normalized && nfc ? to_nfc(token.content) : token.content;
    if (!known_id(token.content, *this)) vocabulary.add_hidden(*token.id, text, token.where);
    added.add(token.content, normalized ? Pass::kNormalized : Pass::kRaw, text,
              {*token.id, token.lstrip, token.rstrip, token.single_word}, token.where);
    if (token.special) vocabulary.set_special(*token.id);
  }
  add_around(parts);
}

void TokenizerData::append_spaced(std::string_view text, bool spaced,
                                  std::vector<TokenId>& ids) const {
  if (spaced && !text.starts_with(' ')) {
    append_text(concat(" ", text), ids);
  } else {
    append_text(text, ids);
  }
}

// Appends the ids of a text in which the first pass found no token.
void TokenizerData::append_pieces(std::string_view text, bool spaced,
                                  std::vector<TokenId>& ids) const {
  for (const auto& [part, id] : added.split(Pass::kNormalized, text)) {
    if (id) {
      ids.push_back(*id);
    } else {
      append_spaced(part, spaced, ids);
    }
    spaced = prefix_space;
  }
}

void TokenizerData::append(std::string_view text, const EncodeOptions& options,
                           std::vector<TokenId>& ids) const {
  const auto normalized = [&](std::string_view part, auto append_part) {
    nfc ? append_part(to_nfc(part)) : append_part(part);
  };
  bool spaced = prefix_space && !options.continues;
  if (options.plain) {
    if (text.empty()) return;
    normalized(text, [&](std::string_view part) { append_spaced(part, spaced, ids); });
    return;
  }
  for (const auto& [part, id] : added.split(Pass::kRaw, text)) {
    if (id) {
      ids.push_back(*id);
    } else {
      normalized(part, [&](std::string_view whole) { append_pieces(whole, spaced, ids); });
    }
    spaced = prefix_space;
  }
}

void add_to_fingerprint(const TokenizerParts& parts, Fingerprint& all) {
  for (const AddedToken& token : parts.added) {
    all.add(token.content);
    all.add(static_cast<uint64_t>(token.id.value_or(-1)));
    all.add(uint64_t{token.special} | uint64_t{token.lstrip} << 1 | uint64_t{token.rstrip} << 2 |
            uint64_t{token.single_word} << 3 |
            uint64_t{token.normalized ? *token.normalized + 1u : 0u} << 4);
  }
  all.add(uint64_t{parts.nfc} | uint64_t{parts.prefix_space} << 1 |
          uint64_t{!parts.add_bos_name.empty()} << 2 | uint64_t{!parts.add_eos_name.empty()} << 3);
  for (const TokenId id : parts.front) all.add(static_cast<uint64_t>(id));
  all.add(uint64_t{parts.front.size()});
  for (const TokenId id : parts.back) all.add(static_cast<uint64_t>(id));
}

bool are_alike(const TokenizerData& a, const TokenizerData& b) {
  const Vocabulary &ours = a.vocabulary, &theirs = b.vocabulary;
  if (a.rules != b.rules || ours.size() != theirs.size()) return false;
  if (a.nfc != b.nfc || a.prefix_space != b.prefix_space) return false;
  if (a.front != b.front || a.back != b.back) return false;
  for (TokenId id = 0; id < ours.size(); ++id) {
    if (ours.has(id) != theirs.has(id)) return false;
    if (!ours.has(id)) continue;
    if (ours.bytes(id) != theirs.bytes(id)) return false;
    // The space shows lstrip and rstrip, the letter shows single_word.
    for (const char* beside : {" ", "a"}) {
      const std::string text = concat(beside, ours.bytes(id), beside);
      if (pieces_of(text, a.added) != pieces_of(text, b.added)) return false;
    }
  }
  return true;
}

Tokenizer make_tokenizer(const TokenizerFiles& files, const TokenizerWarning& warn) {
  const TokenizerParts parts = read_tokenizer_parts(files);
  std::shared_ptr<const TokenizerData> data;
  if (parts.sentencepiece.empty()) {
    data = std::make_shared<const BpeTokenizer>(parts);
  } else {
    data = make_sentencepiece_tokenizer(parts);
  }
  for (const std::string& warning : data->warnings) {
    if (warn) warn(warning);
  }
  return Tokenizer(data);
}

}  // namespace gptj
