// SPDX-License-Identifier: Apache-2.0
#include "formats/pytorch.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

using pickled::global;
using pickled::text;
using pickled::whole;

using std::string_literals::operator""s;
using Writer = std::string (*)(const std::vector<TorchTensor>&);
constexpr Writer kWriters[] = {torch_file, legacy_torch_file};

class Pytorch : public ::testing::Test {
 protected:
  PytorchFile open(const std::string& content) {
    return PytorchFile(folder_.write("m.bin", content));
  }
  template <class... Words>
  void refuses(const std::string& content, const Words&... words) {
    expect_error(
        ErrorCode::kBadFile, [&] { open(content); }, "m.bin: ", words...);
  }
  template <class... Words>
  void does_not_support(const std::string& content, const Words&... words) {
    expect_error(
        ErrorCode::kUnsupported, [&] { open(content); }, "m.bin: ", words...);
  }
  // Refused whichever way it is written.
  template <class... Words>
  void both_refuse(const std::vector<TorchTensor>& tensors, const Words&... words) {
    for (const Writer writer : kWriters) refuses(writer(tensors), words...);
  }

  TempFolder folder_;
};

// The elements as the map or gather() gives them.
std::string elements_of(const PytorchTensor& tensor) {
  const auto mapped = tensor.view.bytes;
  if (tensor.is_contiguous()) return {reinterpret_cast<const char*>(mapped.data()), mapped.size()};
  size_t size = dtype_size(tensor.view.type);
  for (const uint64_t extent : tensor.view.shape) size *= extent;
  std::string out(size, '?');
  gather(tensor, std::as_writable_bytes(std::span(out)));
  return out;
}

// The same by the definition of strides.
std::string expected_elements(const TorchTensor& torch) {
  const size_t size = dtype_size(torch.tensor.type);
  std::vector<std::string> places = {torch.tensor.bytes.substr(torch.offset * size)};
  for (size_t i = 0; i < torch.tensor.shape.size(); ++i) {
    std::vector<std::string> next;
    for (const std::string& place : places) {
      for (uint64_t j = 0; j < torch.tensor.shape[i]; ++j) {
        next.push_back(place.substr(j * torch.strides[i] * size));
      }
    }
    places = next;
  }
  std::string all;
  for (const std::string& place : places) all += place.substr(0, size);
  return all;
}

TEST_F(Pytorch, GivesNamesTypesShapesAndBytesOfEitherFile) {
  std::vector<TestTensor> tensors = {
      counting_tensor("a", DType::kF32, {2, 3}),  counting_tensor("b", DType::kF16, {5}),
      counting_tensor("c", DType::kBF16, {1, 1}), counting_tensor("d", DType::kBool, {}),
      counting_tensor("e", DType::kU8, {0, 7}),   counting_tensor("f", DType::kI64, {1, 2, 1, 2}),
      counting_tensor("g", DType::kF64, {2}),     counting_tensor("h", DType::kI32, {3}),
      counting_tensor("i", DType::kI16, {3}),     counting_tensor("j", DType::kI8, {3})};
  for (const Writer writer : kWriters) {
    const PytorchFile file = open(writer(torch_tensors(tensors)));
    ASSERT_EQ(file.tensors().size(), tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      const PytorchTensor& found = file.tensors()[i];
      EXPECT_EQ(found.view.name, tensors[i].name);
      EXPECT_EQ(found.view.type, tensors[i].type);
      EXPECT_EQ(found.view.shape, tensors[i].shape);
      EXPECT_TRUE(found.is_contiguous());
      EXPECT_EQ(elements_of(found), tensors[i].bytes);
      EXPECT_TRUE(tensors[i].bytes.empty() || file.mapping()->owns(found.view.bytes));
    }
  }
  EXPECT_TRUE(open(torch_file({})).tensors().empty());
}

