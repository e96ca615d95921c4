// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/json_fields.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/checkpoint_tensor.h"
#include "checkpoint/codegen.h"
#include "checkpoint/config.h"
#include "checkpoint/element.h"
#include "checkpoint/gptq.h"
#include "checkpoint/tensor_names.h"

namespace gptj {
namespace {

constexpr size_t kMaxConfig = 16'000'000;

// Parts of the names of tensors in other kinds of saves, each with the reason that the refusal
// gives.
struct ForeignName {
  const char* part;
  const char* reason;
};
constexpr const char* kUnknownQuantizer =
    "; quantized, but neither a quantize_config.json nor the shapes say that GPTQ did it with 4 or "
    "8 bits: open the model that was quantized";
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
};

const char* foreign_reason(const std::string& name) {
  for (const ForeignName& foreign : kForeignNames) {
    if (name.find(foreign.part) != std::string::npos) return foreign.reason;
  }
  return "";
}

const char* reason_of_type(DType type) {
  if (type == DType::kI8 || type == DType::kU8) {
    return "; quantized, as by bitsandbytes: open the model that was quantized";
  }
  return "";
}

std::string config_path(const std::string& folder) { return beside(folder, "config.json"); }

// Returns config.json; nothing if the format of the weights holds the config. Throws kNotFound if
// the file is missing.
std::optional<FieldReader> read_config(const CheckpointFiles& files) {
  if (files.config) return {};
  const std::string path = config_path(files.folder);
  check(is_there(path), ErrorCode::kNotFound, path,
        ": missing; the weights beside it need the model's sizes from it");
  return FieldReader(read_text_file(path, kMaxConfig), path);
}

// Renames the tensors of a rotary GPT-Neo to GPT-J's names, and drops its masks and tables.
void rename_neo(CheckpointFiles& files) {
  std::vector<CheckpointTensor> renamed;
  for (CheckpointTensor& tensor : files.tensors) {
    std::optional<std::string> name = neo_to_gptj_name(tensor.name);
    if (!name) continue;
    tensor.name = *std::move(name);
    renamed.push_back(std::move(tensor));
  }
  files.tensors = std::move(renamed);
}

// Returns the config that config.json describes, and turns the tensors of another layout (GPT-Neo,
// GPTQ, CodeGen) into those of a GPT-J.
ModelConfig adopt_config(CheckpointFiles& files, const FieldReader& json, Warnings& warnings) {
  const ModelConfig config = parse_config(json, warnings);
  if (has_neo_names(json)) rename_neo(files);
  if (const auto gptq = gptq_format(json, config.n_embd, files)) dequantize_gptq(files, *gptq);
  const int64_t blocks = codegen_blocks(json);
  if (blocks > 0) split_codegen_qkv(files, config, blocks);
  return config;
}

// Returns the tensor rounded to F32, for a tensor that the file holds in F64.
CheckpointTensor rounded_to_f32(CheckpointTensor tensor, const CheckpointFiles& files) {
  CheckpointTensor rounded{{tensor.name, DType::kF32, tensor.shape, {}}, tensor.file};
  const auto source =
      std::make_shared<const CheckpointTensor>(with_map(std::move(tensor), files.files));
  rounded.make = [source](std::span<std::byte> out) {
    const TensorBytes bytes(*source);
    for (size_t i = 0; i < out.size() / sizeof(float); ++i) {
      double value;
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      const auto nearest = static_cast<float>(value);
      std::memcpy(out.data() + i * sizeof nearest, &nearest, sizeof nearest);
    }
  };
  return rounded;
}

void round_doubles(CheckpointFiles& files) {
  for (CheckpointTensor& tensor : files.tensors) {
    if (tensor.type == DType::kF64) tensor = rounded_to_f32(std::move(tensor), files);
  }
}

}  // namespace

