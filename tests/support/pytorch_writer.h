// SPDX-License-Identifier: Apache-2.0
// Zip archives, pickles and files of torch.save for tests, right ones and wrong ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/safetensors_writer.h"

namespace gptj::test {

template <class Number>
std::string le(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

struct ZipOptions {
  bool zip64_end = false;      // PyTorch writes those records always
  bool zip64_entries = false;  // sizes in zip64 fields, as NumPy writes them
  bool sizes_follow = false;   // a data descriptor behind each entry, as PyTorch writes it
  uint16_t method = 0, flags = 0;
  std::string comment = {};
};

struct ZipFileEntry {
  std::string name, bytes;
};

inline std::string zip_file(const std::vector<ZipFileEntry>& entries, const ZipOptions& o = {}) {
  std::string file, directory;
  const auto flags = static_cast<uint16_t>(o.flags | (o.sizes_follow ? 8 : 0));
  for (const auto& [name, bytes] : entries) {
    const auto size = static_cast<uint32_t>(bytes.size());
    const uint64_t begin = file.size();
    const std::string both = o.zip64_entries ? std::string(8, '\xff') : le(size) + le(size);
    std::string extra;
    if (o.zip64_entries)
      extra = le<uint16_t>(1) + le<uint16_t>(16) + le<uint64_t>(size) + le<uint64_t>(size);
    const std::string common = le<uint16_t>(20) + le(flags) + le(o.method) + std::string(8, '\0');
    const std::string lengths =
        le(static_cast<uint16_t>(name.size())) + le(static_cast<uint16_t>(extra.size()));
    file += "PK\x03\x04" + common + (o.sizes_follow ? std::string(8, '\0') : both) + lengths +
            name + extra + bytes;
    if (o.sizes_follow) file += "PK\x07\x08" + le<uint32_t>(0) + le(size) + le(size);
    directory += "PK\x01\x02" + le<uint16_t>(20) + common + both + lengths + std::string(10, '\0') +
                 le(static_cast<uint32_t>(begin)) + name + extra;
  }
  const uint64_t begin = file.size(), n = entries.size();
  file += directory;
  if (o.zip64_end) {
    const uint64_t record = file.size();
    file += "PK\x06\x06" + le<uint64_t>(44) + std::string(12, '\0') + le(n) + le(n) +
            le<uint64_t>(directory.size()) + le(begin);
    file += "PK\x06\x07" + le<uint32_t>(0) + le(record) + le<uint32_t>(1);
  }
  const auto n16 = static_cast<uint16_t>(n);
  return file + "PK\x05\x06" + std::string(4, '\0') + le(n16) + le(n16) +
         le(static_cast<uint32_t>(directory.size())) + le(static_cast<uint32_t>(begin)) +
         le(static_cast<uint16_t>(o.comment.size())) + o.comment;
}

// Parts of a pickle of protocol 2.
namespace pickled {

inline std::string text(const std::string& s) {
  return "X" + le(static_cast<uint32_t>(s.size())) + s;
}
inline std::string integer(uint64_t n) { return "\x8a\x08" + le(n); }
inline std::string tuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}
inline std::string numbers(const std::vector<uint64_t>& values) {
  std::string all = "(";
  for (const uint64_t value : values) all += integer(value);
  return all + "t";
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }
inline std::string whole(const std::string& value) { return "\x80\x02" + value + "."; }

}  // namespace pickled

// What a state_dict says of a tensor; the members default to what is right for `tensor`.
struct TorchTensor {
  TestTensor tensor;                   // its bytes are those of the storage
  std::string key;                     // of the storage
  std::vector<uint64_t> strides = {};  // in elements; empty: row-major
  uint64_t offset = 0;
  bool parameter = false;

  uint64_t storage_elements() const { return tensor.bytes.size() / dtype_size(tensor.type); }