TEST_F(Pytorch, ParametersAndSharedStorages) {
  const TestTensor storage = counting_tensor("whole", DType::kF32, {12});
  TestTensor part = storage, other = storage;
  part.name = "part";
  part.shape = {2, 2};
  other.name = "other";
  other.shape = {3};
  for (const Writer writer : kWriters) {
    const PytorchFile file = open(writer({{storage, "0"},
                                          {part, "0", {}, 4, /*parameter=*/true},
                                          {other, "0", {}, 9, /*parameter=*/true}}));
    EXPECT_EQ(elements_of(file.tensors()[0]), storage.bytes);
    EXPECT_EQ(elements_of(file.tensors()[1]), storage.bytes.substr(16, 16));
    EXPECT_EQ(elements_of(file.tensors()[2]), storage.bytes.substr(36));
    EXPECT_EQ(file.tensors()[1].view.bytes.data(), file.tensors()[0].view.bytes.data() + 16);
  }
}

TEST_F(Pytorch, StridesAreGathered) {
  struct Case {
    std::vector<uint64_t> shape, strides;
    uint64_t offset = 0;
  };
  const Case cases[] = {
      {{3, 2}, {1, 3}},          {{100, 70}, {1, 100}},
      {{65, 33}, {40, 1}, 7},    {{70}, {3}, 2},
      {{4, 5, 6}, {1, 4, 20}},   {{4, 5, 6}, {30, 1, 5}},
      {{4, 5, 6}, {6, 24, 1}},   {{2, 3, 2, 2}, {1, 8, 2, 4}},
      {{3, 4}, {0, 1}},          {{3, 4}, {1, 0}},
      {{3, 4}, {1, 1}},          {{1, 9, 1}, {77, 2, 99}},
      {{2, 1, 3}, {1, 5000, 2}},
  };
  for (const Case& each : cases) {
    for (const DType type : {DType::kF32, DType::kF16}) {
      TorchTensor torch{counting_tensor("t", type, {7200}), "0", each.strides, each.offset};
      for (size_t i = 0; i < torch.tensor.bytes.size(); ++i) {
        torch.tensor.bytes[i] = static_cast<char>(i * 31 ^ i >> 7);
      }
      torch.tensor.shape = each.shape;
      for (const Writer writer : kWriters) {
        const PytorchFile file = open(writer({torch}));
        EXPECT_FALSE(file.tensors()[0].is_contiguous());
        EXPECT_EQ(elements_of(file.tensors()[0]), expected_elements(torch))
            << shape_text(each.shape) << shape_text(each.strides);
      }
    }
  }
  TorchTensor empty{counting_tensor("t", DType::kF32, {2, 0}), "0", {0, 1}, 5};
  EXPECT_EQ(elements_of(open(torch_file({empty})).tensors()[0]), "");
  // The stride of an extent of 1 says nothing.
  TorchTensor row{counting_tensor("t", DType::kF32, {4}), "0", {99, 1}};
  row.tensor.shape = {1, 4};
  EXPECT_TRUE(open(torch_file({row})).tensors()[0].is_contiguous());
}

