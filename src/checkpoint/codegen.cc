// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/codegen.h"

#include <cstring>

#include "base/check.h"
#include "base/json_fields.h"
#include "checkpoint/checkpoint_tensor.h"
#include "checkpoint/tensor_names.h"

namespace gptj {
namespace {

constexpr std::string_view kFused = "attn.qkv_proj.weight";
// The parts in the order of their rows in a block.
constexpr const char* kParts[] = {"attn.q_proj.weight", "attn.v_proj.weight", "attn.k_proj.weight"};
constexpr int64_t kMaxBlocks = 4096;

// Returns the tensor of `layer` that is made from rows of part `part` (an index of kParts) in every
// block of `fused`.
CheckpointTensor part_of(const std::shared_ptr<const CheckpointTensor>& fused, size_t part,
                         const std::string& layer, int64_t blocks) {
  const CheckpointTensor& source = *fused;
  CheckpointTensor made{
      {layer + kParts[part], source.type, {source.shape[0] / 3, source.shape[1]}, {}}, source.file};
  const uint64_t run = made.size() / static_cast<uint64_t>(blocks);  // bytes of one part of a block
  made.quantized = source.quantized;
  made.make = [fused, part, run](std::span<std::byte> out) {
    const TensorBytes bytes(*fused);
    for (size_t begin = 0; begin < out.size(); begin += run) {
      std::memcpy(out.data() + begin, bytes.data() + 3 * begin + part * run, run);
    }
  };
  return made;
}

}  // namespace

int64_t codegen_blocks(const FieldReader& config) {
  if (config.string("model_type").value_or("") != "codegen") return 0;
  if (const auto given = config.integer("mp_num", 1, kMaxBlocks)) return *given;
  const int64_t head_dim = config.integer("head_dim", 0, INT32_MAX).value_or(0);
  return head_dim == 128 || head_dim == 256 ? 8 : 4;
}

void split_codegen_qkv(CheckpointFiles& files, const ModelConfig& config, int64_t blocks) {
  check(config.n_head % blocks == 0, ErrorCode::kBadFile, files.folder,
        ": n_head: expected a multiple of CodeGen's ", blocks, " blocks, found ", config.n_head);
  const auto width = static_cast<uint64_t>(config.n_embd);
  std::vector<CheckpointTensor> tensors;
  for (CheckpointTensor& tensor : files.tensors) {
    const std::string name = canonical_name(tensor.name);
    if (!name.ends_with(kFused)) {
      tensors.push_back(std::move(tensor));
      continue;
    }
    check(tensor.shape == std::vector<uint64_t>{3 * width, width}, ErrorCode::kBadFile, tensor.file,
          ": tensor ", name, ": expected shape ", shape_text(std::vector{3 * width, width}),
          ", as config.json says, found ", shape_text(tensor.shape));
    const auto fused =
        std::make_shared<const CheckpointTensor>(with_map(std::move(tensor), files.files));
    const std::string layer = name.substr(0, name.size() - kFused.size());
    for (size_t part = 0; part < std::size(kParts); ++part) {
      tensors.push_back(part_of(fused, part, layer, blocks));
    }
  }
  files.tensors = std::move(tensors);
}

}  // namespace gptj