Checkpoint Checkpoint::open(const std::string& path) {
  CheckpointFiles files = open_checkpoint_files(path);
  const std::optional<FieldReader> config = read_config(files);
  Checkpoint checkpoint;
  checkpoint.config_ = config ? adopt_config(files, *config, checkpoint.warnings_) : *files.config;
  round_doubles(files);
  checkpoint.folder_ = files.folder;
  checkpoint.files_ = std::move(files.files);
  checkpoint.vocabulary_ = std::move(files.vocabulary);
  NamedTensors found = checkpoint.collect(std::move(files.tensors));
  checkpoint.adopt_vocabulary(found);
  if (config && has_tied_head(*config)) checkpoint.tie_head(found);
  checkpoint.read_generation_defaults(config ? &*config : nullptr);
  checkpoint.leave_out_heads(found);
  checkpoint.take(std::move(found));
  return checkpoint;
}

Checkpoint::NamedTensors Checkpoint::collect(std::vector<CheckpointTensor> tensors) {
  NamedTensors found;
  std::string rotary;
  for (CheckpointTensor& tensor : tensors) {
    tensor.name = canonical_name(tensor.name);
    if (is_ignorable_buffer(tensor.name)) continue;
    if (is_rotary_buffer(tensor.name)) {
      rotary = tensor.name;
      continue;
    }
    const std::string name = tensor.name;
    const auto [place, is_new] = found.emplace(name, std::move(tensor));
    check(is_new, ErrorCode::kBadFile, place->second.file, ": tensor ", lazy_excerpt(name),
          " is there twice, with and without the prefix of a wrapper, as \"transformer.\"");
  }
  if (!rotary.empty()) {
    warnings_.push_back(concat(folder_, ": left out: rotary tables (", rotary,
                               "); they are computed from config.json"));
  }
  return found;
}

// Takes vocab_size from the rows of wte.weight, because a resized model is often saved with the old
// vocab_size.
void Checkpoint::adopt_vocabulary(const NamedTensors& found) {
  const auto embedding = found.find("wte.weight");
  if (embedding != found.end() && !embedding->second.shape.empty()) {
    const uint64_t rows = std::min<uint64_t>(embedding->second.shape[0], INT64_MAX);
    config_.vocab_size = static_cast<int64_t>(rows);
    check_config(config_, ErrorCode::kBadFile, embedding->second.file + ": wte.weight");
  }
  drop_foreign_ids(config_, config_path(folder_), warnings_);
}

// Makes lm_head from wte.weight. The bias is that of the file, or zeros if the file has none.
void Checkpoint::tie_head(NamedTensors& found) {
  const auto embedding = found.find("wte.weight");
  if (embedding == found.end()) return;  // take() reports that it is missing
  CheckpointTensor head = embedding->second;
  head.name = "lm_head.weight";
  const auto stored = found.find(head.name);
  if (stored != found.end() && stored->second.bytes.data() != head.bytes.data()) {
    warnings_.push_back(concat(stored->second.file,
                               ": left out: lm_head.weight; tie_word_embeddings in config.json "
                               "says that wte.weight is the head"));
  }
  found.insert_or_assign(head.name, head);
  CheckpointTensor bias{{"lm_head.bias", DType::kF32, {head.shape.empty() ? 0 : head.shape[0]}, {}},
                        head.file};
  bias.make = [](std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); };
  found.emplace(bias.name, bias);
}

// Reads generation_config.json. Without it the same fields of config.json count, as in
// transformers.
void Checkpoint::read_generation_defaults(const FieldReader* config) {
  std::string path = beside(folder_, "generation_config.json");
  const std::string in_config = config != nullptr ? settings_in_config(*config) : std::string();
  if (is_there(path)) {
    generation_config_ = read_text_file(path, kMaxConfig);
    if (!in_config.empty()) {
      warn_of_other_settings(in_config, generation_config_, folder_, warnings_);
    }
  } else {
    path = config_path(folder_);
    generation_config_ = in_config;
  }
  if (generation_config_.empty()) return;
  generation_defaults_ = parse_generation_defaults(generation_config_, path, warnings_);
  adopt_generation_defaults(generation_defaults_, path, config_, warnings_);
}

