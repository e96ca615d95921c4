// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <optional>

#include "base/checked_math.h"
#include "base/file_kind.h"
#include "base/json.h"

namespace gptj {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

using Bytes = std::span<const std::byte>;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own cap

uint64_t header_length(Bytes file) {
  uint64_t length = 0;
  if (file.size() >= kLengthBytes) std::memcpy(&length, file.data(), kLengthBytes);
  return length;
}

// Returns the header's JSON text. Other formats are recognised only if the file has no '{' where
// the header begins, because a pickle's first bytes are a plausible header length too.
std::string_view header_text(Bytes file, const std::string& path) {
  const bool has_header = file.size() > kLengthBytes && file[kLengthBytes] == std::byte{'{'};
  const std::string other = has_header ? std::string() : recognise_file(file);
  check(other.empty(), ErrorCode::kBadFile, path, ": expected a safetensors file, found ", other);
  check(file.size() >= kLengthBytes, ErrorCode::kBadFile, path,
        ": expected a safetensors file, found only ", file.size(), " bytes");
  const uint64_t length = header_length(file);
  const uint64_t room = file.size() - kLengthBytes;
  check(length <= kMaxHeader, ErrorCode::kBadFile, path,
        ": expected a safetensors header of at most ", kMaxHeader, " bytes, found one of ", length,
        "; not a safetensors file?");
  check(length <= room, ErrorCode::kBadFile, path, ": the header takes ", length,
        " bytes, but only ", room, " follow; is the download complete?");
  check(length > 0 && has_header, ErrorCode::kBadFile, path,
        ": the header does not begin with '{'; not a safetensors file?");
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, static_cast<size_t>(length)};
}

struct Entry {
  TensorView tensor;
  uint64_t begin = 0, end = 0;  // in the data that follow the header
};

// Reads the fields of one tensor's JSON object. `where` names file and tensor.
class EntryParser {
 public:
  EntryParser(std::string where, const Json& json) : where_(std::move(where)), json_(json) {
    check(json.is_object(), ErrorCode::kBadFile, where_, ": expected an object, found ",
          lazy_excerpt(json));
  }

  DType type() const {
    const Json& value = field("dtype");
    check(value.is_string(), ErrorCode::kBadFile, where_, ": dtype: expected a string, found ",
          lazy_excerpt(value));
    const std::optional<DType> type = parse_dtype(value.get_ref<const std::string&>());
    check(type.has_value(), ErrorCode::kUnsupported, where_, ": dtype ", lazy_excerpt(value),
          " is not supported");
    return *type;
  }

  std::vector<uint64_t> integers(const char* key) const {
    const Json& value = field(key);
    const auto is_integer = [](const Json& item) { return item.is_number_unsigned(); };
    check(value.is_array() && std::all_of(value.begin(), value.end(), is_integer),
          ErrorCode::kBadFile, where_, ": ", key, ": expected a list of whole numbers, found ",
          lazy_excerpt(value));
    return value.get<std::vector<uint64_t>>();
  }

 private:
  static std::optional<DType> parse_dtype(const std::string& name) {
    for (int i = 0; i <= static_cast<int>(DType::kF64); ++i) {
      if (name == dtype_name(static_cast<DType>(i))) return static_cast<DType>(i);
    }
    return std::nullopt;
  }

  const Json& field(const char* key) const {
    const auto found = json_.find(key);
    check(found != json_.end(), ErrorCode::kBadFile, where_, ": ", key, " is missing");
    return *found;
  }

  std::string where_;
  const Json& json_;
};

Entry parse_entry(const std::string& path, const std::string& name, const Json& json, Bytes data) {
  const std::string where = concat(path, ": tensor ", json_excerpt(name));
  const EntryParser parser(where, json);
  const std::vector<uint64_t> offsets = parser.integers("data_offsets");
  check(offsets.size() == 2 && offsets[0] <= offsets[1], ErrorCode::kBadFile, where,
        ": data_offsets: expected begin and end, found ", shape_text(offsets));
  Entry entry{{name, parser.type(), parser.integers("shape"), {}}, offsets[0], offsets[1]};
  check(entry.end <= data.size(), ErrorCode::kBadFile, where, ": ends at byte ", entry.end,
        " of the data, of which the file has ", data.size(), "; is the download complete?");

  uint64_t bytes = dtype_size(entry.tensor.type);
  for (const uint64_t extent : entry.tensor.shape) bytes = checked_multiply(bytes, extent, where);
  check(bytes == entry.end - entry.begin, ErrorCode::kBadFile, where, ": ",
        dtype_name(entry.tensor.type), " ", shape_text(entry.tensor.shape), " takes ", bytes,
        " bytes, but data_offsets ", shape_text(offsets), " span ", entry.end - entry.begin);
  entry.tensor.bytes = data.subspan(entry.begin, bytes);
  return entry;
}

// Sorts the entries by place and proves that they cover each byte of the data exactly once.
void check_coverage(const std::string& path, std::vector<Entry>& entries, uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t covered = 0;
  for (const Entry& entry : entries) {
    check(entry.begin == covered, ErrorCode::kBadFile, path, ": tensor ",
          lazy_excerpt(entry.tensor.name), entry.begin < covered ? " overlaps" : " leaves a gap to",
          " the one before it: expected it to begin at byte ", covered, " of the data, found ",
          entry.begin);
    covered = entry.end;
  }
  check(covered == data_bytes, ErrorCode::kBadFile, path, ": the tensors end at byte ", covered,
        " of the data, the file at ", data_bytes);
}

std::map<std::string, std::string> parse_metadata(const std::string& path, const Json& json) {
  const auto is_string = [](const Json& value) { return value.is_string(); };
  check(json.is_object() && std::all_of(json.begin(), json.end(), is_string), ErrorCode::kBadFile,
        path, ": __metadata__: expected an object of strings, found ", lazy_excerpt(json));
  return json.get<std::map<std::string, std::string>>();
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path)
    : file_(std::make_shared<const MappedFile>(path)) {
  const std::string_view text = header_text(file_->bytes(), path);
  const Bytes data = file_->bytes().subspan(kLengthBytes + text.size());
  Json header = parse_json_object(text, path, DuplicateKeys::kRefused);
  const TakenApart apart(header);
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") {
      metadata_ = parse_metadata(path, json);
    } else {
      entries.push_back(parse_entry(path, name, json, data));
    }
  }
  check_coverage(path, entries, data.size());
  for (Entry& entry : entries) tensors_.push_back(std::move(entry.tensor));
}

}  // namespace gptj
