// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_data.h"

#include <memory>

#include "base/check.h"
#include "base/fingerprint.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/utf8.h"

namespace gptj {
namespace {

std::optional<TokenId> known_id(std::string_view content, const TokenizerData& data) {
  const auto added = data.added.find(content);
  return added ? added : data.vocabulary.find(content);
}

}  // namespace

void TokenizerData::add_added(const AddedToken& token) {
  check(!token.content.empty(), ErrorCode::kBadFile, token.where, ": an added token is empty");
  const auto known = known_id(token.content, *this);
  if (!known && !token.id) return;  // said to be special, but there is no such token
  const TokenId id = token.id.value_or(known.value_or(0));
  check(!known || *known == id, ErrorCode::kBadFile, token.where, ": ", quote(token.content),
        " has id ", id, ", but id ", known.value_or(0), " elsewhere");
  if (!known) vocabulary.add_hidden(id, token.content, token.where);
  added.add(token.content, id, token.lstrip, token.rstrip, token.where);
  if (token.special) vocabulary.set_special(id);
}

void add_to_fingerprint(const std::vector<AddedToken>& added, Fingerprint& all) {
  for (const AddedToken& token : added) {
    all.add(token.content);
    all.add(static_cast<uint64_t>(token.id.value_or(-1)));
    all.add(uint64_t{token.special} | uint64_t{token.lstrip} << 1 | uint64_t{token.rstrip} << 2);
  }
}

bool are_alike(const TokenizerData& a, const TokenizerData& b) {
  const Vocabulary &ours = a.vocabulary, &theirs = b.vocabulary;
  if (a.rules != b.rules || ours.size() != theirs.size()) return false;
  for (TokenId id = 0; id < ours.size(); ++id) {
    if (ours.has(id) != theirs.has(id)) return false;
    if (!ours.has(id)) continue;
    const std::string spaced = concat(" ", ours.bytes(id), " ");  // for lstrip and rstrip
    if (ours.bytes(id) != theirs.bytes(id)) return false;
    if (a.added.find_first(spaced) != b.added.find_first(spaced)) return false;
  }
  return true;
}

Tokenizer make_tokenizer(const TokenizerFiles& files) {
  const TokenizerParts parts = read_tokenizer_parts(files);
  if (parts.sentencepiece.empty()) return Tokenizer(std::make_shared<const BpeTokenizer>(parts));
  return Tokenizer(make_sentencepiece_tokenizer(parts));
}

}  // namespace gptj
