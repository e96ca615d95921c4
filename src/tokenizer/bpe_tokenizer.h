// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/merge_table.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj {

// GPT-2's byte-level BPE.
struct BpeTokenizer : TokenizerData {
  // Builds the tokenizer. Throws kBadFile if the parts do not fit together.
  explicit BpeTokenizer(const TokenizerParts& parts);

  void append_text(std::string_view text, std::vector<TokenId>& ids) const override;

  std::optional<TokenId> id_of_name(std::string_view name) const override;

  std::array<TokenId, 256> byte_ids;
  MergeTable merges;
  bool ignore_merges;

 private:
  std::unordered_map<std::string, TokenId> odd_names_;  // names outside the byte alphabet

  void append_word(std::string_view word, std::vector<TokenId>& ids) const;
};

}  // namespace gptj
