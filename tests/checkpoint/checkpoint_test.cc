// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/check.h"
#include "gptj/model.h"
#include "support/expect_error.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"

namespace gptj::test {
namespace {

const std::string kGolden = GPTJ_SOURCE_DIR "/tests/golden/";

class CheckpointTest : public ::testing::Test {
 protected:
  Checkpoint open() const {
    tiny_.write(folder_);
    return Checkpoint::open(folder_.path());
  }
  template <class... Words>
  void refuses(ErrorCode code, const Words&... words) const {
    expect_error(
        code, [&] { open(); }, folder_.path(), words...);
  }
  template <class... Words>
  void folder_refused(ErrorCode code, const Words&... words) const {
    expect_error(
        code, [&] { Checkpoint::open(folder_.path()); }, folder_.path(), words...);
  }

  TempFolder folder_;
  TinyCheckpoint tiny_;
};

TEST_F(CheckpointTest, GoldenModelsOpen) {
  for (const auto& [name, type, layers] :
       {std::tuple{"rotary-partial-f32", WeightType::kF32, 2},
        std::tuple{"rotary-partial-f32/sharded", WeightType::kF32, 2},
        std::tuple{"rotary-partial-f32/torch", WeightType::kF32, 2},
        std::tuple{"rotary-partial-f32/torch-legacy", WeightType::kF32, 2},
        std::tuple{"rotary-partial-f32/torch-sharded", WeightType::kF32, 2},
        std::tuple{"rotary-full-odd-ffn-f16", WeightType::kF16, 2},
        std::tuple{"deep-bf16", WeightType::kBF16, 6},
        std::tuple{"big-head-f16", WeightType::kF16, 2},
        std::tuple{"long-context-f16", WeightType::kF16, 2}}) {
    const Checkpoint checkpoint = Checkpoint::open(kGolden + name);
    EXPECT_EQ(checkpoint.stored_type(), type) << name;
    EXPECT_EQ(checkpoint.config().n_layer, layers) << name;
    EXPECT_EQ(checkpoint.tensors().size(), 5u + 10u * layers) << name;
    EXPECT_TRUE(checkpoint.has_lm_head()) << name;
    EXPECT_EQ(checkpoint.config().eos_token_ids, std::vector<int64_t>{0}) << name;
  }
  EXPECT_EQ(Checkpoint::open(kGolden + "rotary-full-odd-ffn-f16").config().n_inner, 200);
}

// The bytes of a tensor, made or mapped.
std::string bytes_of(const CheckpointTensor& tensor) {
  std::string bytes(tensor.size(), '\0');
  const auto out = std::as_writable_bytes(std::span(bytes));
  if (tensor.make) {
    tensor.make(out);
  } else {
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), out.begin());
  }
  return bytes;
}

void expect_equal_tensors(const Checkpoint& found, const Checkpoint& expected) {
  for (const CheckpointTensor& tensor : expected.tensors()) {
    const CheckpointTensor& other = found.tensor(tensor.name);
    EXPECT_EQ(other.type, tensor.type) << tensor.name;
    EXPECT_EQ(other.shape, tensor.shape) << tensor.name;
    EXPECT_EQ(bytes_of(other), bytes_of(tensor)) << tensor.name;
    found.drop(other);
  }
}

TEST_F(CheckpointTest, EveryLayoutHoldsWhatTheSingleSafetensorsFileHolds) {
  for (const auto& [model, layout, files] :
       {std::tuple{"rotary-partial-f32", "sharded", 3u},
        std::tuple{"rotary-partial-f32", "torch", 1u},
        std::tuple{"rotary-partial-f32", "torch-legacy", 1u},
        std::tuple{"rotary-partial-f32", "torch-sharded", 2u},
        std::tuple{"rotary-full-odd-ffn-f16", "torch", 1u}, std::tuple{"deep-bf16", "torch", 1u},
        std::tuple{"big-head-f16", "torch", 1u}}) {
    const Checkpoint single = Checkpoint::open(kGolden + model);
    const Checkpoint other = Checkpoint::open(kGolden + model + "/" + layout);
    EXPECT_EQ(single.files().size(), 1u);
    EXPECT_EQ(other.files().size(), files);
    expect_equal_tensors(other, single);
  }
}

TEST_F(CheckpointTest, EveryWayToSaveOpensAlike) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    tiny_ = TinyCheckpoint(type);
    const Checkpoint single = open();
    tiny_.add("transformer.h.0.attn.bias", DType::kBool, {1, 1, 8, 8});
    tiny_.add("transformer.h.1.attn.bias", DType::kU8, {1, 1, 8, 8});
    tiny_.add("transformer.h.0.attn.masked_bias", DType::kF32, {});
    std::vector<TorchTensor> torch = torch_tensors(tiny_.tensors);
    torch[3].parameter = true;
    TempFolder folder;
    folder.write("config.json", tiny_.config.dump());
    folder.write("pytorch_model.bin", torch_file(torch));
    expect_equal_tensors(Checkpoint::open(folder.path()), single);
    folder.write("pytorch_model.bin", legacy_torch_file(torch));
    expect_equal_tensors(Checkpoint::open(folder.path()), single);
  }
}

