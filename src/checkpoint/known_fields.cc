// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/known_fields.h"

#include <algorithm>

#include "base/json_fields.h"

namespace gptj {
namespace {

using enum FieldEffect;

constexpr const char* kNotHere = "this engine does not do it, and goes on without it";

constexpr const char* kRotary =
    "GPT-J's rotary embedding is decided by rotary_dim alone, in transformers too";

constexpr KnownField kConfig[] = {
    // The model's shape.
    {"vocab_size", kHonoured},
    {"n_positions", kHonoured},
    {"max_position_embeddings", kHonoured},
    {"n_embd", kHonoured},
    {"hidden_size", kHonoured},
    {"n_layer", kHonoured},
    {"num_hidden_layers", kHonoured},
    {"num_layers", kHonoured},
    {"n_head", kHonoured},
    {"num_attention_heads", kHonoured},
    {"num_heads", kHonoured},
    {"rotary_dim", kHonoured},
    {"rotary", kHonoured},
    {"n_inner", kHonoured},
    {"intermediate_size", kHonoured},
    {"activation_function", kHonoured},
    {"layer_norm_epsilon", kHonoured},
    {"bos_token_id", kHonoured},
    {"eos_token_id", kHonoured},
    {"tie_word_embeddings", kHonoured},
    {"model_type", kHonoured},
    {"architectures", kHonoured},
    {"quantization_config", kHonoured},
    {"mp_num", kHonoured},
    {"head_dim", kHonoured},
    // Other models.
    {"is_encoder_decoder", kRefused, "[]", "an encoder with a decoder is no GPT-J"},
    {"add_cross_attention", kRefused, "[]", "cross-attention is no part of GPT-J"},
    {"pruned_heads", kRefused, "[{}]", "save the model with all of its heads"},
    {"tie_encoder_decoder", kNone},
    {"cross_attention_hidden_size", kNone},
    {"is_decoder", kNone},
    {"attention_layers", kHonoured},
    {"jax", kHonoured},
    {"rope_theta", kWarned, "[10000]", kRotary},
    {"rope_scaling", kWarned, "[]", kRotary},
    {"rope_parameters", kWarned, "[]", kRotary},
    {"partial_rotary_factor", kWarned, "[]", kRotary},
    {"auto_map", kWarned, "[]", "code beside a checkpoint is not run; this is computed as GPT-J"},
    // Training, pooling and bookkeeping.
    {"attn_pdrop", kNone},
    {"embd_pdrop", kNone},
    {"resid_pdrop", kNone},
    {"attention_dropout", kNone},
    {"embed_dropout", kNone},
    {"resid_dropout", kNone},
    {"initializer_range", kNone},
    {"gradient_checkpointing", kNone},
    {"summary_activation", kNone},
    {"summary_first_dropout", kNone},
    {"summary_proj_to_labels", kNone},
    {"summary_type", kNone},
    {"summary_use_proj", kNone},
    {"scale_attn_weights", kNone},
    {"reorder_and_upcast_attn", kNone},
    {"scale_attn_by_inverse_layer_idx", kNone},
    {"n_ctx", kNone},
    {"attention_types", kNone},
    {"window_size", kNone},
    {"full_bf16", kNone},
    {"model_device", kNone},
    {"model_dtype", kNone},
    {"is_split", kNone},
    {"subfolder", kNone},
    {"use_cache", kNone},
    {"torch_dtype", kNone},
    {"dtype", kNone},
    {"torchscript", kNone},
    {"use_bfloat16", kNone},
    {"tf_legacy_loss", kNone},
    {"output_attentions", kNone},
    {"output_hidden_states", kNone},
    {"return_dict", kNone},
    {"chunk_size_feed_forward", kNone},
    {"attn_implementation", kNone},
    {"_attn_implementation", kNone},
    {"_attn_implementation_autoset", kNone},
    {"experts_implementation", kNone},
    {"finetuning_task", kNone},
    {"id2label", kNone},
    {"label2id", kNone},
    {"num_labels", kNone},
    {"problem_type", kNone},
    {"tokenizer_class", kNone},
    {"prefix", kWarned, "[\"\"]", "it is put in front of no prompt; `template_file` can"},
    {"task_specific_params", kNone},
    {"pad_token_id", kNone},
    {"sep_token_id", kNone},
    {"cls_token_id", kNone},
    {"mask_token_id", kNone},
    {"decoder_start_token_id", kNone},
    {"transformers_version", kNone},
    {"_name_or_path", kNone},
    {"name_or_path", kNone},
    {"_commit_hash", kNone},
    {"base_model_name_or_path", kNone},
    {"xla_device", kNone},
    {"configuration_files", kNone},
    {"return_dict_in_generate", kNone},
    {"static_position_embeddings", kNone},
};

constexpr KnownField kGeneration[] = {
    {"do_sample", kHonoured},
    {"temperature", kHonoured},
    {"top_k", kHonoured},
    {"top_p", kHonoured},
    {"min_p", kHonoured},
    {"typical_p", kHonoured},
    {"repetition_penalty", kHonoured},
    {"encoder_repetition_penalty", kHonoured},
    {"no_repeat_ngram_size", kHonoured},
    {"encoder_no_repeat_ngram_size", kHonoured},
    {"max_new_tokens", kHonoured},
    {"max_length", kHonoured},
    {"min_new_tokens", kHonoured},
    {"min_length", kHonoured},
    {"num_beams", kHonoured},
    {"num_return_sequences", kHonoured},
    {"length_penalty", kHonoured},
    {"early_stopping", kHonoured},
    {"bad_words_ids", kHonoured},
    {"suppress_tokens", kHonoured},
    {"begin_suppress_tokens", kHonoured},
    {"forced_bos_token_id", kHonoured},
    {"forced_eos_token_id", kHonoured},
    {"exponential_decay_length_penalty", kHonoured},
    {"stop_strings", kHonoured},
    {"bos_token_id", kHonoured},
    {"eos_token_id", kHonoured},
    // Ways to generate that this engine does not have.
    {"penalty_alpha", kWarned, "[0]", kNotHere},
    {"dola_layers", kWarned, "[]", kNotHere},
    {"num_beam_groups", kWarned, "[1]", kNotHere},
    {"diversity_penalty", kWarned, "[0]", kNotHere},
    {"constraints", kWarned, "[[]]", kNotHere},
    {"force_words_ids", kWarned, "[[]]", kNotHere},
    {"guidance_scale", kWarned, "[1]", kNotHere},
    {"sequence_bias", kWarned, "[[], {}]", kNotHere},
    {"epsilon_cutoff", kWarned, "[0]", kNotHere},
    {"eta_cutoff", kWarned, "[0]", kNotHere},
    {"top_h", kWarned, "[]", kNotHere},
    {"forced_decoder_ids", kWarned, "[[]]", kNotHere},
    {"renormalize_logits", kWarned, "[]", kNotHere},
    {"token_healing", kWarned, "[]", kNotHere},
    {"watermarking_config", kWarned, "[]", kNotHere},
    {"max_time", kWarned, "[]", "a text does not depend on the clock here"},
    {"bad_words", kWarned, "[[]]", kNotHere},
    // Speed, output and bookkeeping.
    {"remove_invalid_values", kNone},
    {"use_cache", kNone},
    {"cache_implementation", kNone},
    {"cache_config", kNone},
    {"return_legacy_cache", kNone},
    {"low_memory", kNone},
    {"output_attentions", kNone},
    {"output_hidden_states", kNone},
    {"output_scores", kNone},
    {"output_logits", kNone},
    {"return_dict_in_generate", kNone},
    {"pad_token_id", kNone},
    {"decoder_start_token_id", kNone},
    {"is_assistant", kNone},
    {"num_assistant_tokens", kNone},
    {"num_assistant_tokens_schedule", kNone},
    {"assistant_confidence_threshold", kNone},
    {"prompt_lookup_num_tokens", kNone},
    {"max_matching_ngram_size", kNone},
    {"assistant_early_exit", kNone},
    {"assistant_lookbehind", kNone},
    {"target_lookbehind", kNone},
    {"prefill_chunk_size", kNone},
    {"compile_config", kNone},
    {"continuous_batching_config", kNone},
    {"disable_compile", kNone},
    {"generation_kwargs", kNone},
    {"_from_model_config", kNone},
    {"transformers_version", kNone},
    {"trust_remote_code", kNone},
};

bool same(const Json& a, const Json& b) {
  // 0 and 0.0 are the same number.
  return a.is_number() && b.is_number() ? a.get<double>() == b.get<double>() : a == b;
}

// Returns whether transformers wrote the field as a note to itself: its name begins with an
// underscore.
bool is_note(const std::string& name) { return name.starts_with('_'); }

}  // namespace

const std::span<const KnownField> kConfigFields = kConfig;
const std::span<const KnownField> kGenerationFields = kGeneration;

const KnownField* find_field(std::span<const KnownField> fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const KnownField& field) { return name == field.name; });
  return found == fields.end() ? nullptr : &*found;
}

