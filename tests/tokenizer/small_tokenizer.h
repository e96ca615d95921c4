// SPDX-License-Identifier: Apache-2.0
// A tokenizer of 256 bytes and a few merges, to be bent and broken by tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "base/json.h"
#include "tokenizer/bytes.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj {

// GPT-2's own rule for words, as tokenizer.json files spell it.
inline constexpr const char* kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// ids: bytes 0..255, " t" 256, "he" 257, " the" 258, "ab" 259, "abab" 260, "<|endoftext|>" 261.
inline Json small_vocabulary() {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[name_of_bytes(std::string(1, static_cast<char>(byte)))] = byte;
  }
  int id = 256;
  for (const char* token : {" t", "he", " the", "ab", "abab", "<|endoftext|>"}) {
    vocabulary[name_of_bytes(token)] = id++;
  }
  return vocabulary;
}

inline Json small_tokenizer_json() {
  return {{"version", "1.0"},
          {"added_tokens", Json::array({{{"id", 261},
                                         {"content", "<|endoftext|>"},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"single_word", false},
                                         {"special", true}}})},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"post_processor", nullptr},
          {"model",
           {{"type", "BPE"},
            {"vocab", small_vocabulary()},
            {"merges", {"Ġ t", "h e", "Ġt he", "a b", "ab ab"}}}}};
}

inline TokenizerFiles small_files(const Json& json) {
  return {"folder", {{"tokenizer.json", json.dump()}}};
}

inline TokenizerFiles small_vocabulary_files() {
  return {"folder",
          {{"vocab.json", small_vocabulary().dump()},
           {"merges.txt", "#version: 0.2\nĠ t\nh e\nĠt he\na b\nab ab\n"}}};
}

inline Tokenizer small_tokenizer(const std::function<void(Json&)>& change = [](Json&) {}) {
  Json json = small_tokenizer_json();
  change(json);
  return make_tokenizer(small_files(json));
}

// A folder that goes when the test ends.
class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "gptj-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

// Expects Error with this code, its message containing `message`.
inline void expect_error(ErrorCode code, const std::string& message,
                         const std::function<void()>& run) {
  try {
    run();
    ADD_FAILURE() << "no error; expected: " << message;
  } catch (const Error& error) {
    EXPECT_STREQ(error_code_name(error.code()), error_code_name(code)) << error.what();
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos)
        << "expected: " << message << "\nfound:    " << error.what();
  }
}

}  // namespace gptj
