// SPDX-License-Identifier: Apache-2.0
// dump_tensors file FILE: the tensors of one of torch.save's files
// dump_tensors npz FILE: the arrays of one of numpy.savez's files, under the names that it gives
// them dump_tensors checkpoint PATH: those of a checkpoint, under their canonical names For each a
// line of JSON with name, dtype, shape and bytes, then that many bytes.
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "formats/npy.h"
#include "formats/pytorch.h"
#include "gptj/error.h"

namespace {

using gptj::TensorView;

void print(const TensorView& tensor, std::span<const std::byte> bytes) {
  const nlohmann::json line = {{"name", tensor.name},
                               {"dtype", gptj::dtype_name(tensor.type)},
                               {"shape", tensor.shape},
                               {"bytes", bytes.size()}};
  std::cout << line.dump() << '\n';
  std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
}

void dump_file(const std::string& path) {
  const gptj::PytorchFile file(path);
  for (const gptj::PytorchTensor& tensor : file.tensors()) {
    if (tensor.is_contiguous()) {
      print(tensor.view, tensor.view.bytes);
      continue;
    }
    size_t size = gptj::dtype_size(tensor.view.type);
    for (const uint64_t extent : tensor.view.shape) size *= extent;
    std::vector<std::byte> bytes(size);
    gather(tensor, bytes);
    print(tensor.view, bytes);
  }
}

void dump_npz(const std::string& path) {
  const gptj::MappedFile file(path);
  size_t count = 0;
  for (TensorView& array : gptj::read_npz(file.bytes(), path)) {
    array.name = "arr_" + std::to_string(count++);
    print(array, array.bytes);
  }
}

void dump_checkpoint(const std::string& path) {
  const gptj::Checkpoint checkpoint = gptj::Checkpoint::open(path);
  for (const gptj::CheckpointTensor& tensor : checkpoint.tensors()) {
    if (!tensor.make) {
      print(tensor, tensor.bytes);
      continue;
    }
    std::vector<std::byte> bytes(tensor.size());
    tensor.make(bytes);
    print(tensor, bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 3 ? argv[1] : "";
  try {
    if (what == "file") {
      dump_file(argv[2]);
    } else if (what == "npz") {
      dump_npz(argv[2]);
    } else if (what == "checkpoint") {
      dump_checkpoint(argv[2]);
    } else {
      return 2;
    }
  } catch (const gptj::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
