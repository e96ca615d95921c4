// SPDX-License-Identifier: Apache-2.0
// What a tokenizer's files say, whichever format says it. Nothing is checked across parts yet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

// Every file that may be part of a tokenizer.
inline constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                                  "vocab.json",
                                                  "merges.txt",
                                                  "added_tokens.json",
                                                  "tokenizer_config.json",
                                                  "special_tokens_map.json",
                                                  "spiece.model",
                                                  "tokenizer.model"};

// The texts of a tokenizer's files by file name: from a folder or from a model file's metadata.
// Those of SentencePiece, which are no text, in base64.
struct TokenizerFiles {
  std::string origin;  // the folder or model file; begins every message
  std::map<std::string, std::string> texts;
};

struct VocabularyEntry {
  std::string name;  // in the byte alphabet, see bytes.h
  TokenId id;
};

struct MergeRule {
  std::string left, right;  // in the byte alphabet
  size_t place;             // line or index, for messages
};

struct AddedToken {
  std::string content;        // the exact text
  std::optional<TokenId> id;  // none: the file only says that the vocabulary's token is special
  bool special = false;
  bool lstrip = false, rstrip = false;  // swallows the whitespace before, after it
  bool single_word = false;             // only where no word character is beside it
  std::optional<bool> normalized = {};  // looked for in normalized text; none: unless it is special
  bool says_flags = false;              // the file has the four above, or could have
  bool overrides = false;               // of a file that said the same earlier, as transformers
  bool implied = false;                 // said by no file
  std::string where;                    // for messages
};

struct TokenizerParts {
  std::string vocabulary_name, merges_name;  // for messages
  std::vector<VocabularyEntry> vocabulary;
  std::vector<MergeRule> merges;  // ascending rank
  std::vector<AddedToken> added;  // of equal contents the first counts, `special` if any says so
  bool nfc = false;               // text is normalized first
  bool prefix_space = false;      // a space is put in front of text that begins with none
  bool pre_tokenizer_is_sequence = false;
  std::vector<TokenId> front, back;        // put around a text
  std::string around_name;                 // what says so, for messages; empty: nothing does
  std::string bos_token, eos_token;        // contents; empty: no file names one
  std::string add_bos_name, add_eos_name;  // as around_name, for bos_token in front, eos behind
  std::vector<std::string> warnings;       // what files say that is not done
  // A SentencePiece model in place of vocabulary and merges, and its file's name; or empty.
  std::string sentencepiece, sentencepiece_name;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges
};

// Reads whichever files of a tokenizer the folder has. Throws kNotFound if too few.
TokenizerFiles read_tokenizer_files(const std::string& folder);

// Throws kBadFile and kUnsupported.
TokenizerParts read_tokenizer_parts(const TokenizerFiles& files);

}  // namespace gptj
