// SPDX-License-Identifier: Apache-2.0
#include "model/model_tokenizer.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/durable.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/mesh_checkpoint.h"
#include "gptj/checkpoint.h"
#include "tokenizer/tokenizer_data.h"
#include "weights/packed_file.h"

namespace gptj {
namespace {

std::string folder_of_tokenizer(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) return folder_of(path);
  const std::string step = find_mesh_step(path);
  return step.empty() ? resolve_hub_cache(path) : mesh_config_folder(step);
}

// Returns a message if the tokenizer's ids have other bytes than `vocabulary` lists, else empty.
// Added tokens are not compared, because writers of ggml files permuted the names of these tokens.
std::string vocabulary_mismatch(std::span<const std::string_view> vocabulary,
                                const Tokenizer& tokenizer) {
  int64_t differ = 0, first = 0;
  const int64_t n = std::min<int64_t>(tokenizer.size(), static_cast<int64_t>(vocabulary.size()));
  const auto is_added = [&](int64_t id) {
    return tokenizer.data().added.find(tokenizer.token_bytes(id)) == id;
  };
  const auto noted = [&](int64_t id) { return vocabulary[static_cast<size_t>(id)]; };
  for (int64_t id = 0; id < n; ++id) {
    if (!tokenizer.has(id) || is_added(id) || tokenizer.token_bytes(id) == noted(id)) {
      continue;
    }
    if (differ++ == 0) first = id;
  }
  if (differ == 0) return {};
  return concat("the tokenizer disagrees with the file's vocabulary on ", differ, " of ", n,
                " tokens, first on id ", first, ": ",
                json_excerpt(std::string(tokenizer.token_bytes(first))), ", in the file ",
                json_excerpt(std::string(noted(first))));
}

// Returns the model's own tokenizer, or empty if there is none or it cannot be read.
std::optional<Tokenizer> own_tokenizer(const TokenizerHints& hints) {
  try {
    const auto own = hints.own();
    return own ? std::optional(make_tokenizer(*own)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Returns why the tokenizer looks like another model's, or empty if it does not. `is_other` is true
// for a tokenizer that is not the model's own.
std::string mismatch(const TokenizerHints& hints, const Tokenizer& tokenizer, bool is_other) {
  if (tokenizer.size() > hints.rows) {
    return concat("the tokenizer has ", tokenizer.size(), " ids, the weights only ", hints.rows,
                  " rows");
  }
  const auto own = is_other ? own_tokenizer(hints) : std::nullopt;
  if (own && !are_alike(own->data(), tokenizer.data())) {
    return "the tokenizer is not the one that the model came with";
  }
  return vocabulary_mismatch(hints.vocabulary, tokenizer);
}

}  // namespace

TokenizerHints tokenizer_hints(const std::string& path, const Checkpoint& checkpoint) {
  const auto own = [folder = checkpoint.folder()]() -> std::optional<TokenizerFiles> {
    if (!Tokenizer::found_in(folder)) return std::nullopt;
    return read_tokenizer_files(folder);
  };
  return {path, checkpoint.config().vocab_size, own, checkpoint.vocabulary()};
}

TokenizerHints tokenizer_hints(const std::string& path, const PackedFile& file) {
  return {path, file.config().vocab_size, [&file] { return file.tokenizer_files(); }, {}};
}

TokenizerFiles tokenizer_files(const std::string& path) {
  if (const auto packed = PackedFile::open_if_packed(path)) {
    check(packed->tokenizer_files().has_value(), ErrorCode::kNotFound, path,
          ": no tokenizer: the model was converted without one");
    return *packed->tokenizer_files();
  }
  return read_tokenizer_files(folder_of_tokenizer(path));
}

Tokenizer load_tokenizer(const std::string& path, const TokenizerWarning& on_warning) {
  return make_tokenizer(tokenizer_files(path), on_warning);
}

std::optional<ChosenTokenizer> choose_tokenizer(
    const TokenizerHints& hints, const std::string& other,
    const std::function<void(const std::string& message)>& warn) {
  const auto tell = [&](const std::string& message) {
    if (warn && !message.empty()) warn(concat(hints.path, ": ", message));
  };
  auto files = other.empty() ? hints.own() : std::optional(tokenizer_files(other));
  if (!files) {
    if (!hints.vocabulary.empty()) {
      tell(
          "a ggml file has no merges, and there is no tokenizer beside it: token ids only, unless "
          "`tokenizer` names one");
    }
    return std::nullopt;
  }
  Tokenizer tokenizer = make_tokenizer(*files, warn);
  const std::string found = mismatch(hints, tokenizer, !other.empty());
  if (!found.empty()) tell(found + "; is this another model's tokenizer?");
  return ChosenTokenizer{*std::move(files), std::move(tokenizer)};
}

}  // namespace gptj
