// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_names.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gptj {
namespace {

enum class Extent { kNone, kVocab, kEmbd, kInner };
using enum Extent;

struct NameEntry {
  const char* name;
  Extent rows, columns;  // a vector has no columns
};
constexpr NameEntry kBeforeLayers[] = {{"wte.weight", kVocab, kEmbd}};
constexpr NameEntry kLayer[] = {
    {"ln_1.weight", kEmbd, kNone},        {"ln_1.bias", kEmbd, kNone},
    {"attn.q_proj.weight", kEmbd, kEmbd}, {"attn.k_proj.weight", kEmbd, kEmbd},
    {"attn.v_proj.weight", kEmbd, kEmbd}, {"attn.out_proj.weight", kEmbd, kEmbd},
    {"mlp.fc_in.weight", kInner, kEmbd},  {"mlp.fc_in.bias", kInner, kNone},
    {"mlp.fc_out.weight", kEmbd, kInner}, {"mlp.fc_out.bias", kEmbd, kNone},
};
constexpr NameEntry kAfterLayers[] = {
    {"ln_f.weight", kEmbd, kNone},
    {"ln_f.bias", kEmbd, kNone},
    {"lm_head.weight", kVocab, kEmbd},
    {"lm_head.bias", kVocab, kNone},
};

// Prefixes that wrappers add to names: transformers, DataParallel, torch.compile, trlx and PEFT,
// trl, DeepSpeed under Lightning, Lightning.
constexpr std::string_view kPrefixes[] = {"transformer.", "module.",           "_orig_mod.",
                                          "base_model.",  "pretrained_model.", "_forward_module.",
                                          "model."};
// Causal masks and sinusoids, which follow from the config.
constexpr const char* kBuffers[] = {".attn.bias", ".attn.masked_bias", ".attn.embed_positions",
                                    ".attn.causal_mask"};

// Prefixes of heads that training puts beside lm_head: those of trl, trlx and reward models.
constexpr const char* kTrainingHeads[] = {"v_head.",      "value_head.",  "ilql_heads.",
                                          "frozen_head.", "reward_head.", "score."};
constexpr const char* kRotaryBuffers[] = {".inv_freq", ".rotary_emb.cos_cached",
                                          ".rotary_emb.sin_cached"};

std::vector<uint64_t> shape_of(const NameEntry& entry, const ModelConfig& config) {
  const auto size = [&](Extent extent) -> uint64_t {
    const int64_t value = extent == kVocab  ? config.vocab_size
                          : extent == kEmbd ? config.n_embd
                                            : config.n_inner;
    return static_cast<uint64_t>(value);
  };
  if (entry.columns == kNone) return {size(entry.rows)};
  return {size(entry.rows), size(entry.columns)};
}

}  // namespace

uint64_t elements(const TensorSpec& spec) {
  uint64_t n = 1;
  for (const uint64_t extent : spec.shape) n *= extent;
  return n;
}

std::vector<TensorSpec> tensor_specs(const ModelConfig& config) {
  std::vector<TensorSpec> specs;
  for (const NameEntry& entry : kBeforeLayers)
    specs.push_back({entry.name, shape_of(entry, config)});
  for (int64_t layer = 0; layer < config.n_layer; ++layer) {
    for (const NameEntry& entry : kLayer) {
      specs.push_back({layer_tensor_name(layer, entry.name), shape_of(entry, config)});
    }
  }
  for (const NameEntry& entry : kAfterLayers)
    specs.push_back({entry.name, shape_of(entry, config)});
  return specs;
}

std::string layer_tensor_name(int64_t layer, std::string_view part) {
  return "h." + std::to_string(layer) + "." + std::string(part);
}

std::string canonical_name(std::string_view name) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view prefix : kPrefixes) {
      if (!name.starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      found = true;
    }
  }
  return std::string(name);
}

std::optional<std::string> neo_to_gptj_name(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> kParts[] = {
      {".attn.attention.", ".attn."},
      {".mlp.c_fc.", ".mlp.fc_in."},
      {".mlp.c_proj.", ".mlp.fc_out."}};
  static constexpr std::string_view kTables[] = {
      "attn.attention.bias", "attn.attention.masked_bias", "attn.attention.scale_attn",
      "attn.attention.sin", "attn.attention.cos"};
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  if (std::any_of(std::begin(kTables), std::end(kTables), ends)) return {};
  for (const auto& [neo, gptj] : kParts) {
    const size_t at = name.find(neo);
    if (at == std::string_view::npos) continue;
    return std::string(name.substr(0, at)).append(gptj).append(name.substr(at + neo.size()));
  }
  return std::string(name);
}

bool is_ignorable_buffer(std::string_view canonical) {
  if (canonical == "embed_positions") return true;
  return canonical.starts_with("h.") &&
         std::any_of(std::begin(kBuffers), std::end(kBuffers),
                     [&](const char* end) { return canonical.ends_with(end); });
}

bool is_training_head(std::string_view canonical) {
  return std::any_of(std::begin(kTrainingHeads), std::end(kTrainingHeads),
                     [&](const char* begin) { return canonical.starts_with(begin); });
}

bool is_rotary_buffer(std::string_view canonical) {
  return std::any_of(std::begin(kRotaryBuffers), std::end(kRotaryBuffers),
                     [&](const char* end) { return canonical.ends_with(end); });
}

bool is_embedding(std::string_view canonical) { return canonical == kBeforeLayers[0].name; }

bool is_lm_head(std::string_view canonical) { return canonical.starts_with("lm_head."); }

}  // namespace gptj
