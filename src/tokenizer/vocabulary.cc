// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/vocabulary.h"

#include "base/check.h"
#include "tokenizer/bytes.h"
#include "tokenizer/utf8.h"

namespace gptj {

void Vocabulary::add(TokenId id, std::string bytes, const std::string& where) {
  add_hidden(id, std::move(bytes), where);
  by_bytes_.emplace(tokens_[at(id)].bytes, id);
}

void Vocabulary::add_hidden(TokenId id, std::string bytes, const std::string& where) {
  if (id >= size()) tokens_.resize(at(id) + 1);
  Token& token = tokens_[at(id)];
  if (token.named)
    fail(ErrorCode::kBadFile,
         concat(where, ": two tokens have id ", id, ": ", quote(name_of_bytes(token.bytes)),
                " and ", quote(name_of_bytes(bytes))));
  token.bytes = std::move(bytes);
  token.named = true;
}

std::optional<TokenId> Vocabulary::find(std::string_view bytes) const {
  const auto found = by_bytes_.find(bytes);
  return found == by_bytes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gptj