TEST_F(CheckpointTest, StridedTensorsAreMade) {
  TorchTensor strided{counting_tensor("transformer.h.0.mlp.fc_in.weight", DType::kF16, {4, 3}),
                      "x"};
  strided.tensor.shape = {3, 4};
  strided.strides = {1, 3};
  std::vector<TorchTensor> torch = torch_tensors(tiny_.tensors);
  for (TorchTensor& each : torch) {
    if (each.tensor.name == strided.tensor.name) each = strided;
  }
  folder_.write("config.json", tiny_.config.dump());
  folder_.write("pytorch_model.bin", torch_file(torch));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  const CheckpointTensor& made = checkpoint.tensor("h.0.mlp.fc_in.weight");
  ASSERT_TRUE(made.make);
  EXPECT_TRUE(made.bytes.empty());
  const std::string found = bytes_of(made), &stored = strided.tensor.bytes;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 4; ++column) {
      EXPECT_EQ(found.substr(2 * (4 * row + column), 2), stored.substr(2 * (row + 3 * column), 2));
    }
  }
}

TEST_F(CheckpointTest, TensorsComeInTheOrderOfTheForwardPass) {
  const Checkpoint checkpoint = open();
  const auto specs = tensor_specs(checkpoint.config());
  ASSERT_EQ(checkpoint.tensors().size(), specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(checkpoint.tensors()[i].name, specs[i].name);
    EXPECT_EQ(&checkpoint.tensor(specs[i].name), &checkpoint.tensors()[i]);
  }
  EXPECT_EQ(checkpoint.folder(), folder_.path());
}

TEST_F(CheckpointTest, PathsThatMeanTheSameModel) {
  const std::string sharded = kGolden + "rotary-partial-f32/sharded/";
  for (const char* name :
       {"", "model.safetensors.index.json", "model-00002-of-00003.safetensors"}) {
    EXPECT_EQ(Checkpoint::open(sharded + name).files().size(), 3u) << name;
  }
  tiny_.write(folder_);
  EXPECT_EQ(Checkpoint::open(folder_.path("model.safetensors")).config().n_embd, 4);
  std::filesystem::rename(folder_.path("model.safetensors"), folder_.path("other.safetensors"));
  EXPECT_EQ(Checkpoint::open(folder_.path("other.safetensors")).folder(), folder_.path());
}

TEST_F(CheckpointTest, TheOnlyWeightsOfAFolderNeedNoNameOfTheirs) {
  tiny_.write(folder_);
  for (const char* name : {"gptq_model-4bit-128g.safetensors", "other.safetensors"}) {
    std::filesystem::rename(folder_.path("model.safetensors"), folder_.path(name));
    EXPECT_EQ(Checkpoint::open(folder_.path()).files()[0]->path(), folder_.path(name));
    std::filesystem::rename(folder_.path(name), folder_.path("model.safetensors"));
  }
  std::filesystem::remove(folder_.path("model.safetensors"));
  folder_.write("gptq_model-4bit-128g.bin", torch_file(torch_tensors(tiny_.tensors)));
  EXPECT_EQ(Checkpoint::open(folder_.path()).tensors().size(), 25u);
  folder_.write("other.safetensors", safetensors_file(tiny_.tensors));
  folder_refused(ErrorCode::kUnsupported, "found other.safetensors", "give its own path");
  std::filesystem::remove(folder_.path("gptq_model-4bit-128g.bin"));
  std::filesystem::remove(folder_.path("config.json"));  // a file of `gptj convert` stays alone
  folder_refused(ErrorCode::kUnsupported, "found other.safetensors", "give its own path");
}

TEST_F(CheckpointTest, LoraAdaptersAreNamed) {
  folder_.write("config.json", tiny_.config.dump());
  for (const char* name :
       {"adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"}) {
    const std::string path = folder_.write(name, "PK\x03\x04");
    folder_refused(ErrorCode::kUnsupported, name, "a LoRA adapter", "merge_and_unload");
    expect_error(
        ErrorCode::kUnsupported, [&] { Checkpoint::open(path); }, path, "a LoRA adapter",
        "merge_and_unload");
    std::filesystem::remove(path);
  }
  std::filesystem::remove(folder_.path("config.json"));
  folder_.write("adapter_config.json", "{}");
  const std::string renamed = folder_.write("mine.safetensors", safetensors_file(tiny_.tensors));
  expect_error(
      ErrorCode::kUnsupported, [&] { Checkpoint::open(renamed); }, renamed, "a LoRA adapter");
  folder_refused(ErrorCode::kUnsupported, "a LoRA adapter");
}

