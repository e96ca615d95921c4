// SPDX-License-Identifier: Apache-2.0
#include "model/session_file.h"

#include <cstring>
#include <map>

#include "base/check.h"
#include "base/fingerprint.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "model/model_state.h"

namespace gptj {
namespace {

constexpr const char* kSession = "gptj.session";
constexpr const char* kVersion = "1";

std::map<std::string, std::string> metadata_of(const Model& model) {
  return {{kSession, kVersion},
          {"gptj.model", hexadecimal(model.fingerprint())},
          {"gptj.kv_cache", weight_type_name(model.kv_cache_type())},
          {"gptj.arithmetic", arithmetic_name(model)}};
}

const TensorView& tensor(const SafetensorsFile& file, const char* name, DType type,
                         std::vector<uint64_t> shape) {
  for (const TensorView& t : file.tensors()) {
    if (t.name != name) continue;
    check(t.type == type && t.shape == shape, ErrorCode::kBadFile, file.path(), ": ", name,
          ": expected ", dtype_name(type), " ", shape_text(shape), ", found ", dtype_name(t.type),
          " ", shape_text(t.shape));
    return t;
  }
  fail(ErrorCode::kBadFile, file.path() + ": " + name + " is missing");
}

std::vector<TokenId> ids_of(const SafetensorsFile& file, const ModelConfig& config) {
  uint64_t n = 0;
  for (const TensorView& t : file.tensors()) {
    if (t.name == "ids" && t.shape.size() == 1) n = t.shape[0];
  }
  check(n <= static_cast<uint64_t>(config.n_positions), ErrorCode::kBadFile, file.path(),
        ": ids: expected at most ", config.n_positions, ", found ", n);
  std::vector<TokenId> ids(n);
  const TensorView& view = tensor(file, "ids", DType::kI64, {n});
  if (n > 0) std::memcpy(ids.data(), view.bytes.data(), view.bytes.size());
  for (const TokenId id : ids) {
    check(0 <= id && id < config.vocab_size, ErrorCode::kBadFile, file.path(),
          ": ids: expected 0 to ", config.vocab_size - 1, ", found ", id);
  }
  return ids;
}

}  // namespace

void save_sequence(const Model& model, const KvCache& cache, SequenceId sequence,
                   std::span<const TokenId> ids, const std::string& path) {
  check(static_cast<int64_t>(ids.size()) == cache.length(sequence), ErrorCode::kInvalidArgument,
        path, ": expected the ", cache.length(sequence), " tokens of the sequence, found ",
        ids.size());
  const size_t pages = cache.page_count(sequence);
  SafetensorsWriter writer(
      path,
      {{"ids", DType::kI64, {ids.size()}}, {"pages", DType::kU8, {pages, cache.page_bytes()}}},
      metadata_of(model), 0);
  writer.write(std::as_bytes(ids));
  AlignedBuffer<std::byte> page(cache.page_bytes());
  for (size_t i = 0; i < pages; ++i) {
    cache.copy_page(sequence, i, page.data());
    writer.write({page.data(), page.size()});
  }
  writer.write_header();
  writer.commit();
}

std::pair<SequenceId, std::vector<TokenId>> load_sequence(const Model& model, KvCache& cache,
                                                          const std::string& path) {
  const SafetensorsFile file(path);
  const auto& found = file.metadata();
  check(found.contains(kSession), ErrorCode::kBadFile, path, ": expected a session, found no ",
        kSession, " in its metadata");
  for (const auto& [name, expected] : metadata_of(model)) {
    const auto value = found.find(name);
    const std::string text = value == found.end() ? "nothing" : value->second;
    check(text == expected, ErrorCode::kInvalidArgument, path, ": ", name, ": expected ", expected,
          ", found ", text, ": this session was computed otherwise, and cannot be gone on with");
  }
  std::vector<TokenId> ids = ids_of(file, model.config());
  const uint64_t pages = (ids.size() + kPagePositions - 1) / kPagePositions;
  const TensorView& view = tensor(file, "pages", DType::kU8, {pages, cache.page_bytes()});
  const SequenceId sequence = cache.restore(static_cast<int64_t>(ids.size()), view.bytes);
  return {sequence, std::move(ids)};
}

}  // namespace gptj