TEST_F(Pytorch, RefusesTensorsOutsideTheirStorage) {
  TorchTensor t{counting_tensor("t", DType::kF32, {2, 3}), "0"};
  const auto with = [&](std::vector<uint64_t> shape, std::vector<uint64_t> strides, uint64_t offset,
                        const char* words) {
    TorchTensor changed = t;
    changed.tensor.shape = std::move(shape);
    changed.strides = std::move(strides);
    changed.offset = offset;
    both_refuse({changed}, "tensor \"t\"", words);
  };
  with({7}, {1}, 0, "ends at element 7 of its storage, which has 6");
  with({2, 3}, {3, 1}, 1, "ends at element 7");
  with({2}, {6}, 0, "ends at element 7");
  with({2}, {uint64_t{1} << 62}, 0, "ends at element");
  with({3}, {uint64_t{1} << 63}, 0, "expected a whole number, found -");
  with({uint64_t{1} << 62, 8}, {1, 1}, 0, "exceeds 64 bits");
  with({5}, {uint64_t{1} << 62}, 0, "exceeds 64 bits");
  with({1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, "at most 8");
  with({2, 3}, {1}, 0, "size [2, 3] and stride [1] differ in length");
  t.tensor.shape = {1000, 1000, 1000};
  t.strides = {0, 0, 0};
  does_not_support(torch_file({t}), "repeats few numbers");
}

TEST_F(Pytorch, RefusesStoragesThatAreNotThere) {
  const TorchTensor a{counting_tensor("a", DType::kF32, {2}), "0"};
  const TorchTensor b{counting_tensor("b", DType::kF32, {3}), "1"};
  refuses(torch_archive(state_dict({a, b}), {a}), "storage \"1\" is not in the archive");
  TorchTensor longer = a;
  longer.tensor.bytes += "more";
  refuses(torch_archive(state_dict({longer}), {a}), "storage \"0\": expected 3 elements of F32",
          "12 bytes, found 8");
  refuses(torch_archive(state_dict({a}), {longer}), "found 12");
  for (const char* key : {"", "../0", "a\\b", "data/0"}) {
    refuses(torch_file({{a.tensor, key}}), "expected a plain name, found the text");
  }
  TorchTensor other = b;
  other.key = "0";
  refuses(legacy_torch_file({a, other}), "storage \"0\" is described in two ways");
  const std::string legacy = legacy_torch_file({a, b});
  refuses(legacy + "x", "1 bytes follow the last storage");
  refuses(legacy.substr(0, legacy.size() - 1), "is the download complete?");
  std::string wrong = legacy;
  const std::string size = le<uint64_t>(3) + b.tensor.bytes;
  refuses(wrong.replace(wrong.rfind(size), 8, le<uint64_t>(2)), "expected 3 elements, found 2");
}

TEST_F(Pytorch, LegacyFilesNameTheirStorages) {
  const TorchTensor a{counting_tensor("a", DType::kF32, {1}), "0"};
  const std::string file = legacy_torch_file({a});
  const std::string keys = whole("](" + text("0") + "e");
  const size_t at = file.find(keys);
  const auto with_keys = [&](const std::string& value) {
    return file.substr(0, at) + whole(value) + file.substr(at + keys.size());
  };
  refuses(with_keys("](" + text("7") + "e"), "no tensor says the type of storage the text \"7\"");
  refuses(with_keys("](K\1e"), "storage 1");
  refuses(with_keys("N"), "expected the list of storages, found None");
  refuses(with_keys("]"), "bytes follow the last storage");
  refuses(file.substr(0, at) + whole("](" + text("0") + text("0") + "e") +
              file.substr(at + keys.size()) + file.substr(at + keys.size()),
          "is there twice");
  refuses(file.substr(0, at) + whole("]"), "storage \"0\" is missing");
}

TEST_F(Pytorch, RefusesWhatIsNoStateDict) {
  const auto archive = [](const std::string& value) { return torch_archive(whole(value), {}); };
  does_not_support(archive("]"), "expected a state_dict", "found a list of 0 values");
  does_not_support(archive("}K\1K\2s"), "found 1 as a name");
  does_not_support(archive("}" + text("state_dict") + "}s"),
                   "tensor \"state_dict\": expected a tensor, found a dict of 0 values",
                   "save the state_dict()");
  does_not_support(archive("}" + text("epoch") + "K\7s"), "expected a tensor, found 7");
  does_not_support(archive(global("os", "system") + text("touch x") + "\x85R"), "\"os.system\"");
  const std::string tensor = TorchTensor{counting_tensor("a", DType::kF32, {1}), "0"}.pickle();
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string copy = tensor;
    return archive("}" + text("a") + copy.replace(copy.find(from), from.size(), to) + "s");
  };
  refuses(changed(text("storage"), text("module")), "expected the text \"storage\"");
  refuses(changed(global("torch", "FloatStorage"), text("FloatStorage")),
          "expected a type of storage, found the text \"FloatStorage\"");
  refuses(changed(global("torch", "FloatStorage"), global("torch._utils", "_rebuild_tensor_v2")),
          "expected a type of storage");
  refuses(changed(text("0"), "K\0"s), "expected a plain name, found 0");
  refuses(changed("Q", ""), "expected a persistent id, found a tuple of 5 values");
  refuses(changed("(" + text("storage"), "(N" + text("storage")), "expected the text \"storage\"");
  does_not_support(changed(global("torch", "FloatStorage"), global("torch", "QInt8Storage")),
                   "\"torch.QInt8Storage\"");
  does_not_support(archive("}" + text("a") + global("torch._utils", "_rebuild_tensor_v2") + ")Rs"),
                   "expected a tensor, found a call of");
  does_not_support(archive("}" + text("a") + global("torch._utils", "_rebuild_parameter") + ")Rs"),
                   "expected a tensor");
  const TorchTensor a{counting_tensor("a", DType::kF32, {1}), "0"};
  refuses(torch_file({a, a}), "tensor \"a\": is there twice");
}

