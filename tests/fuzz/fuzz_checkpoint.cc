// SPDX-License-Identifier: Apache-2.0
// From a file to the tensors made of it: the first byte chooses one of layouts.json, the others are
// its file, or each of its files.
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "base/file_kind.h"
#include "checkpoint/checkpoint.h"
#include "fuzz/fuzz.h"
#include "fuzz/layouts.h"

namespace gptj::fuzz {
namespace {

namespace fs = std::filesystem;

// Of q4_0's 18 bytes for 32 numbers come 128. What exceeds this is no number of the file's.
constexpr uint64_t kMostPerByte = 16;

// A layout's folder, but for the file of weights itself.
struct Place {
  std::string open;  // path
  std::vector<std::string> files;
};

std::vector<Place> make_places() {
  std::vector<Place> places;
  for (const Layout& layout : layouts()) {
    const std::string name = std::to_string(places.size());
    Place place{folder().path(name), {}};
    if (!layout.open.empty()) place.open += "/" + layout.open;
    for (const std::string& file : layout.files) {
      place.files.push_back(name + "/" + file);
      fs::create_directories(fs::path(folder().path(place.files.back())).parent_path());
    }
    if (!layout.config.is_null()) folder().write(name + "/config.json", layout.config.dump());
    places.push_back(std::move(place));
  }
  return places;
}

// Of just the size that is asked for, so that a sanitizer sees a byte too many.
struct Free {
  void operator()(std::byte* bytes) const { ::operator delete (bytes, std::align_val_t{64}); }
};
using Buffer = std::unique_ptr<std::byte, Free>;

void make(const CheckpointTensor& tensor) {
  if (!tensor.make) return touch(tensor.bytes);
  const Buffer made(static_cast<std::byte*>(::operator new (tensor.size(), std::align_val_t{64})));
  const std::span<std::byte> out(made.get(), tensor.size());
  tensor.make(out);
  touch(out);
}

void open(const std::string& path, uint64_t file_bytes) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (tensor.size() > kMostPerByte * file_bytes) std::abort();
    make(tensor);
  }
  for (const std::string_view token : checkpoint.vocabulary()) {
    touch(std::as_bytes(std::span(token)));
  }
}

}  // namespace
}  // namespace gptj::fuzz

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gptj;
  if (size == 0) return 0;
  static const std::vector<fuzz::Place> places = fuzz::make_places();
  const fuzz::Place& place = places[data[0] % places.size()];
  const auto file = fuzz::bytes_of(data + 1, size - 1);
  for (const std::string& name : place.files) fuzz::file_of(data + 1, size - 1, name);
  recognise_file(file);
  return fuzz::run([&] { fuzz::open(place.open, file.size() * place.files.size()); });
}
