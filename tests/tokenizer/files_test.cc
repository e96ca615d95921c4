// SPDX-License-Identifier: Apache-2.0
// Files that are missing, not what they should be, or broken at every byte.
#include <gtest/gtest.h>

#include "tokenizer/small_tokenizer.h"

namespace gptj {
namespace {

constexpr auto kBadFile = ErrorCode::kBadFile;

TEST(TokenizerFiles, WhatADownloadLeftInAFilesPlace) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  for (const char* name : {"tokenizer.json", "vocab.json", "merges.txt", "spiece.model",
                           "tokenizer.model", "special_tokens_map.json"}) {
    const TempFolder folder;
    folder.write("vocab.json", small_vocabulary().dump());
    folder.write("merges.txt", "h e\n");
    folder.write(name, pointer);
    expect_error(kBadFile,
                 folder.path() + "/" + name +
                     ": expected a tokenizer's file, found a Git LFS pointer: 43 bytes of text in "
                     "place of the file; download the file itself",
                 [&] { Tokenizer::load(folder.path()); });
  }
}

// Found tokens are kept byte by byte, each of which takes a hundred times as much memory.
TEST(TokenizerFiles, AddedTokensThatAreTooLong) {
  const auto load = [](const Json& added) {
    TokenizerFiles files = small_vocabulary_files();
    files.texts["added_tokens.json"] = added.dump();
    return make_tokenizer(files);
  };
  const std::string longest(1024, 'x');
  EXPECT_EQ(load({{longest, 262}}).encode(longest), std::vector<TokenId>{262});
  expect_error(
      kBadFile,
      "folder/added_tokens.json: expected an added token of at most 1024 bytes, found 1025", [&] {
        load({{longest + "x", 262}});
      });
  Json many = Json::object();
  for (int i = 0; i < 1100; ++i) many[concat(i, longest).substr(0, 1024)] = 262 + i;
  expect_error(kBadFile, "folder/added_tokens.json: expected at most 1048576 bytes in all",
               [&] { load(many); });
}

TEST(TokenizerFiles, MissingTexts) {
  TokenizerFiles files = small_vocabulary_files();
  files.texts.erase("merges.txt");
  expect_error(kBadFile, "folder: no tokenizer: merges.txt is missing",
               [&] { make_tokenizer(files); });
}

TEST(TokenizerFiles, NotFound) {
  const TempFolder folder;
  const auto load = [&] { Tokenizer::load(folder.path()); };
  EXPECT_FALSE(Tokenizer::found_in(folder.path()));
  expect_error(ErrorCode::kNotFound,
               "no tokenizer: looked for tokenizer.json (not found), or vocab.json (not found) and "
               "merges.txt (not found)",
               load);
  folder.write("vocab.json", small_vocabulary().dump());
  EXPECT_FALSE(Tokenizer::found_in(folder.path()));
  expect_error(ErrorCode::kNotFound, "vocab.json (found) and merges.txt (not found)", load);
  folder.write("merges.txt", "h e\n");
  EXPECT_TRUE(Tokenizer::found_in(folder.path()));
  EXPECT_EQ(Tokenizer::load(folder.path()).encode("he").size(), 1u);
  folder.write("tokenizer.json", "");  // is preferred
  expect_error(kBadFile, folder.path() + "/tokenizer.json: not valid JSON", load);
}

TEST(TokenizerFiles, UnknownId) {
  const Tokenizer tokenizer = small_tokenizer();
  for (const TokenId id : {TokenId{-1}, TokenId{262}, INT64_MAX, INT64_MIN}) {
    EXPECT_FALSE(tokenizer.has(id));
    expect_error(ErrorCode::kInvalidArgument, concat("token id ", id, ": the tokenizer has no"),
                 [&] {
                   tokenizer.decode(std::vector<TokenId>{65, id});
                 });
    expect_error(ErrorCode::kInvalidArgument, "its ids lie below 262",
                 [&] { tokenizer.token_bytes(id); });
  }
}

// Whatever becomes of the text, there is a tokenizer or an Error.
void try_to_load(const std::string& text) {
  try {
    make_tokenizer({"folder", {{"tokenizer.json", text}}}).encode("he the abab<|endoftext|>");
  } catch (const Error&) {
  }
}

TEST(TokenizerFiles, TruncatedAtEveryByte) {
  const std::string text = small_tokenizer_json().dump();
  for (size_t size = 0; size < text.size(); ++size) {
    expect_error(kBadFile, "folder/tokenizer.json: not valid JSON", [&] {
      make_tokenizer({"folder", {{"tokenizer.json", text.substr(0, size)}}});
    });
  }
}

TEST(TokenizerFiles, FlippedBytes) {
  const std::string text = small_tokenizer_json().dump();
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char flip : {'\x01', '\x10', '\x80', '\xFF'}) {
      std::string flipped = text;
      flipped[i] = static_cast<char>(flipped[i] ^ flip);
      try_to_load(flipped);
    }
  }
}

}  // namespace
}  // namespace gptj
