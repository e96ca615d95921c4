// SPDX-License-Identifier: Apache-2.0
// vocab.json, merges.txt and added_tokens.json, as GPT-2 published them.
#include "tokenizer/files/file_readers.h"
#include "tokenizer/files/id_fields.h"
#include "tokenizer/utf8.h"

namespace gptj {

std::vector<VocabularyEntry> read_vocabulary(const Json& json, const std::string& name) {
  std::vector<VocabularyEntry> entries;
  for (const auto& [token, id] : expect_object(json, name).items()) {
    entries.push_back({token, expect_id(id, name, token)});
  }
  return entries;
}

void read_vocab_json(const Json& json, const std::string& name, TokenizerParts& parts) {
  parts.vocabulary_name = name;
  parts.vocabulary = read_vocabulary(json, name);
}

MergeRule parse_merge(std::string_view text, size_t place, const std::string& merges_name) {
  const size_t space = text.find(' ');
  const std::string_view left = text.substr(0, space);
  const std::string_view right = space == text.npos ? "" : text.substr(space + 1);
  if (left.empty() || right.empty() || right.find(' ') != right.npos) {
    fail(ErrorCode::kBadFile,
         concat(merges_name, " ", place, ": expected two tokens with a space between, found ",
                quote(text)));
  }
  return {std::string(left), std::string(right), place};
}

void read_merges_txt(const std::string& text, const std::string& name, TokenizerParts& parts) {
  parts.merges_name = name + ": line";
  size_t line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number;
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    parts.merges.push_back(parse_merge(line, line_number, parts.merges_name));
  }
}

void read_added_tokens_json(const Json& json, const std::string& name, TokenizerParts& parts) {
  for (const VocabularyEntry& entry : read_vocabulary(json, name)) {
    AddedToken token;
    token.content = entry.name;
    token.id = entry.id;
    token.where = name;
    parts.added.push_back(token);
  }
}

}  // namespace gptj