bool is_asked(const FieldReader& json, const KnownField& field) {
  const auto found = json.object().find(field.name);
  if (found == json.object().end() || found->is_null() || *found == false) return false;
  const Json neutral = Json::parse(field.neutral);
  return std::none_of(neutral.begin(), neutral.end(),
                      [&](const Json& value) { return same(value, *found); });
}

void warn_of_fields(const FieldReader& json, std::span<const KnownField> fields,
                    std::vector<std::string>& warnings) {
  std::string unknown;
  for (const auto& [name, value] : json.object().items()) {
    const KnownField* field = find_field(fields, name);
    if (field == nullptr) {
      if (!is_note(name)) unknown += (unknown.empty() ? "" : ", ") + json_excerpt(name);
      continue;
    }
    if (field->effect != kWarned && field->effect != kRefused) continue;
    if (!is_asked(json, *field)) continue;
    const std::string message =
        concat(json.file(), ": ", name, ": found ", json_excerpt(value), "; ", field->note);
    if (field->effect == kRefused) fail(ErrorCode::kUnsupported, message);
    warnings.push_back(message);
  }
  if (!unknown.empty()) {
    warnings.push_back(concat(json.file(), ": no field of GPT-J's: ", unknown, "; left out"));
  }
}

}  // namespace gptj