TEST_F(CheckpointTest, AFolderIsRefusedForWhatItsFileHolds) {
  const std::string key = "general.architecture";
  const auto with = [&](const char* name, const std::string& content, const char* word) {
    folder_.write(name, content);
    folder_refused(ErrorCode::kUnsupported, std::string("found ") + name, word);
    std::filesystem::remove(folder_.path(name));
  };
  with("gpt-j.gguf",
       "GGUF" + std::string(20, '\0') + le<uint64_t>(key.size()) + key + le<uint32_t>(8) +
           le<uint64_t>(4) + "gptj",
       "a GGUF file of gptj; open the Hugging Face checkpoint that it was made from");
  with("ggml-gpt4all-j.bin", "<!DOCTYPE html>", "an HTML page");
  with("weights.pt", "version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer");
  with("weights.pt", "PK\x03\x04", "give their own path");
}

TEST_F(CheckpointTest, PathsOfPyTorchFiles) {
  const std::string torch = kGolden + "rotary-partial-f32/torch-sharded/";
  for (const char* name :
       {"", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin"}) {
    EXPECT_EQ(Checkpoint::open(torch + name).files().size(), 2u) << name;
  }
  folder_.write("config.json", tiny_.config.dump());
  // Judged by what it is, not by its name.
  for (const char* name : {"pytorch_model.bin", "weights.pt", "anything"}) {
    folder_.write(name, torch_file(torch_tensors(tiny_.tensors)));
    EXPECT_EQ(Checkpoint::open(folder_.path(name)).tensors().size(), 25u);
  }
  folder_.write("pytorch_model.bin", safetensors_file(tiny_.tensors));
  EXPECT_EQ(Checkpoint::open(folder_.path()).tensors().size(), 25u);
}

TEST_F(CheckpointTest, RelativePaths) {
  tiny_.write(folder_);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  EXPECT_EQ(Checkpoint::open("model.safetensors").config().n_embd, 4);
  EXPECT_EQ(Checkpoint::open(".").config().n_embd, 4);
  std::filesystem::current_path(before);
}

TEST_F(CheckpointTest, AFolderWithSeveralPrefersAsHuggingFaceDoes) {
  const char* names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                         "pytorch_model.bin.index.json"};
  folder_.write("config.json", tiny_.config.dump());
  for (const char* name : names) folder_.write(name, "PK\x03\x04");
  for (const char* name : names) {
    folder_refused(ErrorCode::kBadFile, name);
    std::filesystem::remove(folder_.path(name));
  }
}

TEST_F(CheckpointTest, MixedTypesAreOneCheckpoint) {
  tiny_.replace("transformer.wte.weight", DType::kF32, {7, 4});
  tiny_.replace("transformer.h.0.ln_1.weight", DType::kBF16, {4});
  EXPECT_EQ(open().stored_type(), WeightType::kF16);
}

TEST_F(CheckpointTest, BuffersOfOlderSavesAreIgnored) {
  tiny_.add("transformer.h.0.attn.bias", DType::kBool, {1, 1, 8, 8});
  tiny_.add("transformer.h.1.attn.bias", DType::kU8, {1, 1, 8, 8});
  tiny_.add("transformer.h.0.attn.masked_bias", DType::kF32, {});
  tiny_.add("transformer.h.0.attn.embed_positions", DType::kF32, {8, 2});
  EXPECT_EQ(open().tensors().size(), 25u);
}

TEST_F(CheckpointTest, BaseModelSavesOpenWithoutAHead) {
  tiny_.remove("lm_head.weight");
  tiny_.remove("lm_head.bias");
  for (TestTensor& tensor : tiny_.tensors) tensor.name.erase(0, std::string("transformer.").size());
  const Checkpoint checkpoint = open();
  EXPECT_FALSE(checkpoint.has_lm_head());
  expect_error(
      ErrorCode::kUnsupported, [&] { checkpoint.tensor("lm_head.weight"); }, "lm_head.weight",
      "base model");
  expect_error(
      ErrorCode::kUnsupported, [&] { checkpoint.tensor("h.9.ln_1.bias"); }, "h.9.ln_1.bias");
}

