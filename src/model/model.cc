// SPDX-License-Identifier: Apache-2.0
#include "gptj/model.h"

#include <algorithm>

#include "base/check.h"
#include "base/float_environment.h"
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_files.h"
#include "engine/kv_cache.h"
#include "engine/model_state.h"
#include "kernels/dispatch.h"
#include "model/model_tokenizer.h"
#include "model/synthetic.h"
#include "weights/packed_file.h"
#include "weights/row_reading.h"
#include "weights/smoothing.h"

namespace gptj {
namespace {

void check_memory(const std::string& path, const MemoryNeeds& needs, uint64_t max_ram) {
  const uint64_t available = available_memory();
  const uint64_t limit = max_ram == 0 ? available : std::min(max_ram, available);
  const uint64_t need = needs.weights + needs.kv_cache_full_context;
  check(need <= limit, ErrorCode::kOutOfMemory, path, ": needs ", gigabytes(need), " (weights ",
        gigabytes(needs.weights), ", KV cache of a full context ",
        gigabytes(needs.kv_cache_full_context), "), found ", gigabytes(limit),
        max_ram != 0 && max_ram <= available ? " allowed by `max_ram`" : " available",
        "; use a smaller `weights` or `kv_cache` type");
}

PackProgress pack_progress(const LoadOptions& options) {
  if (!options.on_progress) return {};
  return [&options](uint64_t done, uint64_t total) {
    check(options.on_progress(done, total) == Progress::kContinue, ErrorCode::kCancelled,
          "loading was cancelled");
  };
}

// Returns the type in which random weights are made before they are packed as `type`.
DType synthetic_type(WeightType type) {
  switch (type) {
    case WeightType::kF32: return DType::kF32;
    case WeightType::kBF16: return DType::kBF16;
    default: return DType::kF16;
  }
}

// Returns the state of a model without weights and tokenizer, with kernels and threads chosen.
// Throws kOutOfMemory if the weights and the KV cache of a full context need more memory than is
// available or allowed.
std::shared_ptr<Model::State> make_state(const std::string& path, const ModelConfig& config,
                                         WeightType stored, const EmbeddingStorage& embedding,
                                         const LoadOptions& options) {
  const WeightType weights = options.weights.value_or(stored);
  const WeightType kv_cache = options.kv_cache.value_or(default_kv_cache(weights));
  check_kv_cache(kv_cache);
  const KernelTable& kernels = select_kernels(options.isa);
  check_threads(options.threads);
  check_memory(
      path,
      memory_needs(
          config,
          {.weights = weights, .head = options.head, .kv_cache = kv_cache, .embedding = embedding}),
      options.max_ram);
  return std::shared_ptr<Model::State>(
      new Model::State{.name = base_name(path),
                       .config = config,
                       .generation_defaults = {},
                       .tokenizer = {},
                       .weight_type = weights,
                       .packing = packing_of(weights, options.head),
                       .kv_cache_type = kv_cache,
                       .kernels = kernels,
                       .pool = ThreadPool(options.threads),
                       .rotary = RotaryTable(config),
                       .weights = {},
                       .max_ram = options.max_ram});
}

Model pack(std::shared_ptr<Model::State> state, std::unique_ptr<WeightSource> source,
           const LoadOptions& options, const std::optional<RowReading>& reading = {}) {
  const auto smoothed = smoothed_source(std::move(source), state->packing.layers);
  state->weights =
      load_weights(*smoothed, state->packing, state->kernels, state->pool, pack_progress(options));
  state->reading =
      reading ? *reading : fastest_reading(state->weights, state->kernels, state->pool);
  return Model(std::move(state));
}

void tell(std::span<const std::string> warnings, const LoadOptions& options) {
  if (!options.on_warning) return;
  for (const std::string& warning : warnings) options.on_warning(warning);
}

void adopt_tokenizer(const TokenizerHints& hints, const LoadOptions& options, Model::State& state) {
  auto chosen = choose_tokenizer(hints, options.tokenizer, options.on_warning);
  if (!chosen) return;
  state.tokenizer = std::move(chosen->tokenizer);
  for (TokenId id = 0; id < state.config.vocab_size; ++id) {
    if (!state.tokenizer->has(id)) state.unnamed_ids.push_back(id);
  }
}

Model load_packed(const std::string& path, std::shared_ptr<const PackedFile> file,
                  LoadOptions options) {
  const Packing stored = file->packing();
  const WeightType wanted = options.weights.value_or(file->weight_type());
  const bool as_stored = wanted == stored.layers && (!options.head || *options.head == stored.head);
  if (as_stored) options.head = stored.head;
  options.weights = wanted;
  auto source = as_stored ? nullptr : packed_source(file);
  const auto state = make_state(path, file->config(), wanted, file->embedding(), options);
  state->generation_defaults = file->generation_defaults();
  tell(file->warnings(), options);
  adopt_tokenizer(tokenizer_hints(path, *file), options, *state);
  if (source) return pack(state, std::move(source), options);
  state->weights = file->weights();
  state->reading = fastest_reading(state->weights, state->kernels, state->pool);
  return Model(state);
}

}  // namespace

Model Model::load(const std::string& path, const LoadOptions& options) {
  const DefaultFloatEnvironment environment;
  if (auto packed = PackedFile::open_if_packed(path)) {
    return load_packed(path, std::move(packed), options);
  }
  const auto checkpoint = std::make_shared<const Checkpoint>(Checkpoint::open(path));
  check_lm_head(*checkpoint, path);
  const ModelConfig& config = checkpoint->config();
  const auto state =
      make_state(path, config, checkpoint->stored_type(), checkpoint->embedding(), options);
  state->generation_defaults = checkpoint->generation_defaults();
  tell(checkpoint->warnings(), options);
  adopt_tokenizer(tokenizer_hints(path, *checkpoint), options, *state);
  return pack(state, checkpoint_source(checkpoint), options);
}

Model synthetic_model(const ModelConfig& config, const LoadOptions& options, uint64_t seed,
                      const std::optional<RowReading>& reading) {
  const DefaultFloatEnvironment environment;
  const WeightType type = options.weights.value_or(WeightType::kF32);
  const DType made = synthetic_type(type);
  const EmbeddingStorage embedding{element_of(made), /*mapped=*/false};
  const auto state = make_state("synthetic", config, type, embedding, options);
  return pack(state, synthetic_source(config, made, seed, state->pool), options, reading);
}

const ModelConfig& Model::config() const { return state_->config; }
const GenerationDefaults& Model::generation_defaults() const { return state_->generation_defaults; }
const Tokenizer* Model::tokenizer() const {
  return state_->tokenizer ? &*state_->tokenizer : nullptr;
}
const std::string& Model::name() const { return state_->name; }
WeightType Model::weight_type() const { return state_->weight_type; }
WeightType Model::kv_cache_type() const { return state_->kv_cache_type; }
size_t Model::threads() const { return state_->pool.threads(); }
std::string Model::isa() const { return state_->kernels.isa; }

std::optional<WeightType> Model::faster_weight_type() const {
  const auto operand = [&](WeightType type) { return state_->kernels.product[type].operand; };
  const bool widened = operand(state_->weight_type) == Operand::kF32;
  if (!widened || operand(WeightType::kBF16) != Operand::kBF16) return std::nullopt;
  return WeightType::kBF16;
}

uint64_t Model::weight_bytes() const {
  uint64_t bytes = state_->weights.lm_head.bytes();
  for (const Layer& layer : state_->weights.layers) {
    for (const PackedMatrix* m : layer.matrices()) bytes += m->bytes();
  }
  return bytes;
}

uint64_t Model::kv_cache_overflows() const { return state_->kv_cache_overflows; }

uint64_t Model::kv_cache_bytes(int64_t positions) const {
  return kv_page_bytes(state_->config, state_->kv_cache_type) * pages_of(positions);
}

}  // namespace gptj
