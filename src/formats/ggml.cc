// SPDX-License-Identifier: Apache-2.0
#include "formats/ggml.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/checked_math.h"
#include "base/json.h"
#include "tensor/tensor_view.h"

namespace gptj {
namespace {

using Bytes = std::span<const std::byte>;

// The magic numbers "ggml" and "ggjt". Their letters are reversed, because files store them as
// little-endian numbers.
constexpr std::string_view kGgml = "lmgg", kGgjt = "tjgg";
constexpr uint64_t kMagicBytes = 4;
constexpr uint64_t kGgjtAlignment = 32;
constexpr uint32_t kLastGgjtVersion = 3;
constexpr int32_t kVersionFactor = 1000;  // file type = 1000 x version + type of most tensors
constexpr size_t kMaxTensors = 1 << 16;
constexpr int32_t kMaxVocabulary = 1 << 24;
constexpr int32_t kMaxDimensions = 4, kMaxName = 256;

bool starts_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

class Parser {
 public:
  Parser(Bytes bytes, const std::string& where) : bytes_(bytes), reader_(bytes, where) {}

  GgmlFile read(size_t n_sizes) {
    read_magic();
    for (size_t i = 0; i < n_sizes; ++i) {
      file_.sizes.push_back(reader_.little_endian<int32_t>("the model's sizes"));
    }
    file_.quantization = quantization(file_.sizes.back());
    read_vocabulary(file_.sizes.front());
    while (!reader_.at_end()) {
      check(file_.tensors.size() < kMaxTensors, ErrorCode::kBadFile, reader_.where(),
            ": expected at most ", kMaxTensors, " tensors, found more");
      read_tensor();
    }
    return std::move(file_);
  }

 private:
  void read_magic() {
    is_ggjt_ = starts_with(bytes_, kGgjt);
    check(is_ggjt_ || starts_with(bytes_, kGgml), ErrorCode::kBadFile, reader_.where(),
          ": expected a legacy ggml file, found another");
    reader_.take(kMagicBytes, "the magic number");
    if (!is_ggjt_) return;
    version_ = reader_.little_endian<uint32_t>("the version");
    check(version_ >= 1 && version_ <= kLastGgjtVersion, ErrorCode::kUnsupported, reader_.where(),
          ": expected GGJT of version 1 to ", kLastGgjtVersion, ", found version ", version_);
  }

  // Returns the version of the layout of blocks. Versions 2 and 3 of GGJT introduced new layouts,
  // and not every writer noted the layout in the file's type as well.
  int quantization(int32_t file_type) const {
    const int noted = file_type / kVersionFactor;
    check(file_type >= 0 && noted <= kLastGgmlQuantization, ErrorCode::kUnsupported,
          reader_.where(), ": expected quantization version 0 to ", kLastGgmlQuantization,
          ", found the file type ", file_type);
    if (noted == 0 && is_ggjt_) return static_cast<int>(version_) - 1;
    return noted;
  }

  void read_vocabulary(int32_t expected) {
    const auto n = reader_.little_endian<int32_t>("the vocabulary's size");
    check(n == expected && n >= 0, ErrorCode::kBadFile, reader_.where(),
          ": the vocabulary's size is given as ", expected, " and as ", n,
          is_ggjt_ ? "; a GGJT file of neural-speed, or of another kind of model? Open the model "
                     "that it was made from"
                   : "; a ggml file of another kind of model?");
    check(n <= kMaxVocabulary, ErrorCode::kBadFile, reader_.where(),
          ": expected a vocabulary of at most ", kMaxVocabulary, " tokens, found ", n);
    for (int32_t i = 0; i < n; ++i) {
      const auto length = reader_.little_endian<uint32_t>("the vocabulary");
      const Bytes token = reader_.take(length, "a token of the vocabulary");
      file_.vocabulary.emplace_back(reinterpret_cast<const char*>(token.data()), token.size());
      if (is_ggjt_) reader_.little_endian<float>("a token's score");
    }
  }

  void read_tensor() {
    const auto n_dimensions = reader_.little_endian<int32_t>("a tensor");
    const auto name_length = reader_.little_endian<int32_t>("a tensor");
    const auto type = reader_.little_endian<uint32_t>("a tensor");
    check(n_dimensions >= 1 && n_dimensions <= kMaxDimensions && name_length >= 1 &&
              name_length <= kMaxName,
          ErrorCode::kBadFile, reader_.where(), ": the tensor that begins at byte ",
          reader_.position() - 12, ": expected 1 to ", kMaxDimensions,
          " dimensions and a name of at most ", kMaxName, " bytes, found ", n_dimensions, " and ",
          name_length, "; is the file damaged?");
    GgmlTensor tensor;
    for (int32_t i = 0; i < n_dimensions; ++i) {
      tensor.shape.push_back(reader_.little_endian<uint32_t>("a tensor's shape"));
    }
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    tensor.name = reader_.text(static_cast<uint64_t>(name_length), "a tensor's name");
    const std::string where = concat(reader_.where(), ": tensor ", json_excerpt(tensor.name));
    tensor.type = known_type(type, where);
    if (is_ggjt_) align(where);
    tensor.bytes = reader_.take(size_of(tensor, where), where);
    file_.tensors.push_back(std::move(tensor));
  }

  static GgmlType known_type(uint32_t number, const std::string& where) {
    const std::optional<GgmlType> type = ggml_type(number);
    const char* name = ggml_type_name(number);
    check(type.has_value(), name == nullptr ? ErrorCode::kBadFile : ErrorCode::kUnsupported, where,
          ": expected f32, f16, q4_0, q4_1, q5_0, q5_1 or q8_0, found ",
          name == nullptr ? concat("type ", number) : name,
          "; open the model that it was made from");
    return *type;
  }

  void align(const std::string& where) {
    const uint64_t rest = reader_.position() % kGgjtAlignment;
    if (rest != 0) reader_.take(kGgjtAlignment - rest, where);
  }

  uint64_t size_of(const GgmlTensor& tensor, const std::string& where) const {
    const uint64_t row = tensor.shape.back();
    check(!is_quantized(tensor.type) || row % kGgmlBlock == 0, ErrorCode::kBadFile, where,
          ": expected rows of a multiple of ", kGgmlBlock, " numbers, found ",
          shape_text(tensor.shape));
    uint64_t bytes = ggml_row_bytes(tensor.type, file_.quantization, row);
    for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
      bytes = checked_multiply(bytes, tensor.shape[i], where);
    }
    check(bytes > 0, ErrorCode::kBadFile, where, ": expected a tensor that is not empty, found ",
          shape_text(tensor.shape));
    return bytes;
  }

  Bytes bytes_;
  ByteReader reader_;
  bool is_ggjt_ = false;
  uint32_t version_ = 0;
  GgmlFile file_;
};

}  // namespace

bool is_ggml(Bytes bytes) { return starts_with(bytes, kGgml) || starts_with(bytes, kGgjt); }

GgmlFile read_ggml(Bytes bytes, const std::string& where, size_t n_sizes) {
  return Parser(bytes, where).read(n_sizes);
}

}  // namespace gptj