TEST_F(CheckpointTest, MissingTensors) {
  tiny_.remove("lm_head.bias");
  refuses(ErrorCode::kBadFile, "tensor lm_head.bias is missing", "and 0 more");
  tiny_.remove("transformer.h.1.attn.k_proj.weight");
  refuses(ErrorCode::kBadFile, "tensor h.1.attn.k_proj.weight is missing", "and 1 more");
  tiny_.remove("transformer.wte.weight");
  refuses(ErrorCode::kBadFile, "tensor wte.weight is missing");
}

TEST_F(CheckpointTest, UnexpectedTensors) {
  tiny_.config["n_layer"] = 1;
  refuses(ErrorCode::kBadFile, "unexpected tensor \"h.1.", "a GPT-J of 1 layers");
  tiny_.config["n_layer"] = 2;
  const auto with = [&](const std::string& name, const char* reason) {
    tiny_.add(name, DType::kF16, {2});
    refuses(ErrorCode::kBadFile, "unexpected tensor \"" + name + "\" [2]", reason);
    tiny_.remove(name);
  };
  with("zzz", "expected those of a GPT-J of 2 layers");
  with("h.0.attn.q_proj.qweight", "GPTQ");
  with("h.0.attn.q_proj.SCB", "bitsandbytes");
  with("h.0.attn.q_proj.absmax", "bitsandbytes");
  // Beside it the weights have other types and shapes, which it explains.
  const TestTensor before = tiny_.tensor("transformer.h.0.attn.q_proj.weight");
  tiny_.replace(before.name, DType::kI8, {16, 1});
  with("h.0.attn.q_proj.SCB", "bitsandbytes");
  tiny_.tensor(before.name) = before;
  with("h.0.attn.q_proj.lora_A.weight", "LoRA");
  with("h.0.attn.qkv_proj.weight", "CodeGen");
  tiny_.add("\x1b[31m", DType::kF16, {2});
  refuses(ErrorCode::kBadFile, "unexpected tensor \"\\u001b[31m\"");
}

TEST_F(CheckpointTest, TheSameTensorTwice) {
  for (const char* name : {"wte.weight", "module.transformer.wte.weight"}) {
    tiny_.add(name, DType::kF16, {7, 4});
    refuses(ErrorCode::kBadFile, "\"wte.weight\" is there twice");
    tiny_.remove(name);
  }
}

TEST_F(CheckpointTest, NamesBehindWrappersOpen) {
  for (const char* prefix : {"module.", "_orig_mod.", "base_model.", "pretrained_model."}) {
    const std::vector<TestTensor> plain = tiny_.tensors;
    for (TestTensor& tensor : tiny_.tensors) tensor.name = prefix + tensor.name;
    EXPECT_EQ(open().tensors().size(), 25u) << prefix;
    tiny_.tensors = plain;
  }
}

TEST_F(CheckpointTest, HeadsOfTrainingAreLeftOutAndNamed) {
  tiny_.add("v_head.summary.weight", DType::kF32, {1, 4});
  tiny_.add("v_head.summary.bias", DType::kF32, {1});
  tiny_.add("score.weight", DType::kF16, {2, 4});
  tiny_.add("transformer.h.0.attn.rotary_emb.inv_freq", DType::kF32, {1});
  const Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.tensors().size(), 25u);
  ASSERT_EQ(checkpoint.warnings().size(), 2u);
  EXPECT_NE(checkpoint.warnings()[0].find("rotary_emb.inv_freq"), std::string::npos);
  EXPECT_NE(
      checkpoint.warnings()[1].find("(score.weight, v_head.summary.bias, v_head.summary.weight)"),
      std::string::npos);
}

TEST_F(CheckpointTest, AClassifierIsRefused) {
  tiny_.add("score.weight", DType::kF16, {2, 4});
  tiny_.remove("lm_head.weight");
  tiny_.remove("lm_head.bias");
  refuses(ErrorCode::kBadFile, "unexpected tensor \"score.weight\"", "classifies");
}

TEST_F(CheckpointTest, ATiedHeadIsTheEmbedding) {
  tiny_.config["tie_word_embeddings"] = true;
  tiny_.remove("lm_head.weight");
  const Checkpoint tied = open();
  EXPECT_TRUE(tied.has_lm_head());
  EXPECT_TRUE(tied.warnings().empty());
  EXPECT_EQ(tied.tensor("lm_head.weight").bytes.data(), tied.tensor("wte.weight").bytes.data());
  EXPECT_FALSE(tied.tensor("lm_head.bias").make);  // the file's own
  tiny_.remove("lm_head.bias");
  const Checkpoint without_bias = open();
  const CheckpointTensor& bias = without_bias.tensor("lm_head.bias");
  std::vector<std::byte> values(bias.size(), std::byte{1});
  bias.make(values);
  EXPECT_EQ(values, std::vector<std::byte>(7 * sizeof(float)));
  tiny_.config["tie_word_embeddings"] = false;
  EXPECT_FALSE(open().has_lm_head());
}

