// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/gptq.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "base/half.h"
#include "checkpoint/checkpoint.h"
#include "support/expect_error.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"

namespace gptj::test {
namespace {

using nlohmann::json;

// A GPT-J of one layer, wide enough for whole words and uneven groups.
const json kConfig = {{"model_type", "gptj"}, {"vocab_size", 5}, {"n_positions", 8},
                      {"n_embd", 16},         {"n_layer", 1},    {"n_head", 2},
                      {"rotary_dim", 4},      {"n_inner", 24},   {"eos_token_id", 0},
                      {"bos_token_id", 0}};

uint64_t number(uint64_t seed) { return seed * 0x9e3779b97f4a7c15u >> 40; }

// Writes a quantized matrix number by number, and what it means beside it.
struct Quantized {
  std::vector<TestTensor> tensors;
  std::vector<float> weights;  // [out, in]
};

Quantized quantize(const std::string& name, uint64_t out, uint64_t in, const GptqFormat& format,
                   bool act_order) {
  const uint64_t size = format.group_size == 0 ? in : format.group_size;
  const uint64_t groups = (in + size - 1) / size, n = 32 / format.bits;
  const uint64_t most = (uint64_t{1} << format.bits) - 1;
  std::vector<uint32_t> qweight(in / n * out), qzeros(groups * out / n), g_idx(in);
  std::vector<uint16_t> scales(groups * out);
  Quantized all;
  all.weights.resize(out * in);
  for (uint64_t i = 0; i < in; ++i) {
    g_idx[i] = static_cast<uint32_t>(act_order ? number(i + 7) % groups : i / size);
  }
  for (uint64_t g = 0; g < groups; ++g) {
    for (uint64_t o = 0; o < out; ++o) {
      const uint64_t zero = number(g * out + o) & most;
      qzeros[g * out / n + o / n] |= static_cast<uint32_t>(zero << o % n * format.bits);
      scales[g * out + o] =
          f32_to_f16(0.01f + static_cast<float>(number(g + o * 3) % 100) * 0.001f);
    }
  }
  for (uint64_t i = 0; i < in; ++i) {
    for (uint64_t o = 0; o < out; ++o) {
      const uint64_t q = number(i * out + o + 11) & most, g = g_idx[i];
      qweight[i / n * out + o] |= static_cast<uint32_t>(q << i % n * format.bits);
      const uint64_t zero = (number(g * out + o) & most) + format.zero_offset;
      all.weights[o * in + i] =
          f16_to_f32(scales[g * out + o]) *
          static_cast<float>(static_cast<int64_t>(q) - static_cast<int64_t>(zero));
    }
  }
  const auto tensor = [&](const char* part, DType type, std::vector<uint64_t> shape,
                          const auto& values) {
    std::string bytes(values.size() * sizeof values[0], '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    all.tensors.push_back({name + part, type, std::move(shape), bytes});
  };
  tensor("qweight", DType::kI32, {in / n, out}, qweight);
  tensor("qzeros", DType::kI32, {groups, out / n}, qzeros);
  tensor("scales", DType::kF16, {groups, out}, scales);
  tensor("g_idx", DType::kI32, {in}, g_idx);
  return all;
}

class Gptq : public ::testing::Test {
 protected:
  static constexpr const char* kMatrices[] = {"attn.q_proj.",   "attn.k_proj.", "attn.v_proj.",
                                              "attn.out_proj.", "mlp.fc_in.",   "mlp.fc_out."};
  // Fills tensors_ and weights_.
  void make(const GptqFormat& format, bool act_order) {
    tensors_ = {counting_tensor("transformer.wte.weight", DType::kF16, {5, 16}),
                counting_tensor("lm_head.weight", DType::kF16, {5, 16}),
                counting_tensor("lm_head.bias", DType::kF16, {5}),
                counting_tensor("transformer.h.0.mlp.fc_in.bias", DType::kF16, {24})};
    for (const char* vector :
         {"h.0.ln_1.weight", "h.0.ln_1.bias", "ln_f.weight", "ln_f.bias", "h.0.mlp.fc_out.bias"}) {
      tensors_.push_back(counting_tensor(std::string("transformer.") + vector, DType::kF16, {16}));
    }
    weights_.clear();
    for (const std::string matrix : kMatrices) {
      const bool fc_in = matrix == "mlp.fc_in.", fc_out = matrix == "mlp.fc_out.";
      const Quantized q = quantize("transformer.h.0." + matrix, fc_in ? 24 : 16, fc_out ? 24 : 16,
                                   format, act_order);
      tensors_.insert(tensors_.end(), q.tensors.begin(), q.tensors.end());
      weights_.push_back(q.weights);
    }
  }
  void expect_weights() {
    const Checkpoint checkpoint = Checkpoint::open(folder_.path());
    EXPECT_EQ(checkpoint.stored_type(), WeightType::kInt8);
    EXPECT_TRUE(checkpoint.quantized());
    EXPECT_TRUE(checkpoint.embedding().mapped);
    for (size_t m = 0; m < weights_.size(); ++m) {
      const CheckpointTensor& tensor =
          checkpoint.tensor(std::string("h.0.") + kMatrices[m] + "weight");
      ASSERT_EQ(tensor.type, DType::kF32);
      ASSERT_EQ(tensor.size(), weights_[m].size() * 4);
      std::vector<float> found(weights_[m].size());
      tensor.make(std::as_writable_bytes(std::span(found)));
      EXPECT_EQ(found, weights_[m]) << tensor.name;
    }
  }
  void write(const json& quantization) {
    json config = kConfig;
    config["quantization_config"] = quantization;
    folder_.write("config.json", config.dump());
    folder_.write("model.safetensors", safetensors_file(tensors_));
  }
  template <class... Words>
  void refuses(ErrorCode code, const json& quantization, const Words&... words) {
    write(quantization);
    expect_error(
        code, [&] { Checkpoint::open(folder_.path()); }, words...);
  }
  TestTensor& tensor(const std::string& end) {
    return *std::find_if(tensors_.begin(), tensors_.end(),
                         [&](const TestTensor& t) { return t.name.ends_with(end); });
  }

  TempFolder folder_;
  std::vector<TestTensor> tensors_;
  std::vector<std::vector<float>> weights_;
};

TEST_F(Gptq, EveryFormatIsDequantizedExactly) {
  for (const uint64_t bits : {4, 8}) {
    for (const uint64_t group : {0, 8, 10, 64}) {
      for (const uint64_t offset : {0, 1}) {
        for (const bool act_order : {false, true}) {
          make({bits, group, offset}, act_order);
          json quantization = {{"quant_method", "gptq"}, {"bits", bits}, {"desc_act", act_order}};
          quantization["group_size"] = group == 0 ? json(-1) : json(group);
          if (offset == 0) quantization["checkpoint_format"] = "gptq_v2";
          write(quantization);
          expect_weights();
        }
      }
    }
  }
}

TEST_F(Gptq, PyTorchFilesAndAFileOfItsOwn) {
  make({4, 8, 1}, /*act_order=*/true);
  folder_.write("config.json", kConfig.dump());
  folder_.write("quantize_config.json", R"({"bits":4,"group_size":8,"desc_act":true,"sym":false})");
  folder_.write("pytorch_model.bin", torch_file(torch_tensors(tensors_)));
  expect_weights();
}

TEST_F(Gptq, GroupsInOrderNeedNoIndex) {
  make({4, 8, 1}, /*act_order=*/false);
  std::erase_if(tensors_, [](const TestTensor& t) { return t.name.ends_with("g_idx"); });
  write({{"bits", 4}, {"group_size", 8}});
  expect_weights();
  // What it meant by another order is lost with the index, unless all of them are one group.
  refuses(ErrorCode::kBadFile, {{"bits", 4}, {"group_size", 8}, {"desc_act", true}},
          folder_.path("model.safetensors") + ": h.0.", ".g_idx is missing, which desc_act needs");
  make({4, 0, 1}, /*act_order=*/false);
  std::erase_if(tensors_, [](const TestTensor& t) { return t.name.ends_with("g_idx"); });
  write({{"bits", 4}, {"group_size", -1}, {"desc_act", true}});
  expect_weights();
}

TEST_F(Gptq, BiasesOfZerosAreNone) {
  make({4, 8, 1}, false);
  tensors_.push_back(
      {"transformer.h.0.attn.q_proj.bias", DType::kF16, {16}, std::string(32, '\0')});
  write({{"bits", 4}, {"group_size", 8}});
  expect_weights();
  tensors_.back().bytes[5] = 1;
  refuses(ErrorCode::kBadFile, {{"bits", 4}, {"group_size", 8}},
          "unexpected tensor \"h.0.attn.q_proj.bias\"");
}

TEST_F(Gptq, FusedMatricesOfCodeGen) {
  make({4, 8, 1}, false);
  std::erase_if(tensors_, [](const TestTensor& t) {
    return t.name.find("q_proj") != std::string::npos ||
           t.name.find("k_proj") != std::string::npos || t.name.find("v_proj") != std::string::npos;
  });
  const Quantized q = quantize("transformer.h.0.attn.qkv_proj.", 48, 16, {4, 8, 1}, false);
  tensors_.insert(tensors_.end(), q.tensors.begin(), q.tensors.end());
  json config = kConfig;
  config["model_type"] = "codegen";
  config["mp_num"] = 2;
  config["quantization_config"] = {{"bits", 4}, {"group_size", 8}};
  folder_.write("config.json", config.dump());
  folder_.write("model.safetensors", safetensors_file(tensors_));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_TRUE(checkpoint.tensor("h.0.attn.v_proj.weight").quantized);
  std::vector<float> found(16 * 16);
  checkpoint.tensor("h.0.attn.v_proj.weight").make(std::as_writable_bytes(std::span(found)));
  for (size_t i = 0; i < found.size(); ++i) {  // rows 8 to 15, and 24 + 8 on
    EXPECT_EQ(found[i], q.weights[i < 128 ? i + 128 : i + 384]) << i;
  }
}

TEST_F(Gptq, RefusesWhatDoesNotFit) {
  const json quantization = {{"bits", 4}, {"group_size", 8}};
  const auto with = [&](const char* name, DType type, std::vector<uint64_t> shape,
                        const char* words) {
    make({4, 8, 1}, true);
    TestTensor& changed = tensor(name);
    changed = counting_tensor(changed.name, type, shape);
    refuses(ErrorCode::kBadFile, quantization, words);
  };
  with("q_proj.qweight", DType::kI32, {32}, "qweight: expected two dimensions, found [32]");
  with("q_proj.qweight", DType::kI32, {0, 16}, "expected two dimensions, found [0, 16]");
  with("q_proj.qweight", DType::kI32, {2, 12}, "expected a multiple of 8 outputs, found 12");
  with("q_proj.qweight", DType::kF32, {2, 16}, "qweight: expected I32, found F32");
  with("q_proj.qzeros", DType::kI32, {1, 2}, "q_proj.qzeros: expected shape [2, 2] with 4 bits");
  with("q_proj.scales", DType::kI32, {2, 16}, "q_proj.scales: expected F16, found I32");
  with("q_proj.scales", DType::kF16, {2, 15}, "expected shape [2, 16]");
  with("q_proj.g_idx", DType::kI32, {15}, "g_idx: expected shape [16]");
  with("q_proj.g_idx", DType::kI32, {16}, "g_idx: expected groups below 2, found 50462976");
  make({4, 8, 1}, true);
  const std::string gone = tensor("q_proj.scales").name;
  std::erase_if(tensors_, [&](const TestTensor& t) { return t.name == gone; });
  refuses(ErrorCode::kBadFile, quantization, "q_proj.: expected qweight, qzeros and scales");
  make({4, 8, 1}, true);
  const std::string packed = tensor("q_proj.qweight").name;
  std::erase_if(tensors_, [&](const TestTensor& t) { return t.name == packed; });
  refuses(ErrorCode::kBadFile, quantization,
          folder_.path("model.safetensors") + ": h.0.attn.q_proj.",
          "expected qweight, qzeros and scales");
  make({4, 8, 1}, true);
  tensors_.push_back(tensor("q_proj.scales"));
  tensors_.back().name = "h.0.attn.q_proj.scales";
  refuses(ErrorCode::kBadFile, quantization, "is there twice");
  make({4, 8, 1}, true);
  tensor("q_proj.qweight") = counting_tensor(tensor("q_proj.qweight").name, DType::kI32, {3, 16});
  tensor("q_proj.g_idx") = counting_tensor(tensor("q_proj.g_idx").name, DType::kI32, {24});
  refuses(ErrorCode::kBadFile, quantization, "q_proj.qzeros: expected shape [3, 2]");
}

TEST_F(Gptq, RefusesOtherFormats) {
  make({4, 8, 1}, true);
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  refuses(unsupported, {{"quant_method", "awq"}, {"bits", 4}}, "quantization_config: quant_method",
          "found \"awq\"; open the model that was quantized");
  refuses(unsupported, {{"load_in_8bit", true}}, "found \"bitsandbytes\"", "`weights` int8");
  refuses(unsupported, {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}},
          "bitsandbytes rounds when a model is loaded");
  refuses(unsupported, {{"w_bit", 4}}, "found \"awq\"");
  refuses(unsupported, {{"quant_method", "auto-round"}, {"bits", 4}}, "found \"auto-round\"");
  refuses(unsupported, {{"bits", 3}, {"group_size", 8}}, "bits: expected 4 or 8, found 3");
  refuses(unsupported, {{"bits", 4}, {"group_size", 8}, {"checkpoint_format", "marlin"}},
          "checkpoint_format", "found \"marlin\"");
  refuses(ErrorCode::kBadFile, json::object(), "bits: expected 4 or 8, found nothing");
  refuses(ErrorCode::kBadFile, {{"bits", 4}}, "group_size: expected", "found nothing");
  refuses(ErrorCode::kBadFile, {{"bits", 4}, {"group_size", 0}}, "group_size", "found 0");
  refuses(ErrorCode::kBadFile, "gptq", "quantization_config: expected an object");
  // Without a word of it the shapes must be GPTQ's.
  tensor("q_proj.scales") = counting_tensor(tensor("q_proj.scales").name, DType::kF16, {3, 16});
  refuses(ErrorCode::kBadFile, nullptr, "unexpected tensor", "nor the shapes say that GPTQ");
}

}  // namespace
}  // namespace gptj::test
