// SPDX-License-Identifier: Apache-2.0
#include "formats/pytorch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "base/checked_math.h"
#include "formats/file_kind.h"
#include "formats/json_text.h"
#include "formats/pickle.h"
#include "formats/zip.h"

namespace gptj {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

using Bytes = std::span<const std::byte>;
using Kind = PickleValue::Kind;
using std::string_view_literals::operator""sv;

constexpr auto kRebuildTensor = "torch._utils._rebuild_tensor_v2"sv;
constexpr auto kRebuildParameter = "torch._utils._rebuild_parameter"sv;
struct StorageType {
  std::string_view name;
  DType type;
};
constexpr StorageType kStorageTypes[] = {
    {"torch.FloatStorage", DType::kF32},     {"torch.HalfStorage", DType::kF16},
    {"torch.BFloat16Storage", DType::kBF16}, {"torch.DoubleStorage", DType::kF64},
    {"torch.BoolStorage", DType::kBool},     {"torch.ByteStorage", DType::kU8},
    {"torch.CharStorage", DType::kI8},       {"torch.ShortStorage", DType::kI16},
    {"torch.IntStorage", DType::kI32},       {"torch.LongStorage", DType::kI64},
};
constexpr std::string_view kGlobals[] = {
    kRebuildTensor,        kRebuildParameter,     kStorageTypes[0].name, kStorageTypes[1].name,
    kStorageTypes[2].name, kStorageTypes[3].name, kStorageTypes[4].name, kStorageTypes[5].name,
    kStorageTypes[6].name, kStorageTypes[7].name, kStorageTypes[8].name, kStorageTypes[9].name,
};
constexpr uint64_t kMaxDimensions = 8;

// Of the file before PyTorch 1.6: what its first pickle holds, 0x1950a86a20f9469cfc6c.
constexpr auto kLegacyMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr int64_t kLegacyProtocol = 1001;

// A storage as the pickle names it.
struct StorageId {
  std::string key;
  DType type = DType::kF32;
  uint64_t elements = 0;
};

// A tensor that the pickle describes; its storage is found later.
struct Described {
  std::string name;
  StorageId storage;
  uint64_t offset = 0;  // this and the strides in elements
  std::vector<uint64_t> shape, strides;
};

// What one value of a pickle must be; `where` names the file and the tensor.
class Expect {
 public:
  explicit Expect(std::string where) : where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  void that(bool ok, const char* what, const char* expected, const PickleValue& found) const {
    if (ok) return;
    fail(ErrorCode::kBadFile,
         concat(where_, ": ", what, ": expected ", expected, ", found ", found));
  }
  uint64_t count(const PickleValue& value, const char* what) const {
    that(value.kind == Kind::kInteger && value.integer >= 0, what, "a whole number", value);
    return static_cast<uint64_t>(value.integer);
  }
  std::vector<uint64_t> counts(const PickleValue& value, const char* what) const {
    that(value.kind == Kind::kTuple && value.items.size() <= kMaxDimensions, what,
         "a tuple of at most 8 whole numbers", value);
    std::vector<uint64_t> numbers;
    for (const PickleValue* item : value.items) numbers.push_back(count(*item, what));
    return numbers;
  }
  // The arguments of a call of `name`, of which there must be at least `least`.
  std::span<const PickleValue* const> arguments(const PickleValue& value, std::string_view name,
                                                size_t least) const {
    const bool is_call = value.kind == Kind::kCall && value.text == name;
    if (is_call && value.items[0]->items.size() >= least) return value.items[0]->items;
    fail(ErrorCode::kUnsupported, concat(where_, ": expected a tensor, found ", value,
                                         "; save the state_dict() of the model alone"));
  }

