// SPDX-License-Identifier: Apache-2.0
#include "formats/pytorch.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "base/checked_math.h"
#include "base/file_kind.h"
#include "base/json.h"
#include "formats/state_dict.h"
#include "formats/strided.h"
#include "formats/zip.h"

namespace gptj {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian");

using Bytes = std::span<const std::byte>;
using Kind = PickleValue::Kind;
using std::string_view_literals::operator""sv;

// The magic number of files before PyTorch 1.6, 0x1950a86a20f9469cfc6c, as the first pickle holds
// it (little-endian).
constexpr auto kLegacyMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr int64_t kLegacyProtocol = 1001;

// Returns the described tensor as a view of its storage. Proves that the tensor lies inside the
// storage and has no more bytes than the file.
PytorchTensor place(const TensorDescription& described, Bytes storage, uint64_t file_bytes,
                    const std::string& path) {
  const std::string where = concat(path, ": tensor ", json_excerpt(described.name));
  const uint64_t element = dtype_size(described.storage.type);
  // span: elements of the storage from the tensor's first to its last one.
  uint64_t elements = 1, span = 1;
  for (size_t i = 0; i < described.shape.size(); ++i) {
    elements = checked_multiply(elements, described.shape[i], where);
    if (described.shape[i] == 0) continue;
    span = checked_add(span, checked_multiply(described.shape[i] - 1, described.strides[i], where),
                       where);
  }
  PytorchTensor tensor{{described.name, described.storage.type, described.shape, {}}};
  if (elements == 0) return tensor;  // PyTorch lets an empty tensor begin anywhere
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
        lazy_excerpt(storage.key), ": expected ", storage.elements, " elements of ",
        dtype_name(storage.type), ", which take ", expected, " bytes, found ", bytes.size());
}

// A zip archive of torch.save: the pickle PREFIX/data.pkl, and each storage as PREFIX/data/KEY.
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
    check(bytes.has_value(), ErrorCode::kBadFile, path_, ": storage ", lazy_excerpt(id.key),
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
  const Pickle pickle(reader, state_dict_globals());
  std::vector<PytorchTensor> tensors;
  for (const TensorDescription& described : read_state_dict(pickle.root(), path)) {
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

// Reads the storages, which lie in the order of the list of keys, each behind its number of
// elements. Returns the storages by key.
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
  const Pickle pickle(reader, state_dict_globals());
  const std::vector<TensorDescription> all = read_state_dict(pickle.root(), path);
  std::map<std::string, StorageId> used;
  for (const TensorDescription& each : all) {
    const auto [known, is_new] = used.emplace(each.storage.key, each.storage);
    check(is_new || (known->second.type == each.storage.type &&
                     known->second.elements == each.storage.elements),
          ErrorCode::kBadFile, path, ": tensor ", lazy_excerpt(each.name), ": storage ",
          lazy_excerpt(each.storage.key), " is described in two ways");
  }
  const std::map<std::string, Bytes> storages = legacy_storages(reader, used);
  std::vector<PytorchTensor> tensors;
  for (const TensorDescription& each : all) {
    const auto storage = storages.find(each.storage.key);
    check(storage != storages.end(), ErrorCode::kBadFile, path, ": tensor ",
          lazy_excerpt(each.name), ": storage ", lazy_excerpt(each.storage.key), " is missing");
    tensors.push_back(place(each, storage->second, file.size(), path));
  }
  return tensors;
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
  gather(tensor.extent.data(), tensor.view.shape, tensor.strides, dtype_size(tensor.view.type),
         out.data());
}

PytorchFile::PytorchFile(const std::string& path)
    : file_(std::make_shared<const MappedFile>(path)), tensors_(read_tensors(*file_)) {}

}  // namespace gptj
