// SPDX-License-Identifier: Apache-2.0
#include "model/checkpoint.h"

#include <algorithm>

#include "base/check.h"
#include "formats/json_text.h"
#include "model/checkpoint_files.h"
#include "model/codegen.h"
#include "model/config.h"
#include "model/gptq.h"
#include "model/names.h"
#include "model/weights.h"

namespace gptj {
namespace {

constexpr size_t kMaxConfig = 16'000'000;

// What tensors of other kinds of saves are called, so that the refusal can say why.
struct ForeignName {
  const char* part;
  const char* reason;
};
constexpr const char* kUnknownQuantizer =
    "; quantized by GPTQ or AWQ: for GPTQ, a quantize_config.json or quantization_config in "
    "config.json must say how; else open the model that was quantized";
constexpr ForeignName kForeignNames[] = {
    {".qweight", kUnknownQuantizer},
    {".qzeros", kUnknownQuantizer},
    {".g_idx", kUnknownQuantizer},
    {".SCB", "; quantized by bitsandbytes: open the unquantized model"},
    {".absmax", "; quantized by bitsandbytes: open the unquantized model"},
    {".quant_", "; quantized by bitsandbytes: open the unquantized model"},
    {".lora_", "; a LoRA adapter: merge it into its base model and save that"},
    {"qkv_proj", "; this is CodeGen, but model_type in config.json is not \"codegen\""},
    {"score.weight", "; this model classifies texts and generates none"},
    {"qa_outputs", "; this model marks answers in texts and generates none"},
    {"module.", "; the names have a prefix: save the wrapped model itself"},
};

const char* foreign_reason(const std::string& name) {
  for (const ForeignName& foreign : kForeignNames) {
    if (name.find(foreign.part) != std::string::npos) return foreign.reason;
  }
  return "";
}

const char* reason_of_type(DType type) {
  if (type == DType::kF64) return "; this engine computes in f32: save model.float()";
  if (type == DType::kI8 || type == DType::kU8) {
    return "; quantized, as by bitsandbytes: open the model that was quantized";
  }
  return "";
}

// config.json, by which tensors that are stored in another way become those of a GPT-J.
ModelConfig adopt_config(CheckpointFiles& files) {
  const std::string path = beside(files.folder, "config.json");
  check(is_there(path), ErrorCode::kNotFound, path,
        ": missing; the weights beside it need the model's sizes from it");
  const std::string text = read_text_file(path, kMaxConfig);
  const ModelConfig config = parse_config(text, path);
  if (const auto gptq = gptq_format(text, files.folder)) dequantize_gptq(files, *gptq);
  const int64_t blocks = codegen_blocks(text, path);
  if (blocks > 0) split_codegen_qkv(files, config, blocks);
  return config;
}

}  // namespace

Checkpoint Checkpoint::open(const std::string& path) {
  CheckpointFiles files = open_checkpoint_files(path);
  Checkpoint checkpoint;
  checkpoint.config_ = files.config ? *files.config : adopt_config(files);
  checkpoint.folder_ = files.folder;
  checkpoint.files_ = std::move(files.files);
  checkpoint.vocabulary_ = std::move(files.vocabulary);
  NamedTensors found = collect(std::move(files.tensors));
  checkpoint.adopt_vocabulary(found);
  checkpoint.read_generation_defaults();
  checkpoint.take(std::move(found));
  return checkpoint;
}

Checkpoint::NamedTensors Checkpoint::collect(std::vector<StoredTensor> tensors) {
  NamedTensors found;
  for (StoredTensor& tensor : tensors) {
    tensor.name = canonical_name(tensor.name);
    if (is_ignorable_buffer(tensor.name)) continue;
    const std::string name = tensor.name;
    const auto [place, is_new] = found.emplace(name, std::move(tensor));
    check(is_new, ErrorCode::kBadFile, place->second.file, ": tensor ", json_excerpt(name),
          " is there twice, with and without the prefix \"transformer.\"");
  }
  return found;
}

// A resized model is often saved with the old vocab_size; the tensors are what runs.
void Checkpoint::adopt_vocabulary(const NamedTensors& found) {
  const auto embedding = found.find("wte.weight");
  if (embedding != found.end() && !embedding->second.shape.empty()) {
    const uint64_t rows = std::min<uint64_t>(embedding->second.shape[0], INT64_MAX);
    config_.vocab_size = static_cast<int64_t>(rows);
    check_config(config_, ErrorCode::kBadFile, embedding->second.file + ": wte.weight");
  }
  check_token_ids(config_.bos_token_id, config_.eos_token_ids, config_.vocab_size,
                  beside(folder_, "config.json"));
}

void Checkpoint::read_generation_defaults() {
  const std::string path = beside(folder_, "generation_config.json");
  if (!is_there(path)) return;
  generation_config_ = read_text_file(path, kMaxConfig);
  generation_defaults_ = parse_generation_defaults(generation_config_, path);
  const GenerationDefaults& defaults = generation_defaults_;
  check_token_ids(defaults.bos_token_id, defaults.eos_token_ids, config_.vocab_size, path);
  if (defaults.bos_token_id) config_.bos_token_id = defaults.bos_token_id;
  if (!defaults.eos_token_ids.empty()) config_.eos_token_ids = defaults.eos_token_ids;
}

void Checkpoint::take(NamedTensors found) {
  std::vector<std::string> missing;
  std::vector<std::vector<uint64_t>> shapes;
  for (const TensorSpec& spec : tensor_specs(config_)) {
    const auto place = found.find(spec.name);
    if (place == found.end()) {
      missing.push_back(spec.name);
      continue;
    }
    shapes.push_back(spec.shape);
    tensors_.push_back(std::move(place->second));
    found.erase(place);
  }
  refuse_leftovers(found);  // whose names may explain the types and shapes of others
  for (size_t i = 0; i < tensors_.size(); ++i) check_tensor(tensors_[i], shapes[i]);
  has_lm_head_ = std::none_of(missing.begin(), missing.end(), is_lm_head);
  // A save of the base model lacks both tensors of lm_head; one without the other is damage.
  if (missing.size() == 2 && std::all_of(missing.begin(), missing.end(), is_lm_head)) return;
  if (missing.empty()) return;
  fail(ErrorCode::kBadFile,
       concat(folder_, ": tensor ", missing.front(), " is missing from the weights, and ",
              missing.size() - 1, " more"));
}

void Checkpoint::refuse_leftovers(const NamedTensors& found) const {
  if (found.empty()) return;
  const auto& [name, tensor] = *found.begin();
  fail(ErrorCode::kBadFile, concat(tensor.file, ": unexpected tensor ", json_excerpt(name), " ",
                                   shape_text(tensor.shape), "; expected those of a GPT-J of ",
                                   config_.n_layer, " layers", foreign_reason(name)));
}

void Checkpoint::check_tensor(const StoredTensor& tensor, const std::vector<uint64_t>& shape) {
  const std::string where = concat(tensor.file, ": tensor ", tensor.name);
  check(tensor.shape == shape, ErrorCode::kBadFile, where, ": expected shape ", shape_text(shape),
        ", as config.json and the rows of wte.weight say, found ", shape_text(tensor.shape));
  check(tensor.type == DType::kF32 || tensor.type == DType::kF16 || tensor.type == DType::kBF16,
        ErrorCode::kUnsupported, where, ": expected F32, F16 or BF16, found ",
        dtype_name(tensor.type), reason_of_type(tensor.type));
}

const StoredTensor& Checkpoint::tensor(std::string_view canonical) const {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(),
                   [&](const StoredTensor& tensor) { return tensor.name == canonical; });
  check(found != tensors_.end(), ErrorCode::kUnsupported, folder_, ": there is no ", canonical,
        is_lm_head(canonical) ? ": this is a save of the base model without lm_head, which cannot "
                                "generate; save the GPTJForCausalLM"
                              : "");
  return *found;
}