 private:
  std::string where_;
};

StorageId storage_id(const PickleValue& value, const Expect& expect) {
  expect.that(value.kind == Kind::kPersistentId, "storage", "a persistent id", value);
  const PickleValue& id = *value.items[0];
  expect.that(id.kind == Kind::kTuple && (id.items.size() == 5 || id.items.size() == 6), "storage",
              "a tuple of 5 or 6 values", id);
  const PickleValue& tag = *id.items[0];
  expect.that(tag.kind == Kind::kText && tag.text == "storage", "persistent id",
              "the text \"storage\"", tag);
  const PickleValue& global = *id.items[1];
  const auto type = std::find_if(
      std::begin(kStorageTypes), std::end(kStorageTypes), [&](const StorageType& candidate) {
        return global.kind == Kind::kGlobal && candidate.name == global.text;
      });
  expect.that(type != std::end(kStorageTypes), "storage", "a type of storage", global);
  const PickleValue& key = *id.items[2];
  expect.that(key.kind == Kind::kText && !key.text.empty() &&
                  key.text.find_first_of("/\\\0"sv) == std::string::npos,
              "storage", "a plain name", key);
  if (id.items.size() == 6) {
    expect.that(id.items[5]->kind == Kind::kNone, "storage",
                "one of its own (PyTorch before 0.4 shared them in another way)", *id.items[5]);
  }
  return {key.text, type->type, expect.count(*id.items[4], "elements of the storage")};
}

Described tensor_of(const PickleValue& value, const std::string& name, const Expect& expect) {
  const PickleValue* tensor = &value;
  if (value.kind == Kind::kCall && value.text == kRebuildParameter) {
    tensor = expect.arguments(value, kRebuildParameter, 1)[0];
  }
  const auto arguments = expect.arguments(*tensor, kRebuildTensor, 4);
  Described described{name, storage_id(*arguments[0], expect), 0, {}, {}};
  described.offset = expect.count(*arguments[1], "storage_offset");
  described.shape = expect.counts(*arguments[2], "size");
  described.strides = expect.counts(*arguments[3], "stride");
  check(described.shape.size() == described.strides.size(), ErrorCode::kBadFile, expect.where(),
        ": size ", shape_text(described.shape), " and stride ", shape_text(described.strides),
        " differ in length");
  return described;
}

std::vector<Described> describe_tensors(const PickleValue& root, const std::string& path) {
  check(root.kind == Kind::kDict, ErrorCode::kUnsupported, path,
        ": expected a state_dict from names to tensors, found ", root,
        "; save the state_dict() of the model");
  std::vector<Described> tensors;
  std::set<std::string> names;
  for (size_t i = 0; i < root.items.size(); i += 2) {
    const PickleValue& name = *root.items[i];
    check(name.kind == Kind::kText, ErrorCode::kUnsupported, path,
          ": expected a state_dict from names to tensors, found ", name, " as a name");
    const Expect expect(concat(path, ": tensor ", json_excerpt(name.text)));
    check(names.insert(name.text).second, ErrorCode::kBadFile, expect.where(), ": is there twice");
    tensors.push_back(tensor_of(*root.items[i + 1], name.text, expect));
  }
  return tensors;
}

// The strides of a tensor whose elements lie in row-major order; those of extents of 1 do not
// matter.
bool is_row_major(const std::vector<uint64_t>& shape, const std::vector<uint64_t>& strides) {
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

PytorchTensor place(const Described& described, Bytes storage, uint64_t file_bytes,
                    const std::string& path) {
  const std::string where = concat(path, ": tensor ", json_excerpt(described.name));
  const uint64_t element = dtype_size(described.storage.type);
  uint64_t elements = 1, span = 1;  // from the first element to behind the last
  for (size_t i = 0; i < described.shape.size(); ++i) {
    elements = checked_multiply(elements, described.shape[i], where);
    if (described.shape[i] == 0) continue;
    span = checked_add(span, checked_multiply(described.shape[i] - 1, described.strides[i], where),
                       where);
  }
  PytorchTensor tensor{{described.name, described.storage.type, described.shape, {}}};
  if (elements == 0) return tensor;  // PyTorch lets those begin anywhere
  const uint64_t end = checked_add(described.offset, span, where);
  check(end <= described.storage.elements, ErrorCode::kBadFile, where, ": ends at element ", end,
        " of its storage, which has ", described.storage.elements);
  check(elements <= file_bytes / element, ErrorCode::kUnsupported, where, ": ",
        shape_text(described.shape), " repeats few numbers more often than the file has bytes");
  const Bytes extent = storage.subspan(described.offset * element, span * element);
  if (is_row_major(described.shape, described.strides)) {
    tensor.view.bytes = extent;
  } else {
    tensor.extent = extent;
    tensor.strides = described.strides;
  }
  return tensor;
}

void check_size(Bytes bytes, const StorageId& storage, const std::string& where) {
  const uint64_t expected = checked_multiply(storage.elements, dtype_size(storage.type), where);
  check(bytes.size() == expected, ErrorCode::kBadFile, where, ": storage ",
        json_excerpt(storage.key), ": expected ", storage.elements, " elements of ",
        dtype_name(storage.type), ", which take ", expected, " bytes, found ", bytes.size());
}

// The archive: PREFIX/data.pkl, and each storage as PREFIX/data/KEY.
class Archive {
 public:
  Archive(Bytes file, const std::string& path) : path_(path) {
    for (ZipEntry& entry : read_zip(file, path)) entries_.emplace(entry.name, entry.bytes);
    find_prefix();
    check(!find("constants.pkl"), ErrorCode::kUnsupported, path_,
          ": a TorchScript program, as rust_model.ot is too; a state_dict saved by torch.save was "
          "expected, pytorch_model.bin");
    const auto order = find("byteorder");
    check(!order || text(*order) == "little", ErrorCode::kUnsupported, path_,
          ": byteorder: expected \"little\", found ", order ? json_excerpt(text(*order)) : "");
  }

  Bytes pickle() const { return *find("data.pkl"); }
  Bytes storage(const StorageId& id) const {
    const auto bytes = find("data/" + id.key);
    check(bytes.has_value(), ErrorCode::kBadFile, path_, ": storage ", json_excerpt(id.key),
          " is not in the archive");
    check_size(*bytes, id, path_);
    return *bytes;
  }

 private:
  static std::string text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void find_prefix() {
    constexpr auto kPickle = "/data.pkl"sv;
    for (const auto& [name, bytes] : entries_) {
      if (!name.ends_with(kPickle) || name.find('/') != name.size() - kPickle.size()) continue;
      check(prefix_.empty(), ErrorCode::kBadFile, path_, ": two folders with a data.pkl");
      prefix_ = name.substr(0, name.size() - kPickle.size() + 1);
    }
    if (!prefix_.empty()) return;
    const bool numpy = std::any_of(entries_.begin(), entries_.end(),
                                   [](const auto& entry) { return entry.first.ends_with(".npy"); });
    fail(
        ErrorCode::kUnsupported,
        concat(path_, ": expected a zip archive of torch.save, with data.pkl in its folder, found ",
               numpy ? "one of NumPy (.npz)" : "another"));
  }
  std::optional<Bytes> find(const std::string& name) const {
    const auto found = entries_.find(prefix_ + name);
    if (found == entries_.end()) return {};
    return found->second;
  }

  std::string path_, prefix_;
  std::map<std::string, Bytes> entries_;
};

std::vector<PytorchTensor> read_archive(Bytes file, const std::string& path) {
  const Archive archive(file, path);
  ByteReader reader(archive.pickle(), path + ": data.pkl");
  const Pickle pickle(reader, kGlobals);
  std::vector<PytorchTensor> tensors;
  for (const Described& described : describe_tensors(pickle.root(), path)) {
    tensors.push_back(place(described, archive.storage(described.storage), file.size(), path));
  }
  return tensors;
}

void check_legacy_head(ByteReader& reader) {
  const Pickle magic(reader, {});
  check(magic.root().kind == Kind::kLong && magic.root().text == kLegacyMagic,
        ErrorCode::kUnsupported, reader.where(),
        ": a Python pickle, but not of torch.save: ", "expected PyTorch's magic number, found ",
        magic.root());
  const Pickle protocol(reader, {});
  check(protocol.root().kind == Kind::kInteger && protocol.root().integer == kLegacyProtocol,
        ErrorCode::kUnsupported, reader.where(), ": expected PyTorch's protocol ", kLegacyProtocol,
        ", found ", protocol.root());
  const Pickle system(reader, {});
  const std::vector<const PickleValue*>& info = system.root().items;
  for (size_t i = 0; system.root().kind == Kind::kDict && i < info.size(); i += 2) {
    if (info[i]->kind != Kind::kText || info[i]->text != "little_endian") continue;
    check(info[i + 1]->kind == Kind::kBool && info[i + 1]->integer == 1, ErrorCode::kUnsupported,
          reader.where(), ": little_endian: expected True, found ", *info[i + 1]);
  }
}

// The storages in the order of the list of keys, each behind its number of elements.
std::map<std::string, Bytes> legacy_storages(ByteReader& reader,
                                             const std::map<std::string, StorageId>& used) {
  const Pickle keys(reader, {});
  check(keys.root().kind == Kind::kList, ErrorCode::kBadFile, reader.where(),
        ": expected the list of storages, found ", keys.root());
  std::map<std::string, Bytes> storages;
  for (const PickleValue* key : keys.root().items) {
    const auto id = used.find(key->kind == Kind::kText ? key->text : "");
    check(id != used.end(), ErrorCode::kBadFile, reader.where(), ": no tensor says the type of ",
          "storage ", *key);
    const std::string where = concat(reader.where(), ": storage ", json_excerpt(id->first));
    const auto elements = reader.little_endian<uint64_t>("elements of a storage");
    check(elements == id->second.elements, ErrorCode::kBadFile, where, ": expected ",
          id->second.elements, " elements, found ", elements);
    const uint64_t size = checked_multiply(elements, dtype_size(id->second.type), where);
    check(storages.emplace(id->first, reader.take(size, "a storage; is the download complete?"))
              .second,
          ErrorCode::kBadFile, where, ": is there twice");
  }
  check(reader.at_end(), ErrorCode::kBadFile, reader.where(), ": ", reader.remaining(),
        " bytes follow the last storage");
  return storages;
}

std::vector<PytorchTensor> read_legacy(Bytes file, const std::string& path) {
  ByteReader reader(file, path);
  check_legacy_head(reader);
  const Pickle pickle(reader, kGlobals);
  const std::vector<Described> all = describe_tensors(pickle.root(), path);
  std::map<std::string, StorageId> used;
  for (const Described& each : all) {
    const auto [known, is_new] = used.emplace(each.storage.key, each.storage);
    check(is_new || (known->second.type == each.storage.type &&
                     known->second.elements == each.storage.elements),
          ErrorCode::kBadFile, path, ": tensor ", json_excerpt(each.name), ": storage ",
          json_excerpt(each.storage.key), " is described in two ways");
  }
  const std::map<std::string, Bytes> storages = legacy_storages(reader, used);
  std::vector<PytorchTensor> tensors;
  for (const Described& each : all) {
    const auto storage = storages.find(each.storage.key);
    check(storage != storages.end(), ErrorCode::kBadFile, path, ": tensor ",
          json_excerpt(each.name), ": storage ", json_excerpt(each.storage.key), " is missing");
    tensors.push_back(place(each, storage->second, file.size(), path));
  }
  return tensors;
}

// One dimension of a copy, its strides in elements.
struct Axis {
  uint64_t extent = 1, in = 0, out = 0;
};
// Two axes are copied in blocks: the one along which the source is densest, and the last.
struct Layout {
  std::vector<Axis> outer;
  Axis dense, last;
};

Layout layout_of(const PytorchTensor& tensor) {
  Layout layout;
  uint64_t out = 1;
  for (size_t i = tensor.strides.size(); i-- > 0;) {
    const Axis axis{tensor.view.shape[i], tensor.strides[i], out};
    out *= axis.extent;
    if (axis.extent > 1) layout.outer.insert(layout.outer.begin(), axis);
  }
  layout.last = layout.outer.back();
  layout.outer.pop_back();
  const auto densest = std::min_element(layout.outer.begin(), layout.outer.end(),
                                        [](const Axis& a, const Axis& b) { return a.in < b.in; });
  if (densest != layout.outer.end()) {
    layout.dense = *densest;
    layout.outer.erase(densest);
  }
  return layout;
}

template <size_t kBytes>
void gather_elements(const std::byte* in, const Layout& layout, std::byte* out) {
  constexpr uint64_t kBlock = 32;
  uint64_t repeats = 1;
  for (const Axis& axis : layout.outer) repeats *= axis.extent;
  for (uint64_t repeat = 0; repeat < repeats; ++repeat) {
    uint64_t rest = repeat, from = 0, to = 0;
    for (size_t i = layout.outer.size(); i-- > 0;) {
      const Axis& axis = layout.outer[i];
      from += rest % axis.extent * axis.in;
      to += rest % axis.extent * axis.out;
      rest /= axis.extent;
    }
    const auto [rows, row_in, row_out] = layout.dense;
    const auto [columns, column_in, column_out] = layout.last;
    for (uint64_t column = 0; column < columns; column += kBlock) {
      const uint64_t column_end = std::min(columns, column + kBlock);
      for (uint64_t row = 0; row < rows; row += kBlock) {
        const uint64_t row_end = std::min(rows, row + kBlock);
        for (uint64_t r = row; r < row_end; ++r) {
          for (uint64_t c = column; c < column_end; ++c) {
            std::memcpy(out + (to + r * row_out + c * column_out) * kBytes,
                        in + (from + r * row_in + c * column_in) * kBytes, kBytes);
          }
        }
      }
    }
  }
}

std::vector<PytorchTensor> read_tensors(const MappedFile& file) {
  if (is_zip(file.bytes())) return read_archive(file.bytes(), file.path());
  if (is_pytorch(file.bytes())) return read_legacy(file.bytes(), file.path());
  const std::string other = recognise_file(file.bytes());
  fail(ErrorCode::kBadFile, concat(file.path(), ": expected a file of torch.save, found ",
                                   other.empty() ? "another file" : other));
}

}  // namespace

bool is_pytorch(std::span<const std::byte> file) {
  constexpr auto kProto = std::byte{0x80};
  return is_zip(file) || (file.size() > 2 && file[0] == kProto && file[1] >= std::byte{2} &&
                          file[1] <= std::byte{5});
}

void gather(const PytorchTensor& tensor, std::span<std::byte> out) {
  const Layout layout = layout_of(tensor);
  switch (dtype_size(tensor.view.type)) {
    case 1: return gather_elements<1>(tensor.extent.data(), layout, out.data());
    case 2: return gather_elements<2>(tensor.extent.data(), layout, out.data());
    case 4: return gather_elements<4>(tensor.extent.data(), layout, out.data());
    default: return gather_elements<8>(tensor.extent.data(), layout, out.data());
  }
}

PytorchFile::PytorchFile(const std::string& path)
    : file_(std::make_shared<const MappedFile>(path)), tensors_(read_tensors(*file_)) {}

}  // namespace gptj