  std::string storage_type() const {
    switch (tensor.type) {
      case DType::kF32: return "FloatStorage";
      case DType::kF16: return "HalfStorage";
      case DType::kBF16: return "BFloat16Storage";
      case DType::kF64: return "DoubleStorage";
      case DType::kBool: return "BoolStorage";
      case DType::kU8: return "ByteStorage";
      case DType::kI8: return "CharStorage";
      case DType::kI16: return "ShortStorage";
      case DType::kI32: return "IntStorage";
      case DType::kI64: return "LongStorage";
      default: return "NoStorage";
    }
  }

  std::string pickle(bool legacy = false) const {
    std::vector<uint64_t> steps = strides;
    if (steps.empty()) {
      uint64_t step = 1;
      steps.resize(tensor.shape.size());
      for (size_t i = steps.size(); i-- > 0; step *= tensor.shape[i]) steps[i] = step;
    }
    std::vector<std::string> id = {pickled::text("storage"),
                                   pickled::global("torch", storage_type()), pickled::text(key),
                                   pickled::text("cpu"), pickled::integer(storage_elements())};
    if (legacy) id.push_back("N");
    const std::string call =
        pickled::global("torch._utils", "_rebuild_tensor_v2") +
        pickled::tuple({pickled::tuple(id) + "Q", pickled::integer(offset),
                        pickled::numbers(tensor.shape), pickled::numbers(steps), "\x89",
                        pickled::ordered_dict()}) +
        "R";
    if (!parameter) return call;
    return pickled::global("torch._utils", "_rebuild_parameter") +
           pickled::tuple({call, "\x88", pickled::ordered_dict()}) + "R";
  }
};

inline std::string state_dict(const std::vector<TorchTensor>& tensors, bool legacy = false) {
  std::string items = pickled::ordered_dict() + "(";
  for (const TorchTensor& each : tensors) {
    items += pickled::text(each.tensor.name) + each.pickle(legacy);
  }
  return pickled::whole(items + "u}" + pickled::text("_metadata") + "}sb");
}

// A zip archive as torch.save writes it, around any pickle.
inline std::string torch_archive(const std::string& pickle, const std::vector<TorchTensor>& tensors,
                                 std::vector<ZipFileEntry> more = {}) {
  std::vector<ZipFileEntry> entries = {{"archive/data.pkl", pickle}};
  std::vector<std::string> keys;
  for (const TorchTensor& each : tensors) {
    if (std::find(keys.begin(), keys.end(), each.key) != keys.end()) continue;
    keys.push_back(each.key);
    entries.push_back({"archive/data/" + each.key, each.tensor.bytes});
  }
  entries.push_back({"archive/version", "3\n"});
  entries.insert(entries.end(), more.begin(), more.end());
  return zip_file(entries, {.zip64_end = true, .sizes_follow = true});
}
inline std::string torch_file(const std::vector<TorchTensor>& tensors) {
  return torch_archive(state_dict(tensors), tensors);
}

// The file of before PyTorch 1.6.
inline std::string legacy_torch_file(const std::vector<TorchTensor>& tensors) {
  std::string file = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  file += pickled::whole("M\xe9\x03");
  file += pickled::whole("}(" + pickled::text("little_endian") + "\x88u");
  file += state_dict(tensors, /*legacy=*/true);
  std::string keys, storages;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TorchTensor& each = tensors[i];
    const auto same = [&](const TorchTensor& other) { return other.key == each.key; };
    if (std::any_of(tensors.begin(), tensors.begin() + static_cast<ptrdiff_t>(i), same)) continue;
    keys += pickled::text(each.key);
    storages += le(each.storage_elements()) + each.tensor.bytes;
  }
  return file + pickled::whole("](" + keys + "e") + storages;
}

// A checkpoint's tensors, each in a storage of its own.
inline std::vector<TorchTensor> torch_tensors(const std::vector<TestTensor>& tensors) {
  std::vector<TorchTensor> all;
  for (const TestTensor& tensor : tensors) all.push_back({tensor, std::to_string(all.size())});
  return all;
}

}  // namespace gptj::test
