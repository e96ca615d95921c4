// SPDX-License-Identifier: Apache-2.0
#include "gptj/tokenizer.h"

#include "base/check.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj {
Tokenizer::Tokenizer(std::shared_ptr<const TokenizerData> data) : data_(std::move(data)) {}

Tokenizer Tokenizer::load(const std::string& folder, const TokenizerWarning& on_warning) {
  return make_tokenizer(read_tokenizer_files(folder), on_warning);
}

std::vector<TokenId> Tokenizer::encode(std::string_view bytes, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  const bool around = !options.plain && !options.continues;
  if (around) ids = data_->front;
  data_->append(bytes, options, ids);
  if (around) ids.insert(ids.end(), data_->back.begin(), data_->back.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string bytes;
  bool at_begin = data_->begins_with_space;
  for (const TokenId id : ids) {
    std::string_view token = token_bytes(id);
    if (at_begin && token.starts_with(' ')) token.remove_prefix(1);
    at_begin = at_begin && is_special(id);
    bytes += token;
  }
  return bytes;
}

bool Tokenizer::has(TokenId id) const { return data_->vocabulary.has(id); }

std::string_view Tokenizer::token_bytes(TokenId id) const {
  check(has(id), ErrorCode::kInvalidArgument, "token id ", id,
        ": the tokenizer has no token with this id; its ids lie below ", size());
  return data_->vocabulary.bytes(id);
}

bool Tokenizer::is_special(TokenId id) const { return data_->vocabulary.is_special(id); }

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  const auto added = data_->added.find(token);
  return added ? added : data_->vocabulary.find(token);
}

int64_t Tokenizer::size() const { return data_->vocabulary.size(); }

uint64_t Tokenizer::fingerprint() const { return data_->fingerprint; }

}  // namespace gptj
