// SPDX-License-Identifier: Apache-2.0
#include "formats/msgpack.h"

#include <algorithm>
#include <optional>

#include "base/byte_reader.h"
#include "base/checked_math.h"
#include "base/json.h"

namespace gptj {
namespace {

constexpr int kMaxDepth = 16;
constexpr uint64_t kMaxKey = 256, kMaxPath = 256, kMaxDimensions = 8;
constexpr size_t kMaxArrays = 1 << 16;
constexpr uint8_t kArrayExtension = 1;  // Flax's number for arrays
constexpr std::string_view kChunked = "__msgpack_chunked_array__";

struct TypeName {
  std::string_view name;
  DType type;
};
constexpr TypeName kTypeNames[] = {
    {"float32", DType::kF32}, {"float16", DType::kF16}, {"bfloat16", DType::kBF16},
    {"float64", DType::kF64}, {"bool", DType::kBool},   {"int8", DType::kI8},
    {"uint8", DType::kU8},    {"int16", DType::kI16},   {"uint16", DType::kU16},
    {"int32", DType::kI32},   {"uint32", DType::kU32},  {"int64", DType::kI64},
    {"uint64", DType::kU64},
};

enum class Kind { kMap, kList, kText, kBinary, kUnsigned, kExtension, kOther };

// The beginning of a value: its kind, and a count. The count is the number of entries or bytes that
// follow, or for kUnsigned the value itself.
struct Head {
  Kind kind = Kind::kOther;
  uint64_t count = 0;
};

// Neighbouring first bytes of one kind. The count follows the first byte in 1, 2, 4 or 8 bytes,
// big-endian. Its width doubles from one first byte of the family to the next.
struct Family {
  uint8_t first;  // the lowest first byte
  int widths;     // number of first bytes, each with its width of the count
  size_t narrow;  // bytes of the count behind the lowest first byte
  Kind kind;
};
constexpr Family kFamilies[] = {
    {0xc4, 3, 1, Kind::kBinary}, {0xc7, 3, 1, Kind::kExtension}, {0xcc, 4, 1, Kind::kUnsigned},
    {0xd9, 3, 1, Kind::kText},   {0xdc, 2, 2, Kind::kList},      {0xde, 2, 2, Kind::kMap},
};

uint64_t read_count(ByteReader& reader, size_t bytes) {
  switch (bytes) {
    case 1: return reader.big_endian<uint8_t>("length");
    case 2: return reader.big_endian<uint16_t>("length");
    case 4: return reader.big_endian<uint32_t>("length");
    default: return reader.big_endian<uint64_t>("length");
  }
}

Head read_head(ByteReader& reader) {
  const auto first = reader.big_endian<uint8_t>("value");
  if (first < 0x80) return {Kind::kUnsigned, first};
  if (first < 0x90) return {Kind::kMap, first & 0x0fu};
  if (first < 0xa0) return {Kind::kList, first & 0x0fu};
  if (first < 0xc0) return {Kind::kText, first & 0x1fu};
  if (first >= 0xd4 && first <= 0xd8) return {Kind::kExtension, uint64_t{1} << (first - 0xd4)};
  for (const Family& family : kFamilies) {
    const int place = first - family.first;
    if (place < 0 || place >= family.widths) continue;
    return {family.kind, read_count(reader, family.narrow << place)};
  }
  return {};
}

class Walker {
 public:
  Walker(std::span<const std::byte> bytes, const std::string& where) : reader_(bytes, where) {}

  std::vector<TensorView> walk() {
    const Head head = read_head(reader_);
    check(head.kind == Kind::kMap, ErrorCode::kBadFile, reader_.where(),
          ": expected a msgpack map of parameters, found another value");
    walk_map(head.count, "", 1);
    check(reader_.at_end(), ErrorCode::kBadFile, reader_.where(), ": ", reader_.remaining(),
          " bytes follow the parameters");
    return std::move(arrays_);
  }

 private:
  void walk_map(uint64_t entries, const std::string& path, int depth) {
    check(depth <= kMaxDepth, ErrorCode::kBadFile, where(path), ": expected at most ", kMaxDepth,
          " maps inside one another");
    for (uint64_t i = 0; i < entries; ++i) {
      const std::string key = read_key(path);
      const std::string inner = path.empty() ? key : path + "/" + key;
      check(inner.size() <= kMaxPath, ErrorCode::kBadFile, where(path),
            ": expected a path of at most ", kMaxPath, " bytes, found ", inner.size());
      check(key != kChunked, ErrorCode::kUnsupported, where(path),
            ": cut into chunks, as Flax does above 1 GiB; open the PyTorch or safetensors weights "
            "of this model");
      const Head head = read_head(reader_);
      if (head.kind == Kind::kMap) {
        walk_map(head.count, inner, depth + 1);
      } else {
        read_leaf(head, inner);
      }
    }
  }

