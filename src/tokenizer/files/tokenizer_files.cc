// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <span>

#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "tokenizer/files/base64.h"
#include "tokenizer/files/file_readers.h"

namespace gptj {
namespace {

constexpr size_t kLargestFile = 64 << 20;  // bytes; published files have at most 3 MB
constexpr const char* kBesides[] = {"added_tokens.json", "special_tokens_map.json",
                                    "tokenizer_config.json"};

// The names that T5 and LLaMA use. If one of these files lies beside a tokenizer.json, the
// tokenizer.json is a rendering of it.
constexpr const char* kSentencePiece[] = {"spiece.model", "tokenizer.model"};

std::string path_of(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

bool exists(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists(path_of(folder, name), ignored);
}

// Returns the first of kSentencePiece that the folder has; null if it has none.
const char* sentencepiece_in(const std::string& folder) {
  for (const char* name : kSentencePiece) {
    if (exists(folder, name)) return name;
  }
  return nullptr;
}

std::string read_file(const std::string& path) {
  std::string text = read_text_file(path, kLargestFile);
  const std::string other =
      text.starts_with('{') ? std::string() : recognise_file(std::as_bytes(std::span(text)));
  check(other.empty(), ErrorCode::kBadFile, path, ": expected a tokenizer's file, found ", other);
  return text;
}

std::string presence(const std::string& folder, const char* name) {
  return concat(name, exists(folder, name) ? " (found)" : " (not found)");
}

}  // namespace

bool Tokenizer::found_in(const std::string& folder) {
  return sentencepiece_in(folder) != nullptr || exists(folder, "tokenizer.json") ||
         (exists(folder, "vocab.json") && exists(folder, "merges.txt"));
}

TokenizerFiles read_tokenizer_files(const std::string& folder) {
  check(Tokenizer::found_in(folder), ErrorCode::kNotFound, folder,
        ": no tokenizer: looked for tokenizer.json (not found), or ",
        presence(folder, "vocab.json"), " and ", presence(folder, "merges.txt"),
        ", or SentencePiece's spiece.model or tokenizer.model (not found)");
  TokenizerFiles files{folder, {}};
  const auto read = [&](const char* name) { files.texts[name] = read_file(path_of(folder, name)); };
  if (const char* name = sentencepiece_in(folder)) {
    files.texts[name] = to_base64(read_file(path_of(folder, name)));
  } else if (exists(folder, "tokenizer.json")) {
    read("tokenizer.json");
  } else {
    read("vocab.json");
    read("merges.txt");
  }
  for (const char* name : kBesides) {
    if (exists(folder, name)) read(name);
  }
  return files;
}

TokenizerParts read_tokenizer_parts(const TokenizerFiles& files) {
  TokenizerParts parts;
  const auto name_of = [&](const char* file) { return path_of(files.origin, file); };
  const auto text_of = [&](const char* file) -> const std::string& {
    const auto text = files.texts.find(file);
    check(text != files.texts.end(), ErrorCode::kBadFile, files.origin, ": no tokenizer: ", file,
          " is missing");
    return text->second;
  };
  const auto read_json = [&](const char* file, auto read) {
    read(parse_json(text_of(file), name_of(file)), name_of(file), parts);
  };
  const auto sentencepiece =
      std::find_if(std::begin(kSentencePiece), std::end(kSentencePiece),
                   [&](const char* name) { return files.texts.count(name) != 0; });
  if (sentencepiece != std::end(kSentencePiece)) {
    parts.sentencepiece_name = name_of(*sentencepiece);
    parts.sentencepiece = from_base64(text_of(*sentencepiece), parts.sentencepiece_name);
    check(!parts.sentencepiece.empty(), ErrorCode::kBadFile, parts.sentencepiece_name,
          ": expected a SentencePiece model, found an empty file");
  } else if (files.texts.count("tokenizer.json") != 0) {
    read_json("tokenizer.json", read_tokenizer_json);
  } else {
    read_json("vocab.json", read_vocab_json);
    read_merges_txt(text_of("merges.txt"), name_of("merges.txt"), parts);
  }
  const auto read_if_there = [&](const char* file, auto read) {
    if (files.texts.count(file) != 0) read_json(file, read);
  };
  read_if_there("added_tokens.json", read_added_tokens_json);
  read_if_there("tokenizer_config.json", read_tokenizer_config);
  read_if_there("special_tokens_map.json", read_special_tokens_map);
  return parts;
}

}  // namespace gptj
