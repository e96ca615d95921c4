// SPDX-License-Identifier: Apache-2.0
// The contents of a tokenizer's files, in one form for all formats. Nothing is checked across parts
// yet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gptj/tokenizer.h"

namespace gptj {

// The names of all files that may be part of a tokenizer.
inline constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                                  "vocab.json",
                                                  "merges.txt",
                                                  "added_tokens.json",
                                                  "tokenizer_config.json",
                                                  "special_tokens_map.json",
                                                  "spiece.model",
                                                  "tokenizer.model"};

// The texts of a tokenizer's files by file name, from a folder or from the metadata of a model
// file. SentencePiece's files are not text and are held in base64.
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
  std::optional<TokenId> id;  // empty: the file only says that the token is special
  bool special = false;
  bool lstrip = false, rstrip = false;  // takes in the whitespace before, after it
  bool single_word = false;             // only if no word character is beside it
  // True if the token is looked for in normalized text; empty means: unless it is special.
  std::optional<bool> normalized = {};
  bool says_flags = false;  // the file has the four above, or could have
  bool overrides = false;   // counts before an earlier entry, as in transformers
  bool implied = false;     // added by the engine, not by a file
  std::string where;        // for messages
};

struct TokenizerParts {
  std::string vocabulary_name, merges_name;  // for messages
  std::vector<VocabularyEntry> vocabulary;
  std::vector<MergeRule> merges;  // ascending rank
  // Among entries with equal contents the first counts, but `special` counts if any has it.
  std::vector<AddedToken> added;
  bool nfc = false;           // text is normalized first
  bool prefix_space = false;  // a space is put in front of text that begins with none
  bool pre_tokenizer_is_sequence = false;
  std::vector<TokenId> front, back;        // put around a text
  std::string around_name;                 // field that asks for them, for messages; or empty
  std::string bos_token, eos_token;        // contents; empty: no file names one
  std::string add_bos_name, add_eos_name;  // as around_name, for bos in front, eos behind
  std::vector<std::string> warnings;       // settings that are not followed
  // A SentencePiece model, which takes the place of vocabulary and merges, and its file's name; or
  // both empty.
  std::string sentencepiece, sentencepiece_name;
  bool ignore_merges = false;  // a word that is a token becomes that token without merges
};

// Reads all files of a tokenizer that the folder has. Throws kNotFound if they are too few.
TokenizerFiles read_tokenizer_files(const std::string& folder);

// Returns the contents of the files. Throws kBadFile, kUnsupported.
TokenizerParts read_tokenizer_parts(const TokenizerFiles& files);

}  // namespace gptj