WeightType Checkpoint::stored_type() const {
  if (quantized()) return WeightType::kInt8;
  std::map<DType, uint64_t> bytes;
  for (const StoredTensor& tensor : tensors_) bytes[tensor.type] += tensor.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return static_cast<WeightType>(element_of(most->first));
}

bool Checkpoint::quantized() const {
  uint64_t quantized = 0, all = 0;
  for (const StoredTensor& tensor : tensors_) {
    all += tensor.size();
    if (tensor.quantized) quantized += tensor.size();
  }
  return quantized > all / 2;
}

EmbeddingStorage Checkpoint::embedding() const {
  const StoredTensor& wte = tensor("wte.weight");
  return {static_cast<WeightType>(element_of(wte.type)), /*mapped=*/!wte.make};
}

void check_lm_head(const Checkpoint& checkpoint, const std::string& path) {
  check(checkpoint.has_lm_head(), ErrorCode::kUnsupported, path,
        ": expected lm_head.weight and lm_head.bias, found neither: this is a save of the base "
        "model without its head, which cannot generate; use the checkpoint of GPTJForCausalLM");
}

void Checkpoint::drop(const TensorView& tensor) const {
  for (const auto& file : files_) {
    if (file->owns(tensor.bytes)) file->drop(tensor.bytes);
  }
}

}  // namespace gptj