  std::string read_key(const std::string& path) {
    const Head head = read_head(reader_);
    check(head.kind == Kind::kText && head.count <= kMaxKey, ErrorCode::kBadFile, where(path),
          ": expected a key of at most ", kMaxKey, " bytes; is the file damaged?");
    return std::string(reader_.text(head.count, "key"));
  }

  void read_leaf(const Head& head, const std::string& path) {
    const bool is_array = head.kind == Kind::kExtension &&
                          reader_.big_endian<uint8_t>("extension") == kArrayExtension;
    check(is_array, ErrorCode::kUnsupported, where(path),
          ": expected an array of parameters, found another value");
    check(arrays_.size() < kMaxArrays, ErrorCode::kBadFile, reader_.where(), ": expected at most ",
          kMaxArrays, " arrays, found more");
    ByteReader payload(reader_.take(head.count, path), where(path));
    arrays_.push_back(read_array(payload));
    arrays_.back().name = path;
  }

  // Reads an array, which is a list of shape, type and bytes.
  static TensorView read_array(ByteReader& payload) {
    const Head list = read_head(payload);
    check(list.kind == Kind::kList && list.count == 3, ErrorCode::kBadFile, payload.where(),
          ": expected a shape, a type and bytes");
    TensorView array;
    const Head shape = read_head(payload);
    check(shape.kind == Kind::kList && shape.count <= kMaxDimensions, ErrorCode::kBadFile,
          payload.where(), ": expected a shape of at most ", kMaxDimensions, " dimensions");
    for (uint64_t i = 0; i < shape.count; ++i) {
      const Head extent = read_head(payload);
      check(extent.kind == Kind::kUnsigned, ErrorCode::kBadFile, payload.where(),
            ": expected whole numbers as its shape");
      array.shape.push_back(extent.count);
    }
    array.type = element_type(payload);
    uint64_t size = dtype_size(array.type);
    for (const uint64_t extent : array.shape) {
      size = checked_multiply(size, extent, payload.where());
    }
    const Head data = read_head(payload);
    check((data.kind == Kind::kBinary || data.kind == Kind::kText) && data.count == size,
          ErrorCode::kBadFile, payload.where(), ": ", dtype_name(array.type), " ",
          shape_text(array.shape), " takes ", size, " bytes, found ", data.count);
    array.bytes = payload.take(size, "bytes");
    check(payload.at_end(), ErrorCode::kBadFile, payload.where(), ": ", payload.remaining(),
          " bytes follow the array");
    return array;
  }

  static DType element_type(ByteReader& payload) {
    const Head head = read_head(payload);
    check((head.kind == Kind::kText || head.kind == Kind::kBinary) && head.count <= kMaxKey,
          ErrorCode::kBadFile, payload.where(), ": expected the name of a type");
    const std::string_view name = payload.text(head.count, "type");
    const auto found = std::find_if(std::begin(kTypeNames), std::end(kTypeNames),
                                    [&](const TypeName& element) { return element.name == name; });
    check(found != std::end(kTypeNames), ErrorCode::kUnsupported, payload.where(), ": type ",
          lazy_excerpt(std::string(name)), " is not supported");
    return found->type;
  }

  std::string where(const std::string& path) const {
    return path.empty() ? reader_.where() : concat(reader_.where(), ": ", json_excerpt(path));
  }

  ByteReader reader_;
  std::vector<TensorView> arrays_;
};

}  // namespace

bool is_msgpack_map(std::span<const std::byte> bytes) {
  try {
    ByteReader reader(bytes, "");
    const Head map = read_head(reader);
    const Head key = read_head(reader);
    return map.kind == Kind::kMap && map.count > 0 && key.kind == Kind::kText && key.count > 0 &&
           key.count <= kMaxKey && reader.remaining() >= key.count;
  } catch (const Error&) {  // the bytes end before the key does
    return false;
  }
}

std::vector<TensorView> read_flax_arrays(std::span<const std::byte> bytes,
                                         const std::string& where) {
  return Walker(bytes, where).walk();
}

}  // namespace gptj
