// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/codegen.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/json_fields.h"
#include "checkpoint/checkpoint.h"
#include "support/expect_error.h"
#include "support/pytorch_writer.h"
#include "support/temp_folder.h"
#include "support/tiny_checkpoint.h"

namespace gptj::test {
namespace {

int64_t blocks_of(const char* config) { return codegen_blocks({config, "c"}); }

TEST(CodeGen, BlocksOfPublishedConfigs) {
  EXPECT_EQ(blocks_of(R"({"model_type":"gptj"})"), 0);
  EXPECT_EQ(blocks_of(R"({"model_type":"codegen"})"), 4);
  EXPECT_EQ(blocks_of(R"({"model_type":"codegen","head_dim":128})"), 8);  // CodeGen2-1B
  EXPECT_EQ(blocks_of(R"({"model_type":"codegen","head_dim":256})"), 8);  // CodeGen2-3.7B
  EXPECT_EQ(blocks_of(R"({"model_type":"codegen","head_dim":64})"), 4);
  EXPECT_EQ(blocks_of(R"({"model_type":"codegen","head_dim":256,"mp_num":4})"), 4);
  expect_error(
      ErrorCode::kBadFile, [] { blocks_of(R"({"model_type":"codegen","mp_num":0})"); }, "mp_num");
}

class CodeGenFolder : public ::testing::Test {
 protected:
  CodeGenFolder() {
    tiny_.config["model_type"] = "codegen";
    tiny_.config["mp_num"] = 2;
    for (const char* part : {"q", "k", "v"}) {
      for (const char* layer : {"0", "1"}) {
        tiny_.remove(concat("transformer.h.", layer, ".attn.", part, "_proj.weight"));
      }
    }
    tiny_.add("transformer.h.0.attn.qkv_proj.weight", DType::kF16, {12, 4});
    tiny_.add("transformer.h.1.attn.qkv_proj.weight", DType::kF16, {12, 4});
    tiny_.add("transformer.h.1.attn.causal_mask", DType::kBool, {1, 1, 8, 8});
  }
  TempFolder folder_;
  TinyCheckpoint tiny_;
};

TEST_F(CodeGenFolder, EachBlockHasRowsOfQThenVThenK) {
  folder_.write("config.json", tiny_.config.dump());
  for (const bool torch : {false, true}) {
    if (torch) {
      std::filesystem::remove(folder_.path("model.safetensors"));
      folder_.write("pytorch_model.bin", torch_file(torch_tensors(tiny_.tensors)));
    } else {
      folder_.write("model.safetensors", safetensors_file(tiny_.tensors));
    }
    const Checkpoint checkpoint = Checkpoint::open(folder_.path());
    EXPECT_EQ(checkpoint.tensors().size(), 25u);
    const std::string& fused = tiny_.tensor("transformer.h.1.attn.qkv_proj.weight").bytes;
    for (const auto& [part, rows] : {std::pair{"q", 0}, std::pair{"v", 2}, std::pair{"k", 4}}) {
      const CheckpointTensor& made = checkpoint.tensor(concat("h.1.attn.", part, "_proj.weight"));
      std::string found(made.size(), '\0');
      made.make(std::as_writable_bytes(std::span(found)));
      const size_t begin = static_cast<size_t>(rows) * 8;  // two heads, each a block of 6 rows
      EXPECT_EQ(found, fused.substr(begin, 16) + fused.substr(begin + 48, 16)) << part;
    }
  }
}

TEST_F(CodeGenFolder, RefusesWhatDoesNotFit) {
  const auto refuses = [&](const char* words) {
    tiny_.write(folder_);
    expect_error(
        ErrorCode::kBadFile, [&] { Checkpoint::open(folder_.path()); }, words);
  };
  tiny_.config["mp_num"] = 4;
  refuses("n_head: expected a multiple of CodeGen's 4 blocks, found 2");
  tiny_.config["mp_num"] = 1;
  tiny_.replace("transformer.h.0.attn.qkv_proj.weight", DType::kF16, {4, 12});
  refuses("h.0.attn.qkv_proj.weight: expected shape [12, 4]");
  tiny_.config["model_type"] = "gptj";
  refuses("this is CodeGen");
}

}  // namespace
}  // namespace gptj::test
