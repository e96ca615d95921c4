// SPDX-License-Identifier: Apache-2.0
#include "formats/safetensors_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"

namespace gptj {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kDataAlignment = 4096;

}  // namespace

uint64_t TensorDeclaration::bytes() const {
  uint64_t n = dtype_size(type);
  for (const uint64_t extent : shape) n *= extent;
  return n;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path,
                                     std::vector<TensorDeclaration> tensors, Metadata metadata,
                                     size_t spare)
    : path_(path), tensors_(std::move(tensors)), metadata_(std::move(metadata)), file_(path) {
  for (const TensorDeclaration& tensor : tensors_) data_bytes_ += tensor.bytes();
  const uint64_t needed = kLengthBytes + header().size() + spare;
  data_begin_ = (needed + kDataAlignment - 1) / kDataAlignment * kDataAlignment;
  const uint64_t space = free_disk_space(path);
  check(file_bytes() <= space, ErrorCode::kIo, path, ": needs ", file_bytes(),
        " bytes of disk, found ", space, " free");
}

uint64_t SafetensorsWriter::file_bytes() const { return data_begin_ + data_bytes_; }

std::string SafetensorsWriter::header() const {
  auto json = object_of<nlohmann::ordered_json>(tensors_.size() + 1);
  const TakenApart apart(json);
  json["__metadata__"] = metadata_;
  uint64_t begin = 0;
  for (const TensorDeclaration& tensor : tensors_) {
    const uint64_t end = begin + tensor.bytes();
    auto& entry = json[tensor.name] = object_of<nlohmann::ordered_json>(3);
    entry["dtype"] = dtype_name(tensor.type);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = std::vector<uint64_t>{begin, end};
    begin = end;
  }
  try {
    return json.dump();
  } catch (const nlohmann::json::type_error& error) {
    fail(ErrorCode::kUnsupported, concat(path_, ": metadata must be UTF-8: ", error.what()));
  }
}

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
  check(bytes.size() <= data_bytes_ - written_, ErrorCode::kInvalidArgument, path_,
        ": more bytes than the tensors declared");
  file_.write_at(data_begin_ + written_, bytes);
  written_ += bytes.size();
}

void SafetensorsWriter::write_header() {
  check(written_ == data_bytes_, ErrorCode::kInvalidArgument, path_, ": expected ", data_bytes_,
        " bytes of tensors, found ", written_);
  const std::string block = header_block();
  const auto bytes = std::as_bytes(std::span(block));
  file_.write_at(kLengthBytes, bytes.subspan(kLengthBytes));
  file_.write_at(0, bytes.first(kLengthBytes));
}

std::string SafetensorsWriter::header_block() const {
  const std::string text = header();
  const uint64_t length = data_begin_ - kLengthBytes;
  check(text.size() <= length, ErrorCode::kInvalidArgument, path_, ": the header has room for ",
        length, " bytes, not for ", text.size());
  std::string block(data_begin_, ' ');
  std::memcpy(block.data(), &length, kLengthBytes);
  std::copy(text.begin(), text.end(), block.begin() + kLengthBytes);
  return block;
}

void SafetensorsWriter::set_metadata(const std::string& key, const std::string& value) {
  metadata_[key] = value;
}

}  // namespace gptj
