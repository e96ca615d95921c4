// SPDX-License-Identifier: Apache-2.0
#include "model/names.h"

#include <algorithm>
#include <iterator>

namespace gptj {
namespace {

enum class Extent { kNone, kVocab, kEmbd, kInner };
using enum Extent;

struct Row {
  const char* name;
  Extent rows, columns;  // a vector has no columns
};
constexpr Row kBeforeLayers[] = {{"wte.weight", kVocab, kEmbd}};
constexpr Row kLayer[] = {
    {"ln_1.weight", kEmbd, kNone},        {"ln_1.bias", kEmbd, kNone},
    {"attn.q_proj.weight", kEmbd, kEmbd}, {"attn.k_proj.weight", kEmbd, kEmbd},
    {"attn.v_proj.weight", kEmbd, kEmbd}, {"attn.out_proj.weight", kEmbd, kEmbd},
    {"mlp.fc_in.weight", kInner, kEmbd},  {"mlp.fc_in.bias", kInner, kNone},
    {"mlp.fc_out.weight", kEmbd, kInner}, {"mlp.fc_out.bias", kEmbd, kNone},
};
constexpr Row kAfterLayers[] = {
    {"ln_f.weight", kEmbd, kNone},
    {"ln_f.bias", kEmbd, kNone},
    {"lm_head.weight", kVocab, kEmbd},
    {"lm_head.bias", kVocab, kNone},
};

constexpr std::string_view kPrefix = "transformer.";
constexpr const char* kBuffers[] = {".attn.bias", ".attn.masked_bias", ".attn.embed_positions",
                                    ".attn.causal_mask"};

std::vector<uint64_t> shape_of(const Row& row, const ModelConfig& config) {
  const auto size = [&](Extent extent) -> uint64_t {
    const int64_t value = extent == kVocab  ? config.vocab_size
                          : extent == kEmbd ? config.n_embd
                                            : config.n_inner;
    return static_cast<uint64_t>(value);
  };
  if (row.columns == kNone) return {size(row.rows)};
  return {size(row.rows), size(row.columns)};
}

}  // namespace

uint64_t elements(const TensorSpec& spec) {
  uint64_t n = 1;
  for (const uint64_t extent : spec.shape) n *= extent;
  return n;
}

std::vector<TensorSpec> tensor_specs(const ModelConfig& config) {
  std::vector<TensorSpec> specs;
  for (const Row& row : kBeforeLayers) specs.push_back({row.name, shape_of(row, config)});
  for (int64_t layer = 0; layer < config.n_layer; ++layer) {
    for (const Row& row : kLayer) {
      specs.push_back({layer_tensor_name(layer, row.name), shape_of(row, config)});
    }
  }
  for (const Row& row : kAfterLayers) specs.push_back({row.name, shape_of(row, config)});
  return specs;
}

std::string layer_tensor_name(int64_t layer, std::string_view part) {
  return "h." + std::to_string(layer) + "." + std::string(part);
}

std::string canonical_name(std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return std::string(name);
}

bool is_ignorable_buffer(std::string_view canonical) {
  if (canonical == "embed_positions") return true;
  return canonical.starts_with("h.") &&
         std::any_of(std::begin(kBuffers), std::end(kBuffers),
                     [&](const char* end) { return canonical.ends_with(end); });
}

bool is_embedding(std::string_view canonical) { return canonical == kBeforeLayers[0].name; }

bool is_lm_head(std::string_view canonical) { return canonical.starts_with("lm_head."); }

}  // namespace gptj
