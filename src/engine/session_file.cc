// SPDX-License-Identifier: Apache-2.0
#include "engine/session_file.h"

#include <cstring>
#include <map>

#include "base/check.h"
#include "base/fingerprint.h"
#include "engine/model_state.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"

namespace gptj {
namespace {

constexpr const char* kSession = "gptj.session";
constexpr const char* kVersion = "3";
constexpr const char* kCheck = "check";

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

// The fingerprint of a session file's bytes. REQUIRES: add() gets the header with its length, then
// the ids, then each page, one call each.
class SessionCheck {
 public:
  void add(std::span<const std::byte> bytes) { all_.add(bytes); }
  int64_t value() const { return static_cast<int64_t>(all_.value()); }

 private:
  Fingerprint all_;
};

void expect_check(const SafetensorsFile& file, std::span<const std::byte> ids,
                  std::span<const std::byte> pages, uint64_t page_bytes) {
  const TensorView& stored = tensor(file, kCheck, DType::kI64, {1});
  const std::span<const std::byte> all = file.mapping()->bytes();
  const uint64_t data_bytes = ids.size() + pages.size() + stored.bytes.size();
  SessionCheck check_of_file;
  check_of_file.add(all.first(all.size() - data_bytes));
  check_of_file.add(ids);
  for (uint64_t at = 0; at < pages.size(); at += page_bytes) {
    check_of_file.add(pages.subspan(at, page_bytes));
  }
  int64_t value = 0;
  std::memcpy(&value, stored.bytes.data(), sizeof value);
  check(value == check_of_file.value() &&
            stored.bytes.data() + sizeof value == all.data() + all.size(),
        ErrorCode::kBadFile, file.path(),
        ": is damaged: its checksum is not that of its bytes; remove it, and compute it anew");
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
  SafetensorsWriter writer(path,
                           {{"ids", DType::kI64, {ids.size()}},
                            {"pages", DType::kU8, {pages, cache.page_bytes()}},
                            {kCheck, DType::kI64, {1}}},
                           metadata_of(model), 0);
  SessionCheck check_of_file;
  const auto write = [&](std::span<const std::byte> bytes) {
    check_of_file.add(bytes);
    writer.write(bytes);
  };
  const std::string header = writer.header_block();
  check_of_file.add(std::as_bytes(std::span(header)));
  write(std::as_bytes(ids));
  AlignedBuffer<std::byte> page(cache.page_bytes());
  for (size_t i = 0; i < pages; ++i) {
    cache.copy_page(sequence, i, page.data());
    write({page.data(), page.size()});
  }
  const int64_t value = check_of_file.value();
  writer.write(std::as_bytes(std::span(&value, 1)));
  writer.write_header();
  writer.commit();
}

std::pair<SequenceId, std::vector<TokenId>> load_sequence(const Model& model, KvCache& cache,
                                                          const std::string& path) {
  const SafetensorsFile file(path);
  const auto& found = file.metadata();
  check(found.contains(kSession), ErrorCode::kBadFile, path, ": expected a session, found no ",
        kSession, " in its metadata");
  // The version decides how the rest was written, so it is checked first.
  check(found.at(kSession) == kVersion, ErrorCode::kInvalidArgument, path, ": ", kSession,
        ": expected ", kVersion, ", found ", found.at(kSession),
        ": another version wrote this session; remove it, and compute it anew");
  for (const auto& [name, expected] : metadata_of(model)) {
    const auto value = found.find(name);
    check(value != found.end() && value->second == expected, ErrorCode::kInvalidArgument, path,
          ": ", name, ": expected ", expected, ", found ",
          value == found.end() ? "nothing" : value->second,
          ": this session was computed otherwise, and cannot be gone on with");
  }
  std::vector<TokenId> ids = ids_of(file, model.config());
  const uint64_t pages = pages_of(static_cast<int64_t>(ids.size()));
  const TensorView& view = tensor(file, "pages", DType::kU8, {pages, cache.page_bytes()});
  const TensorView& stored_ids = tensor(file, "ids", DType::kI64, {ids.size()});
  expect_check(file, stored_ids.bytes, view.bytes, cache.page_bytes());
  const SequenceId sequence = cache.restore(static_cast<int64_t>(ids.size()), view.bytes);
  return {sequence, std::move(ids)};
}

}  // namespace gptj
