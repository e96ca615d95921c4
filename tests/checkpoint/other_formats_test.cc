// SPDX-License-Identifier: Apache-2.0
// How legacy ggml, Flax and mesh-transformer-jax checkpoints are found and refused. That they hold
// the right numbers is shown in tests/layouts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>

#include "checkpoint/checkpoint.h"
#include "checkpoint/matrix_rows.h"
#include "gptj/tokenizer.h"
#include "support/byte_writer.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"

namespace gptj::test {
namespace {

// n_vocab, n_ctx, n_embd, n_head, n_layer, n_rot and the file's type
using Sizes = std::vector<int32_t>;
const Sizes kTinySizes = {7, 8, 4, 2, 2, 2, 1};

std::string ggml_file(const TinyCheckpoint& tiny, const Sizes& sizes = kTinySizes) {
  ByteWriter file;
  file.text("lmgg");
  for (const int32_t size : sizes) file.little(size);
  file.little(sizes[0]);
  for (int32_t i = 0; i < sizes[0]; ++i) file.little(1u).text("t");
  for (const TestTensor& tensor : tiny.tensors) {
    const auto n_dimensions = static_cast<int32_t>(tensor.shape.size());
    file.little(n_dimensions).little(static_cast<int32_t>(tensor.name.size()));
    file.little(tensor.type == DType::kF16 ? 1u : 0u);
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent) {
      file.little(static_cast<uint32_t>(*extent));
    }
    file.text(tensor.name).text(tensor.bytes);
  }
  return file.bytes;
}

std::string made_bytes(const CheckpointTensor& tensor) {
  if (!tensor.make) return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.size()};
  std::string bytes(tensor.size(), '\0');
  tensor.make(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class OtherFormatsTest : public ::testing::Test {
 protected:
  template <class... Words>
  void refuses(ErrorCode code, const std::string& path, const Words&... words) const {
    expect_error(
        code, [&] { Checkpoint::open(path); }, words...);
  }

  TempFolder folder_;
  TinyCheckpoint tiny_;
};

TEST_F(OtherFormatsTest, GgmlHasItsOwnConfig) {
  const std::string path = folder_.write("any name", ggml_file(tiny_));
  folder_.write("config.json", "of another model");
  for (const std::string& given : {path, folder_.path()}) {
    const Checkpoint checkpoint = Checkpoint::open(given);
    EXPECT_EQ(checkpoint.config().n_embd, 4);
    EXPECT_EQ(checkpoint.config().n_inner, 3);
    EXPECT_EQ(checkpoint.config().rotary_dim, 2);
    EXPECT_EQ(checkpoint.config().layer_norm_epsilon, 1e-5f);
    EXPECT_TRUE(checkpoint.config().eos_token_ids.empty());
    EXPECT_EQ(checkpoint.folder(), folder_.path());
    EXPECT_EQ(checkpoint.files().size(), 1u);
    EXPECT_EQ(std::vector<std::string_view>(7, "t"),
              std::vector(checkpoint.vocabulary().begin(), checkpoint.vocabulary().end()));
    const CheckpointTensor& tensor = checkpoint.tensor("h.1.mlp.fc_in.weight");
    EXPECT_EQ(std::memcmp(tensor.bytes.data(),
                          tiny_.tensor("transformer." + tensor.name).bytes.data(), tensor.size()),
              0);
  }
}

TEST_F(OtherFormatsTest, TheTokenizerLiesBesideGgml) {
  const std::string path = folder_.write("ggml.bin", ggml_file(tiny_));
  EXPECT_FALSE(inspect(path).tokenizer_size);
  expect_error(
      ErrorCode::kNotFound, [&] { load_tokenizer(path); }, folder_.path(), "no tokenizer");
  std::filesystem::copy(GPTJ_SOURCE_DIR "/models/fairytale-8m/tokenizer.json", folder_.path());
  EXPECT_EQ(inspect(path).tokenizer_size, 4096);
  EXPECT_EQ(load_tokenizer(path).size(), 4096);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  EXPECT_EQ(load_tokenizer("ggml.bin").size(), 4096);
  std::filesystem::current_path(before);
}

TEST_F(OtherFormatsTest, TruncatedGgml) {
  const std::string whole = ggml_file(tiny_);
  for (size_t n = 4; n < whole.size(); ++n) {
    const std::string path = folder_.write("ggml.bin", whole.substr(0, n));
    const auto opens = [&] { EXPECT_FALSE(Checkpoint::open(path).has_lm_head()) << n; };
    finishes(opens);  // as a save of the base model, where just lm_head is missing
  }
}

TEST_F(OtherFormatsTest, HeadersThatAreNoGptj) {
  const auto with = [&](const Sizes& sizes, const char* word) {
    refuses(ErrorCode::kBadFile, folder_.write("ggml.bin", ggml_file(tiny_, sizes)), word);
  };
  with({7, 8, 4, 0, 2, 2, 1}, "n_head");
  with({7, 8, 4, 3, 2, 2, 1}, "multiple of n_head");
  with({7, 8, 4, 2, 2, 3, 1}, "rotary_dim");
  with({7, -8, 4, 2, 2, 2, 1}, "n_positions");
  with({7, 8, 4, 2, 1, 2, 1}, "a GPT-J of 1 layers");
  with({7, 8, 8, 2, 2, 2, 1}, "expected shape");
}

TEST_F(OtherFormatsTest, OneModelInAFolder) {
  folder_.write("a.bin", ggml_file(tiny_));
  folder_.write("notes.txt", "notes");
  EXPECT_EQ(Checkpoint::open(folder_.path()).config().n_embd, 4);
  folder_.write("b.bin", ggml_file(tiny_));
  refuses(ErrorCode::kInvalidArgument, folder_.path(), "the models a.bin and b.bin");
  tiny_.write(folder_);
  EXPECT_EQ(Checkpoint::open(folder_.path()).files()[0]->path(), folder_.path("model.safetensors"));
}

// A msgpack map of arrays of F16, their whole paths as keys.
std::string flax_file(std::span<const TestTensor> tensors) {
  ByteWriter file;
  file.text("\xde").big(static_cast<uint16_t>(tensors.size()));
  for (const TestTensor& tensor : tensors) {
    file.text("\xd9").big(static_cast<uint8_t>(tensor.name.size())).text(tensor.name);
    ByteWriter array;
    array.text("\x93").big(static_cast<uint8_t>(0x90 | tensor.shape.size()));
    for (const uint64_t extent : tensor.shape) array.big(static_cast<uint8_t>(extent));
    array
        .text(
            "\xa7"
            "float16\xc4")
        .big(static_cast<uint8_t>(tensor.bytes.size()));
    array.text(tensor.bytes);
    file.text("\xc8").big(static_cast<uint16_t>(array.bytes.size())).text("\x01").text(array.bytes);
  }
  return file.bytes;
}

std::vector<TestTensor> flax_tensors(const TinyCheckpoint& tiny) {
  std::vector<TestTensor> tensors = tiny.tensors;
  for (TestTensor& tensor : tensors) {
    std::replace(tensor.name.begin(), tensor.name.end(), '.', '/');
    const size_t end = tensor.name.rfind("/weight");
    if (end == std::string::npos) continue;
    tensor.name.replace(end, std::string::npos, tensor.shape.size() == 1 ? "/scale" : "/kernel");
    if (tensor.name.ends_with("wte/kernel")) {
      tensor.name = "transformer/wte/embedding";
    } else if (tensor.shape.size() == 2) {
      std::swap(tensor.shape[0], tensor.shape[1]);
    }
  }
  return tensors;
}

TEST_F(OtherFormatsTest, FlaxInShards) {
  const std::vector<TestTensor> tensors = flax_tensors(tiny_);
  const std::string first = "flax_model-00001-of-00002.msgpack",
                    second = "flax_model-00002-of-00002.msgpack";
  nlohmann::json map;
  for (size_t i = 0; i < tensors.size(); ++i) map[tensors[i].name] = i < 9 ? first : second;
  folder_.write("config.json", tiny_.config.dump());
  folder_.write(first, flax_file(std::span(tensors).first(9)));
  folder_.write(second, flax_file(std::span(tensors).subspan(9)));
  refuses(ErrorCode::kBadFile, folder_.path(), "found " + first,
          "a shard without its flax_model.msgpack.index.json");
  const std::string index =
      folder_.write("flax_model.msgpack.index.json", nlohmann::json{{"weight_map", map}}.dump());
  const TempFolder single;
  single.write("config.json", tiny_.config.dump());
  const Checkpoint expected = Checkpoint::open([&] {
    single.write("flax_model.msgpack", flax_file(tensors));
    return single.path();
  }());
  for (const std::string& path : {folder_.path(), index, folder_.path(second)}) {
    const Checkpoint found = Checkpoint::open(path);
    ASSERT_EQ(found.tensors().size(), 25u);
    for (const CheckpointTensor& tensor : expected.tensors()) {
      EXPECT_EQ(made_bytes(found.tensor(tensor.name)), made_bytes(tensor)) << tensor.name;
    }
  }
  std::filesystem::remove(folder_.path(first));
  refuses(ErrorCode::kNotFound, folder_.path(), first, "missing");
}

TEST_F(OtherFormatsTest, DamagedFlax) {
  refuses(ErrorCode::kBadFile, folder_.write("flax_model.msgpack", "\x81\xa1k\xc7"), "msgpack",
          "expected 1 bytes");
  refuses(ErrorCode::kBadFile, folder_.path(), "expected 1 bytes");
}

TEST_F(OtherFormatsTest, DamagedMesh) {
  const auto make = [&](const char* path) {
    std::filesystem::create_directories(folder_.path(path));
  };
  make("step_1/shard_0");
  refuses(ErrorCode::kNotFound, folder_.path(), "step_1/shard_0", "0.npz", "found 0");
  folder_.write("step_1/shard_0/1.npz", "");
  refuses(ErrorCode::kNotFound, folder_.path(), "step_1/shard_0/0.npz: missing");
  folder_.write("step_1/shard_0/0.npz", "PK");
  refuses(ErrorCode::kBadFile, folder_.path(), "0.npz", "zip");
  folder_.write("step_1/shard_0/0.npz", "version https://git-lfs.github.com/spec/v1\n");
  refuses(ErrorCode::kBadFile, folder_.path(), "0.npz: expected", "a Git LFS pointer",
          "download the file itself");
  folder_.write("step_1/shard_0/0.npz", "PK");
  make("step_1/shard_2");
  refuses(ErrorCode::kNotFound, folder_.path(), "step_1/shard_1: missing");
  make("step_2/shard_0");
  refuses(ErrorCode::kInvalidArgument, folder_.path(), "step_1", "step_2", "give the path of one");
}

TEST(MatrixRowsTest, TransposesOddShapes) {
  const TempFolder folder;
  for (const auto& [rows, columns] : {std::pair{1, 1}, {31, 33}, {32, 64}, {70, 3}, {3, 70}}) {
    const auto n = static_cast<size_t>(rows * columns);
    std::vector<uint16_t> in(n), out(n);
    for (size_t i = 0; i < n; ++i) in[i] = static_cast<uint16_t>(i);
    std::string bytes(1, 'x');  // an odd address
    bytes.append(reinterpret_cast<const char*>(in.data()), 2 * n);
    const auto file = std::make_shared<const MappedFile>(folder.write("m", bytes));
    transpose({file, file->bytes().subspan(1), static_cast<uint64_t>(rows)}, 2,
              reinterpret_cast<std::byte*>(out.data()), static_cast<uint64_t>(rows));
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        ASSERT_EQ(out[static_cast<size_t>(c * rows + r)], in[static_cast<size_t>(r * columns + c)]);
      }
    }
  }
}

}  // namespace
}  // namespace gptj::test