TEST_F(CheckpointTest, ATiedHeadCountsBeforeAStoredOne) {
  tiny_.config["tie_word_embeddings"] = true;
  const Checkpoint checkpoint = open();
  ASSERT_EQ(checkpoint.warnings().size(), 1u);
  EXPECT_NE(checkpoint.warnings()[0].find("left out: lm_head.weight"), std::string::npos);
  EXPECT_EQ(checkpoint.tensor("lm_head.weight").bytes.data(),
            checkpoint.tensor("wte.weight").bytes.data());
}

TEST_F(CheckpointTest, DoublesAreRoundedOnce) {
  TestTensor& doubles = tiny_.tensor("transformer.ln_f.bias");
  doubles = counting_tensor(doubles.name, DType::kF64, {4});
  const double values[] = {0.1, -1e-60, 1e300, 3.0000000001};
  doubles.bytes.assign(reinterpret_cast<const char*>(values), sizeof values);
  const Checkpoint checkpoint = open();
  const CheckpointTensor& tensor = checkpoint.tensor("ln_f.bias");
  EXPECT_EQ(tensor.type, DType::kF32);
  float rounded[4];
  tensor.make(std::as_writable_bytes(std::span(rounded)));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(rounded[i], static_cast<float>(values[i]));
}

// The Hub's cache: refs/main names the snapshot; without it there is but one.
TEST_F(CheckpointTest, FoldersOfTheHubsCacheOpen) {
  namespace fs = std::filesystem;
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  const auto make_snapshot = [&](const std::string& name) {
    TempFolder made;
    tiny_.write(made);
    fs::create_directories(folder_.path("snapshots/" + name));
    for (const char* file : {"config.json", "model.safetensors"}) {
      fs::copy_file(made.path(file), folder_.path("snapshots/" + name + "/" + file));
    }
  };
  make_snapshot(commit);
  EXPECT_EQ(Checkpoint::open(folder_.path()).folder(), folder_.path("snapshots/" + commit));
  make_snapshot("fedcba9876543210fedcba9876543210fedcba98");
  folder_refused(ErrorCode::kNotFound, "expected refs/main or one snapshot", "found 2");
  fs::create_directories(folder_.path("refs"));
  folder_.write("refs/main", commit + "\n");
  EXPECT_EQ(Checkpoint::open(folder_.path()).folder(), folder_.path("snapshots/" + commit));
  for (const char* wrong : {"", "../snapshots", "..", "0000"}) {
    folder_.write("refs/main", wrong);
    folder_refused(ErrorCode::kNotFound, "refs/main: expected the name of a folder in snapshots");
  }
}

// GPT-J as it was published before transformers had it.
TEST_F(CheckpointTest, ARotaryGptNeoIsAGptJ) {
  const std::vector<TestTensor> plain = tiny_.tensors;
  for (TestTensor& tensor : tiny_.tensors) {
    const auto replace = [&](const std::string& from, const std::string& to) {
      const size_t at = tensor.name.find(from);
      if (at != std::string::npos) tensor.name.replace(at, from.size(), to);
    };
    replace(".attn.", ".attn.attention.");
    replace("mlp.fc_in", "mlp.c_fc");
    replace("mlp.fc_out", "mlp.c_proj");
  }
  tiny_.add("transformer.h.0.attn.attention.masked_bias", DType::kF32, {});
  tiny_.config = {{"model_type", "gpt_neo"},
                  {"vocab_size", 7},
                  {"max_position_embeddings", 8},
                  {"hidden_size", 4},
                  {"num_layers", 2},
                  {"num_heads", 2},
                  {"intermediate_size", 3},
                  {"rotary", true},
                  {"jax", true},
                  {"attention_layers", {"global", "global"}},
                  {"attention_types", {{{"global"}, 2}}},
                  {"window_size", 256},
                  {"bos_token_id", 0},
                  {"eos_token_id", 6}};
  const Checkpoint neo = open();
  EXPECT_EQ(neo.config().rotary_dim, 2);  // the whole head, where the file does not say
  EXPECT_TRUE(neo.warnings().empty());
  EXPECT_EQ(neo.tensors().size(), 25u);
  tiny_.remove("lm_head.weight");
  refuses(ErrorCode::kBadFile, "lm_head.weight is missing", "early GPT-J forks dropped it");
}

