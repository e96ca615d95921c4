// SPDX-License-Identifier: Apache-2.0
#include "gptj/tokenizer.h"

#include "base/check.h"
#include "tokenizer/bpe.h"
#include "tokenizer/split.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj {
namespace {

void append_word(const TokenizerData& data, std::string_view word, std::vector<TokenId>& ids) {
  if (data.ignore_merges) {
    if (const auto id = data.vocabulary.find(word)) {
      ids.push_back(*id);
      return;
    }
  }
  const size_t start = ids.size();
  for (const char byte : word) ids.push_back(data.byte_ids[static_cast<unsigned char>(byte)]);
  ids.resize(start + merge_word(data.merges, std::span(ids).subspan(start)));
}

void append_text(const TokenizerData& data, std::string_view text, std::vector<TokenId>& ids) {
  while (!text.empty()) {
    const size_t length = first_word_length(text);
    append_word(data, text.substr(0, length), ids);
    text.remove_prefix(length);
  }
}

}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerData> data) : data_(std::move(data)) {}

Tokenizer Tokenizer::load(const std::string& folder) {
  return make_tokenizer(read_tokenizer_files(folder));
}

std::vector<TokenId> Tokenizer::encode(std::string_view bytes, const EncodeOptions& options) const {
  std::vector<TokenId> ids;
  while (!options.plain) {
    const auto found = data_->added.find_first(bytes);
    if (!found) break;
    append_text(*data_, bytes.substr(0, found->begin), ids);
    ids.push_back(found->id);
    bytes.remove_prefix(found->end);
  }
  append_text(*data_, bytes, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += token_bytes(id);
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
