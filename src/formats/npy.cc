// SPDX-License-Identifier: Apache-2.0
#include "formats/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/byte_reader.h"
#include "base/checked_math.h"
#include "base/json.h"
#include "formats/zip.h"

namespace gptj {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint32_t kMaxHeader = 1 << 16;
constexpr size_t kMaxDimensions = 32;  // NumPy's own limit

struct TypeCode {
  std::string_view code;  // without the byte order
  DType type;
};
constexpr TypeCode kTypeCodes[] = {
    {"f4", DType::kF32},  {"f2", DType::kF16}, {"V2", DType::kBF16}, {"f8", DType::kF64},
    {"b1", DType::kBool}, {"i1", DType::kI8},  {"u1", DType::kU8},   {"i2", DType::kI16},
    {"u2", DType::kU16},  {"i4", DType::kI32}, {"u4", DType::kU32},  {"i8", DType::kI64},
    {"u8", DType::kU64},
};

// Parses the header, a Python dictionary:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  TensorView parse() {
    expect("{");
    while (!accept("}")) {
      const std::string_view key = string();
      expect(":");
      read_value(key);
      if (!accept(",")) {
        expect("}");
        break;
      }
    }
    skip_space();
    check(rest_.empty(), ErrorCode::kBadFile, where_, ": unexpected text after the header");
    check(type_ && shape_ && has_order_, ErrorCode::kBadFile, where_,
          ": expected descr, fortran_order and shape in the header");
    TensorView array;
    array.type = *type_;
    array.shape = std::move(*shape_);
    return array;
  }

 private:
  void read_value(std::string_view key) {
    if (key == "descr" && !type_) {
      type_ = element_type();
    } else if (key == "fortran_order" && !has_order_) {
      check(!accept("True"), ErrorCode::kUnsupported, where_,
            ": expected a row-major array, found a column-major one");
      expect("False");
      has_order_ = true;
    } else if (key == "shape" && !shape_) {
      shape_ = shape();
    } else {
      fail(ErrorCode::kBadFile,
           concat(where_, ": unexpected key ", json_excerpt(std::string(key)), " in the header"));
    }
  }

  DType element_type() {
    const std::string_view descr = string();
    for (const TypeCode& element : kTypeCodes) {
      const bool little = descr.starts_with('<') || descr.starts_with('|');
      if (little && descr.substr(1) == element.code) return element.type;
    }
    fail(ErrorCode::kUnsupported,
         concat(where_, ": elements ", json_excerpt(std::string(descr)), " are not supported"));
  }

  std::vector<uint64_t> shape() {
    std::vector<uint64_t> extents;
    expect("(");
    while (!accept(")")) {
      check(extents.size() < kMaxDimensions, ErrorCode::kBadFile, where_, ": more than ",
            kMaxDimensions, " dimensions");
      extents.push_back(number());
      if (!accept(",")) {
        expect(")");
        break;
      }
    }
    return extents;
  }

  uint64_t number() {
    skip_space();
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    check(error == std::errc(), ErrorCode::kBadFile, where_,
          ": shape: expected a whole number of at most 64 bits");
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  // Returns a string in quotes. Escapes are an error, because no string of a header needs them.
  std::string_view string() {
    expect("'");
    const size_t end = rest_.find_first_of("'\\\n");
    check(end != std::string_view::npos && rest_[end] == '\'', ErrorCode::kBadFile, where_,
          ": expected a string in the header");
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool accept(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  void expect(std::string_view token) {
    check(accept(token), ErrorCode::kBadFile, where_, ": expected \"", token, "\" in the header");
  }

  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  std::string_view rest_;
  const std::string& where_;
  std::optional<DType> type_;
  std::optional<std::vector<uint64_t>> shape_;
  bool has_order_ = false;
};

// Returns 12 for "arr_12.npy", and nothing for a name of another form.
std::optional<uint64_t> number_of(std::string_view name) {
  constexpr std::string_view kBegin = "arr_", kEnd = ".npy";
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return std::nullopt;
  name.remove_prefix(kBegin.size());
  name.remove_suffix(std::min(kEnd.size(), name.size()));
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

TensorView read_npy(std::span<const std::byte> bytes, const std::string& where) {
  ByteReader reader(bytes, where);
  check(reader.text(kMagic.size(), "the magic number") == kMagic, ErrorCode::kBadFile, where,
        ": expected a NumPy array, found another file");
  const auto major = reader.little_endian<uint8_t>("the version");
  reader.take(1, "the version");
  check(major >= 1 && major <= 3, ErrorCode::kUnsupported, where,
        ": expected version 1 to 3 of the npy format, found ", int{major});
  const uint32_t length = major == 1 ? reader.little_endian<uint16_t>("the header's length")
                                     : reader.little_endian<uint32_t>("the header's length");
  check(length <= kMaxHeader, ErrorCode::kBadFile, where, ": expected a header of at most ",
        kMaxHeader, " bytes, found one of ", length);
  TensorView array = HeaderParser(reader.text(length, "the header"), where).parse();
  uint64_t size = dtype_size(array.type);
  for (const uint64_t extent : array.shape) size = checked_multiply(size, extent, where);
  array.bytes = reader.take(size, "the array");
  check(reader.at_end(), ErrorCode::kBadFile, where, ": ", reader.remaining(),
        " bytes more than the array of ", shape_text(array.shape));
  return array;
}

std::vector<TensorView> read_npz(std::span<const std::byte> bytes, const std::string& where) {
  const std::vector<ZipEntry> entries = read_zip(bytes, where);
  std::vector<std::optional<TensorView>> arrays(entries.size());
  for (const ZipEntry& entry : entries) {
    const std::optional<uint64_t> number = number_of(entry.name);
    check(number && *number < arrays.size() && !arrays[*number], ErrorCode::kBadFile, where,
          ": expected arrays arr_0.npy to arr_", entries.size() - 1, ".npy, found ",
          lazy_excerpt(entry.name));
    arrays[*number] = read_npy(entry.bytes, concat(where, ": ", entry.name));
  }
  std::vector<TensorView> found;
  for (std::optional<TensorView>& array : arrays) found.push_back(std::move(*array));
  return found;
}

}  // namespace gptj