TEST_F(CheckpointTest, WrongShapesAndTypes) {
  const auto with = [&](const std::string& name, DType type, const std::vector<uint64_t>& shape,
                        ErrorCode code, const char* expected, const char* found) {
    const TestTensor before = tiny_.tensor(name);
    tiny_.replace(name, type, shape);
    refuses(code, "model.safetensors: ", expected, found);
    tiny_.tensor(name) = before;
  };
  with("transformer.h.1.mlp.fc_in.weight", DType::kF16, {4, 3}, ErrorCode::kBadFile,
       "h.1.mlp.fc_in.weight: expected shape [3, 4]", "found [4, 3]");
  with("transformer.ln_f.bias", DType::kF16, {4, 1}, ErrorCode::kBadFile, "expected shape [4]",
       "found [4, 1]");
  with("transformer.ln_f.bias", DType::kF16, {}, ErrorCode::kBadFile, "expected shape [4]",
       "found []");
  with("lm_head.weight", DType::kF16, {8, 4}, ErrorCode::kBadFile, "expected shape [7, 4]",
       "found [8, 4]");
  with("lm_head.bias", DType::kF16, {8}, ErrorCode::kBadFile, "rows of wte.weight", "found [8]");
  with("transformer.wte.weight", DType::kF16, {7}, ErrorCode::kBadFile, "expected shape [7, 4]",
       "found [7]");
  with("transformer.wte.weight", DType::kF16, {}, ErrorCode::kBadFile, "expected shape [7, 4]",
       "found []");
  with("transformer.wte.weight", DType::kF16, {0, 4}, ErrorCode::kBadFile, "wte.weight: vocab_size",
       "found 0");
  with("transformer.wte.weight", DType::kF16, {uint64_t{1} << 60, 0}, ErrorCode::kBadFile,
       "wte.weight: vocab_size", "expected a whole number");
  for (const DType type : {DType::kI8, DType::kU8, DType::kBool, DType::kI64}) {
    with("transformer.h.0.attn.q_proj.weight", type, {4, 4}, ErrorCode::kUnsupported,
         "h.0.attn.q_proj.weight: expected F64, F32, F16 or BF16", dtype_name(type));
  }
  for (const DType type : {DType::kI8, DType::kU8}) {
    with("transformer.wte.weight", type, {7, 4}, ErrorCode::kUnsupported, dtype_name(type),
         "; quantized, as by bitsandbytes: open the model that was quantized");
  }
}

TEST_F(CheckpointTest, ResizedVocabulariesCountByTheirRows) {
  tiny_.config["vocab_size"] = 50400;
  EXPECT_EQ(open().config().vocab_size, 7);
  tiny_.config["vocab_size"] = 2;  // the ids are checked against the rows, too
  EXPECT_EQ(open().config().vocab_size, 7);
  EXPECT_EQ(open().config().eos_token_ids, std::vector<int64_t>{6});
}

// They never come: bos and end tokens load with a warning each.
TEST_F(CheckpointTest, TokenIdsOutsideTheVocabularyAreWarnedOf) {
  const auto warns = [&](const std::string& word) {
    const Checkpoint checkpoint = open();
    ASSERT_EQ(checkpoint.warnings().size(), 1u);
    EXPECT_NE(checkpoint.warnings()[0].find(word), std::string::npos) << checkpoint.warnings()[0];
  };
  tiny_.config["eos_token_id"] = {7, 3};
  warns("/config.json: eos_token_id: expected a token id below the vocabulary's 7 rows, found 7");
  EXPECT_EQ(open().config().eos_token_ids, std::vector<int64_t>{3});
  tiny_.config["eos_token_id"] = -1;
  warns("/config.json: eos_token_id");
  EXPECT_TRUE(open().config().eos_token_ids.empty());
  tiny_.config["eos_token_id"] = 6;
  tiny_.config["bos_token_id"] = 50256;
  warns("/config.json: bos_token_id");
  EXPECT_EQ(open().config().bos_token_id, std::nullopt);
  tiny_.config["bos_token_id"] = nullptr;
  folder_.write("generation_config.json", R"({"eos_token_id": [1, 9]})");
  warns("/generation_config.json: eos_token_id");
  EXPECT_EQ(open().config().eos_token_ids, std::vector<int64_t>{1});
  folder_.write("generation_config.json", R"({"eos_token_id": 9})");
  EXPECT_TRUE(open().config().eos_token_ids.empty());
  folder_.write("generation_config.json",
                R"({"suppress_tokens": [1, 7], "bad_words_ids": [[1, 2], [7, 1]],
                    "forced_eos_token_id": -5, "forced_bos_token_id": 8})");
  const Checkpoint checkpoint = open();
  EXPECT_EQ(checkpoint.warnings().size(), 4u);
  const GenerationDefaults& defaults = checkpoint.generation_defaults();
  EXPECT_EQ(defaults.suppress_tokens, std::vector<int64_t>{1});
  EXPECT_EQ(defaults.bad_words_ids, (std::vector<std::vector<int64_t>>{{1, 2}}));
  EXPECT_TRUE(defaults.forced_eos_token_ids.empty());
  EXPECT_EQ(defaults.forced_bos_token_id, std::nullopt);
}