TEST_F(Pytorch, RefusesOtherArchivesAndPickles) {
  const TorchTensor a{counting_tensor("a", DType::kF32, {1}), "0"};
  does_not_support(torch_archive(state_dict({a}), {a}, {{"archive/byteorder", "big"}}),
                   "byteorder: expected \"little\", found \"big\"");
  EXPECT_EQ(
      open(torch_archive(state_dict({a}), {a}, {{"archive/byteorder", "little"}})).tensors().size(),
      1u);
  does_not_support(torch_archive(state_dict({a}), {a}, {{"archive/constants.pkl", "x"}}),
                   "TorchScript");
  refuses(torch_archive(state_dict({a}), {a}, {{"other/data.pkl", "x"}}), "two folders");
  does_not_support(zip_file({{"arr_0.npy", "x"}}), "with data.pkl", "one of NumPy (.npz)");
  does_not_support(zip_file({{"data.pkl", "x"}}), "with data.pkl in its folder, found another");
  does_not_support(zip_file({{"a/b/data.pkl", "x"}}), "with data.pkl in its folder, found another");
  does_not_support(whole("}"), "a Python pickle, but not of torch.save");
  does_not_support(whole("\x8a\x0a" + std::string(10, 'x')), "PyTorch's magic number");
  std::string file = legacy_torch_file({a});
  const std::string little = text("little_endian") + "\x88";
  file[file.find(little) + little.size() - 1] = '\x89';
  does_not_support(file, "little_endian: expected True, found False");
  file = legacy_torch_file({a});
  file.replace(file.find("M\xe9\x03"), 3, "M\xe8\x03");
  does_not_support(file, "protocol 1001, found 1000");
  refuses("version https://git-lfs.github.com/spec/v1\n", "expected a file of torch.save",
          "Git LFS pointer");
  refuses("anything", "found another file");
}

TEST_F(Pytorch, DamageIsRefusedOrReadsWithinTheFile) {
  TorchTensor strided{counting_tensor("s", DType::kF16, {6}), "1", {1, 3}};
  strided.tensor.shape = {3, 2};
  const std::vector<TorchTensor> tensors = {{counting_tensor("a", DType::kF32, {2}), "0"}, strided};
  for (const Writer writer : kWriters) {
    const std::string whole_file = writer(tensors);
    for (size_t size = 0; size < whole_file.size(); ++size) {
      EXPECT_FALSE(finishes([&] { open(whole_file.substr(0, size)); })) << size;
    }
    for (size_t at = 0; at < whole_file.size(); ++at) {
      for (const int flip : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
        std::string damaged = whole_file;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        finishes([&] {
          const PytorchFile file = open(damaged);
          for (const PytorchTensor& tensor : file.tensors()) elements_of(tensor);
        });
      }
    }
  }
}

}  // namespace
}  // namespace gptj::test
