// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "base/mapped_file.h"
#include "tokenizer/tokenizer_parts.h"

namespace gptj {
namespace {

constexpr size_t kLargestFile = 64 << 20;  // bytes; published ones have at most 3 MB
constexpr const char* kFileNames[] = {
    "tokenizer.json",          "vocab.json",           "merges.txt", "added_tokens.json",
    "special_tokens_map.json", "tokenizer_config.json"};

std::string path_of(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

bool exists(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists(path_of(folder, name), ignored);
}

std::string presence(const std::string& folder, const char* name) {
  return concat(name, exists(folder, name) ? " (found)" : " (not found)");
}

}  // namespace

bool Tokenizer::found_in(const std::string& folder) {
  return exists(folder, "tokenizer.json") ||
         (exists(folder, "vocab.json") && exists(folder, "merges.txt"));
}

TokenizerFiles read_tokenizer_files(const std::string& folder) {
  check(Tokenizer::found_in(folder), ErrorCode::kNotFound, folder,
        ": no tokenizer: looked for tokenizer.json (not found), or ",
        presence(folder, "vocab.json"), " and ", presence(folder, "merges.txt"));
  TokenizerFiles files{folder, {}};
  for (const char* name : kFileNames) {
    if (exists(folder, name)) {
      files.texts[name] = read_text_file(path_of(folder, name), kLargestFile);
    }
  }
  return files;
}

TokenizerParts read_tokenizer_parts(const TokenizerFiles& files) {
  TokenizerParts parts;
  const auto name_of = [&](const char* file) { return path_of(files.origin, file); };
  const auto read_json = [&](const char* file, auto read) {
    const auto text = files.texts.find(file);
    if (text == files.texts.end()) return false;
    read(parse_json(text->second, name_of(file)), name_of(file), parts);
    return true;
  };
  if (!read_json("tokenizer.json", read_tokenizer_json)) {
    parts.vocabulary_name = name_of("vocab.json");
    parts.vocabulary = read_vocabulary(
        parse_json(files.texts.at("vocab.json"), parts.vocabulary_name), parts.vocabulary_name);
    read_merges_txt(files.texts.at("merges.txt"), name_of("merges.txt"), parts);
  }
  read_json("added_tokens.json", read_added_tokens_json);
  read_json("tokenizer_config.json", read_tokenizer_config);
  read_json("special_tokens_map.json", read_special_tokens_map);
  return parts;
}

}  // namespace gptj
