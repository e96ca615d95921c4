// SPDX-License-Identifier: Apache-2.0
#include "base/fingerprint.h"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "engine/model_state.h"
#include "kernels/arithmetic_version.h"
#include "tokenizer/tokenizer_data.h"

namespace gptj {
namespace {

// Bytes that are hashed as one block. The size is fixed, so that the result does not depend on the
// number of threads.
constexpr size_t kBlock = size_t{1} << 20;

class ModelFingerprint {
 public:
  explicit ModelFingerprint(ThreadPool& pool) : pool_(pool) {}

  void add(std::span<const std::byte> bytes) {
    const size_t n = (bytes.size() + kBlock - 1) / kBlock;
    std::vector<uint64_t> blocks(n);
    pool_.parallel([&](size_t slice) {
      const SliceRange range = slice_range(n, slice, pool_.slices());
      for (size_t i = range.begin; i < range.end; ++i) {
        Fingerprint block;
        block.add(bytes.subspan(i * kBlock, std::min(kBlock, bytes.size() - i * kBlock)));
        blocks[i] = block.value();
      }
    });
    all_.add(bytes.size());
    for (const uint64_t block : blocks) all_.add(block);
  }
  void add(const AlignedBuffer<float>& values) {
    add(std::as_bytes(std::span(values.data(), values.size())));
  }
  void add(const LayerNorm& norm) {
    add(norm.weight);
    add(norm.bias);
  }
  void add(const PackedMatrix& m) {
    all_.add(static_cast<uint64_t>(m.element));
    add(m.panels);
    add(m.bias);
  }
  void add(const ModelConfig& c) {
    for (const int64_t value : {c.vocab_size, c.n_positions, c.n_embd, c.n_layer, c.n_head,
                                c.rotary_dim, c.n_inner, c.bos_token_id.value_or(-1)}) {
      all_.add(static_cast<uint64_t>(value));
    }
    add(static_cast<double>(c.layer_norm_epsilon));
    for (const int64_t id : c.eos_token_ids) all_.add(static_cast<uint64_t>(id));
  }
  void add(const GenerationDefaults& d) {
    add(d.do_sample.value_or(false) ? 1.0 : 0.0);
    add(d.early_stopping ? static_cast<double>(*d.early_stopping) : -1.0);
    for (const auto& value : {d.temperature, d.top_p, d.min_p, d.typical_p, d.repetition_penalty,
                              d.encoder_repetition_penalty, d.length_penalty}) {
      add(value.value_or(-1.0));
    }
    for (const auto& value : {d.top_k, d.no_repeat_ngram_size, d.encoder_no_repeat_ngram_size,
                              d.max_new_tokens, d.max_length, d.min_new_tokens, d.min_length,
                              d.num_beams, d.num_return_sequences, d.forced_bos_token_id}) {
      add(static_cast<double>(value.value_or(-1)));
    }
    for (const auto& word : d.bad_words_ids) add(word);
    for (const auto* ids :
         {&d.suppress_tokens, &d.begin_suppress_tokens, &d.forced_eos_token_ids}) {
      add(*ids);
    }
    const auto decay = d.exponential_decay_length_penalty.value_or(std::pair(int64_t{-1}, 1.0));
    add(static_cast<double>(decay.first));
    add(decay.second);
    for (const std::string& stop : d.stop_strings) add(std::as_bytes(std::span(stop)));
  }
  void add(const std::vector<int64_t>& ids) {
    add(static_cast<double>(ids.size()));
    for (const int64_t id : ids) add(static_cast<double>(id));
  }
  void add(double value) { all_.add(std::bit_cast<uint64_t>(value)); }
  void add(uint64_t word) { all_.add(word); }

  uint64_t value() const { return all_.value(); }

 private:
  ThreadPool& pool_;
  Fingerprint all_;
};

uint64_t compute_fingerprint(const Model::State& m) {
  ModelFingerprint all(m.pool);
  all.add(m.config);
  all.add(m.generation_defaults);
  all.add(static_cast<uint64_t>(m.weights.wte.element));
  all.add(m.weights.wte.bytes);
  for (const Layer& layer : m.weights.layers) {
    all.add(layer.ln_1);
    for (const PackedMatrix* matrix : layer.matrices()) all.add(*matrix);
  }
  all.add(m.weights.ln_f);
  all.add(m.weights.lm_head);
  if (m.tokenizer) all.add(m.tokenizer->fingerprint());
  return all.value();
}

}  // namespace

uint64_t Model::fingerprint() const {
  const std::lock_guard lock(state_->fingerprint_mutex);
  if (!state_->fingerprint) state_->fingerprint = compute_fingerprint(*state_);
  return *state_->fingerprint;
}

std::string arithmetic_name(const Model& model) {
  const std::string version = std::to_string(kArithmeticVersion);
  const Packing& packing = model.state().packing;
  if (packing.layers != Element::kBF16 && packing.head != Element::kBF16) return version;
  return version + " " + model.state().kernels.product[Element::kBF16].isa;
}

}  // namespace gptj