TEST_F(CheckpointTest, GenerationConfigOverridesEndTokens) {
  EXPECT_EQ(open().generation_defaults().do_sample, std::nullopt);
  folder_.write("generation_config.json", R"({"do_sample": true, "eos_token_id": [2, 3]})");
  EXPECT_EQ(open().config().eos_token_ids, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(open().config().bos_token_id, 0);
  EXPECT_EQ(open().generation_defaults().do_sample, true);
  folder_.write("generation_config.json", R"({"bos_token_id": 5, "eos_token_id": null})");
  EXPECT_EQ(open().config().eos_token_ids, std::vector<int64_t>{6});
  EXPECT_EQ(open().config().bos_token_id, 5);
  folder_.write("generation_config.json", "{");
  refuses(ErrorCode::kBadFile, "/generation_config.json: not valid JSON");
}

TEST_F(CheckpointTest, FoldersOfOtherThings) {
  const auto with = [&](const char* name, ErrorCode code, const char* word) {
    folder_.write(name, "x");
    folder_refused(code, std::string("found ") + name, word, "this version opens");
    std::filesystem::remove(folder_.path(name));
  };
  folder_refused(ErrorCode::kNotFound, "no model in this folder");
  with("weights.bin", ErrorCode::kUnsupported, "give their own path");
  with("consolidated.pt", ErrorCode::kUnsupported, "give their own path");
  with("other.index.json", ErrorCode::kUnsupported, "give its own path");
  with("pytorch_model-00001-of-00002.bin", ErrorCode::kBadFile, "a shard without its");
  with("tf_model.h5", ErrorCode::kUnsupported, "TensorFlow");
  with("flax_model.msgpack", ErrorCode::kBadFile, "Flax");
  with("flax_model-00001-of-00002.msgpack", ErrorCode::kBadFile, "a shard without its");
  with("rust_model.ot", ErrorCode::kUnsupported, "rust-bert");
  with("gpt-j.Q4_0.gguf", ErrorCode::kUnsupported, "GGUF");
  with("adapter_model.safetensors", ErrorCode::kUnsupported, "LoRA");
  with("model-00001-of-00002.safetensors", ErrorCode::kBadFile, "a shard without its");
  with("tokenizer.json", ErrorCode::kNotFound, "a tokenizer without weights");
  with("vocab.json", ErrorCode::kNotFound, "a tokenizer without weights");
  with("config.json", ErrorCode::kNotFound, "a configuration without weights");
}

TEST_F(CheckpointTest, PathsThatAreNoModel) {
  expect_error(
      ErrorCode::kNotFound, [&] { Checkpoint::open(folder_.path("none")); }, "none: no such");
  expect_error(
      ErrorCode::kNotFound, [] { Checkpoint::open(""); }, "no such file or folder");
  expect_error(
      ErrorCode::kBadFile,
      [&] { Checkpoint::open(folder_.write("pytorch_model.bin", "PK\x03\x04....")); },
      "without its directory", "is the download complete?");
  expect_error(
      ErrorCode::kUnsupported,
      [&] {
        Checkpoint::open(folder_.write("x.bin", "version https://git-lfs.github.com/spec/v1\n"));
      },
      "a Git LFS pointer: 43 bytes of text in place of the file; download the file itself");
  expect_error(
      ErrorCode::kUnsupported, [&] { Checkpoint::open(folder_.write("tf_model.h5", "\x89HDF")); },
      "HDF5", "use pytorch_model.bin");
  expect_error(
      ErrorCode::kUnsupported, [&] { Checkpoint::open(folder_.write("notes", "hello")); },
      "expected a model's folder or a file of its weights, found another file");
}

TEST_F(CheckpointTest, MissingOrWrongConfig) {
  tiny_.write(folder_);
  std::filesystem::remove(folder_.path("config.json"));
  folder_refused(ErrorCode::kNotFound, "config.json: missing");
  folder_.write("config.json", "version https://git-lfs.github.com/spec/v1\n");
  folder_refused(ErrorCode::kBadFile, "config.json: ", "git lfs pull");
  tiny_.write(folder_);
  folder_.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n");
  folder_refused(ErrorCode::kBadFile, "model.safetensors: ", "git lfs pull");
}

// The shapes of published fine-tunes and small models, their widths made small where nothing else
// depends on them.
TEST_F(CheckpointTest, FineTunesAndSmallModelsOpen) {
  struct Shape {
    int64_t vocab_size, n_layer, n_head, head_dim, rotary_dim;
  };
  for (const Shape& shape :
       {Shape{50257, 1, 1, 4, 4}, Shape{50400, 1, 1, 4, 4}, Shape{50401, 1, 1, 4, 4},
        Shape{64512, 1, 1, 4, 4}, Shape{7, 32, 2, 4, 4}, Shape{7, 2, 4, 64, 32},
        Shape{7, 2, 3, 80, 64}, Shape{7, 2, 4, 64, 16}}) {
    const ModelConfig sizes = {.vocab_size = shape.vocab_size,
                               .n_positions = 8,
                               .n_embd = shape.n_head * shape.head_dim,
                               .n_layer = shape.n_layer,
                               .n_head = shape.n_head,
                               .rotary_dim = shape.rotary_dim,
                               .n_inner = 3};
    std::vector<TestTensor> tensors;
    for (const TensorSpec& spec : tensor_specs(sizes)) {
      tensors.push_back(counting_tensor(spec.name, DType::kF16, spec.shape));
    }
    // As TehVenom's config.json has it: a key twice, and one that nobody knows.
    folder_.write(
        "config.json",
        concat(R"({"welcome": "x", "n_positions": 2048, "n_positions": 8, )",
               R"("architectures": ["GPTJForCausalLM"], "bos_token_id": 0, )",
               R"("eos_token_id": 1, "n_inner": 3, "rotary": true, "vocab_size": )",
               shape.vocab_size, R"(, "n_embd": )", sizes.n_embd, R"(, "n_layer": )", shape.n_layer,
               R"(, "n_head": )", shape.n_head, R"(, "rotary_dim": )", shape.rotary_dim, "}"));
    folder_.write("model.safetensors", safetensors_file(tensors));
    const Checkpoint safetensors = Checkpoint::open(folder_.path());
    EXPECT_EQ(safetensors.config().vocab_size, shape.vocab_size);
    EXPECT_EQ(safetensors.config().n_positions, 8);
    EXPECT_EQ(safetensors.tensors().size(), 5u + 10u * static_cast<uint64_t>(shape.n_layer));
    std::filesystem::remove(folder_.path("model.safetensors"));
    folder_.write("pytorch_model.bin", torch_file(torch_tensors(tensors)));
    expect_equal_tensors(Checkpoint::open(folder_.path()), safetensors);
    const Model model = Model::load(folder_.path(), {.threads = 1});
    EXPECT_EQ(model.config().head_dim(), shape.head_dim);
  }
}

TEST_F(CheckpointTest, DanglingLinks) {
  std::filesystem::create_symlink("/nowhere/blob", folder_.path("model.safetensors"));
  folder_refused(ErrorCode::kNotFound, "model.safetensors: cannot open");
  std::filesystem::remove(folder_.path("model.safetensors"));
  tiny_.write(folder_);
  std::filesystem::create_symlink("/nowhere/blob", folder_.path("generation_config.json"));
  folder_refused(ErrorCode::kNotFound, "generation_config.json: cannot open");
}

TEST_F(CheckpointTest, DamagedHeadersAreRefusedOrOpen) {
  tiny_.write(folder_);
  const std::string whole = safetensors_file(tiny_.tensors);
  for (size_t at = 0; at < 400; ++at) {
    for (const int flip : {1, 4, 32, 255}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      folder_.write("model.safetensors", damaged);
      finishes([&] { Checkpoint::open(folder_.path()); });
    }
  }
}

TEST_F(CheckpointTest, Inspect) {
  tiny_.write(folder_);
  const CheckpointInfo info = inspect(folder_.path());
  EXPECT_EQ(info.path, folder_.path());
  EXPECT_EQ(info.files, std::vector{folder_.path("model.safetensors")});
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(folder_.path("model.safetensors")));
  EXPECT_EQ(info.config.n_inner, 3);
  ASSERT_EQ(info.tensors.size(), 25u);
  EXPECT_EQ(info.tensors[0].name, "wte.weight");
  EXPECT_EQ(info.tensors[0].type, "F16");
  EXPECT_EQ(info.tensors[0].bytes, 7u * 4 * 2);
  EXPECT_EQ(info.stored_type, WeightType::kF16);
  EXPECT_EQ(info.parameters, 2u * 7 * 4 + 7 + 2 * 4 + 2 * (2 * 4 + 4 * 16 + 2 * 12 + 3 + 4));
  EXPECT_TRUE(info.has_lm_head);
  EXPECT_FALSE(info.tokenizer_size);
  const CheckpointInfo bundled = inspect(GPTJ_SOURCE_DIR "/models/fairytale-8m");
  EXPECT_EQ(bundled.tokenizer_size, 4096);
  EXPECT_EQ(bundled.generation_defaults.top_p, 0.95);
}

}  // namespace
}  // namespace gptj::test
