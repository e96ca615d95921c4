// SPDX-License-Identifier: Apache-2.0
// Safetensors files for tests, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/tensor_view.h"

namespace gptj::test {

struct TestTensor {
  std::string name;
  DType type = DType::kF32;
  std::vector<uint64_t> shape;
  std::string bytes;
};

// A tensor of the right size whose bytes count up.
inline TestTensor counting_tensor(const std::string& name, DType type,
                                  const std::vector<uint64_t>& shape) {
  size_t size = dtype_size(type);
  for (const uint64_t extent : shape) size *= extent;
  TestTensor tensor{name, type, shape, std::string(size, '\0')};
  for (size_t i = 0; i < size; ++i) tensor.bytes[i] = static_cast<char>(i & 0x3f);
  return tensor;
}

// The eight bytes of length, then the parts as they are.
inline std::string safetensors_file(const std::string& header, const std::string& data,
                                    uint64_t header_length) {
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i) file[i] = static_cast<char>(header_length >> (8 * i));
  return file + header + data;
}
inline std::string safetensors_file(const std::string& header, const std::string& data) {
  return safetensors_file(header, data, header.size());
}

inline std::string safetensors_file(const std::vector<TestTensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const TestTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", dtype_name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  return safetensors_file(header.dump(), data);
}

}  // namespace gptj::test