// Removes value and reward heads, which training puts beside lm_head, because they change no token.
void Checkpoint::leave_out_heads(NamedTensors& found) {
  if (!found.contains("lm_head.weight")) return;  // a classifier: refuse_leftovers() says so
  std::string names;
  for (auto place = found.begin(); place != found.end();) {
    if (!is_training_head(place->first)) {
      ++place;
      continue;
    }
    names += (names.empty() ? "" : ", ") + place->first;
    place = found.erase(place);
  }
  if (names.empty()) return;
  warnings_.push_back(
      concat(folder_, ": left out: a value or reward head (", names, "), which generates no text"));
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
  refuse_leftovers(found);  // first, because its reason explains wrong types and shapes too
  for (size_t i = 0; i < tensors_.size(); ++i) check_tensor(tensors_[i], shapes[i]);
  has_lm_head_ = std::none_of(missing.begin(), missing.end(), is_lm_head);
  // A save of the base model lacks both tensors of lm_head. If only one is missing it is damage.
  if (missing.size() == 2 && std::all_of(missing.begin(), missing.end(), is_lm_head)) return;
  if (missing.empty()) return;
  const char* reason = missing.size() == 1 && missing[0] == "lm_head.weight"
                           ? "; early GPT-J forks dropped it when they saved (it is not wte): use "
                             "the checkpoint that this one was made from"
                           : "";
  fail(ErrorCode::kBadFile,
       concat(folder_, ": tensor ", missing.front(), " is missing from the weights, and ",
              missing.size() - 1, " more", reason));
}

void Checkpoint::refuse_leftovers(const NamedTensors& found) const {
  if (found.empty()) return;
  const auto& [name, tensor] = *found.begin();
  fail(ErrorCode::kBadFile, concat(tensor.file, ": unexpected tensor ", json_excerpt(name), " ",
                                   shape_text(tensor.shape), "; expected those of a GPT-J of ",
                                   config_.n_layer, " layers", foreign_reason(name)));
}

void Checkpoint::check_tensor(const CheckpointTensor& tensor, const std::vector<uint64_t>& shape) {
  const std::string where = concat(tensor.file, ": tensor ", tensor.name);
  check(tensor.shape == shape, ErrorCode::kBadFile, where, ": expected shape ", shape_text(shape),
        ", as config.json and the rows of wte.weight say, found ", shape_text(tensor.shape));
  check(tensor.type == DType::kF32 || tensor.type == DType::kF16 || tensor.type == DType::kBF16,
        ErrorCode::kUnsupported, where, ": expected F64, F32, F16 or BF16, found ",
        dtype_name(tensor.type), reason_of_type(tensor.type));
}

const CheckpointTensor& Checkpoint::tensor(std::string_view canonical) const {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(),
                   [&](const CheckpointTensor& tensor) { return tensor.name == canonical; });
  check(found != tensors_.end(), ErrorCode::kUnsupported, folder_, ": there is no ", canonical,
        is_lm_head(canonical) ? ": this is a save of the base model without lm_head, which cannot "
                                "generate; save the GPTJForCausalLM"
                              : "");
  return *found;
}

WeightType Checkpoint::stored_type() const {
  if (quantized()) return WeightType::kInt8;
  std::map<DType, uint64_t> bytes;
  for (const CheckpointTensor& tensor : tensors_) bytes[tensor.type] += tensor.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return element_of(most->first);
}

bool Checkpoint::quantized() const {
  uint64_t quantized = 0, all = 0;
  for (const CheckpointTensor& tensor : tensors_) {
    all += tensor.size();
    if (tensor.quantized) quantized += tensor.size();
  }
  return quantized > all / 2;
}

EmbeddingStorage Checkpoint::embedding() const {
  const CheckpointTensor& wte = tensor("wte.weight");
  return {element_of(wte.type), /*mapped=*/!wte.make};
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
