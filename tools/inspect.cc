// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"

namespace gptj::tool {
namespace {

using nlohmann::ordered_json;

struct InspectOptions {
  ModelOptions model;
  bool tensors = false;
};

ordered_json config_json(const ModelConfig& c) {
  ordered_json json;
  json["vocab_size"] = c.vocab_size;
  json["n_positions"] = c.n_positions;
  json["n_embd"] = c.n_embd;
  json["n_layer"] = c.n_layer;
  json["n_head"] = c.n_head;
  json["rotary_dim"] = c.rotary_dim;
  json["n_inner"] = c.n_inner;
  json["layer_norm_epsilon"] = c.layer_norm_epsilon;
  json["bos_token_id"] = c.bos_token_id ? ordered_json(*c.bos_token_id) : ordered_json();
  json["eos_token_ids"] = c.eos_token_ids;
  return json;
}

ordered_json tensors_json(const CheckpointInfo& info) {
  ordered_json list = ordered_json::array();
  for (const TensorInfo& t : info.tensors) {
    list.push_back({{"name", t.name}, {"type", t.type}, {"shape", t.shape}, {"bytes", t.bytes}});
  }
  return list;
}

// Returns whether --weights can be `type` for the file. A packed file with rounded weights cannot
// be loaded as another type.
bool loads_as(const CheckpointInfo& info, WeightType type) {
  const bool fixed =
      info.head_type && (is_quantized(info.stored_type) || is_quantized(*info.head_type));
  return !fixed || type == info.stored_type;
}

// Returns the memory needs of the file, loaded as `type`. If that is the stored type, the head has
// its stored type too.
MemoryNeeds needs_as(const CheckpointInfo& info, WeightType type) {
  std::optional<WeightType> head;
  if (type == info.stored_type) head = info.head_type;
  return memory_needs(info.config,
                      {.weights = type, .head = head, .kv_cache = {}, .embedding = info.embedding});
}

// Returns the memory needs for each weight type, with the KV cache of its default type. Every type
// is listed for scripts, even if the file can be loaded as one type only.
ordered_json memory_json(const CheckpointInfo& info) {
  ordered_json json;
  for (const WeightType type : kWeightTypes) {
    const MemoryNeeds needs = needs_as(info, type);
    const MemoryNeeds six_b = memory_needs(bench_shape("gpt-j-6b"), {.weights = type});
    json[weight_type_name(type)] = {{"weights_bytes", needs.weights},
                                    {"kv_cache_bytes_per_token", needs.kv_cache_per_token},
                                    {"kv_cache_bytes_full_context", needs.kv_cache_full_context},
                                    {"total_bytes", needs.weights + needs.kv_cache_full_context},
                                    {"bits_per_weight", needs.bits_per_weight},
                                    {"bits_per_weight_of_gpt_j_6b", six_b.bits_per_weight}};
  }
  const MemoryNeeds small_head = memory_needs(
      bench_shape("gpt-j-6b"), {.weights = WeightType::kInt4, .head = WeightType::kInt4});
  json["int4"]["bits_per_weight_of_gpt_j_6b_with_int4_head"] = small_head.bits_per_weight;
  return json;
}

// Returns the bytes of the KV cache for each type that --kv-cache takes.
ordered_json kv_cache_json(const CheckpointInfo& info) {
  ordered_json json;
  for (const WeightType type : kWeightTypes) {
    if (!is_kv_cache_type(type)) continue;
    const MemoryNeeds needs = memory_needs(info.config, {.kv_cache = type});
    json[weight_type_name(type)] = {{"bytes_per_token", needs.kv_cache_per_token},
                                    {"bytes_full_context", needs.kv_cache_full_context}};
  }
  return json;
}

ordered_json inspect_json(const CheckpointInfo& info) {
  ordered_json json;
  json["path"] = info.path;
  json["files"] = info.files;
  json["file_bytes"] = info.file_bytes;
  json["config"] = config_json(info.config);
  json["parameters"] = info.parameters;
  json["stored_type"] = weight_type_name(info.stored_type);
  json["head_type"] =
      info.head_type ? ordered_json(weight_type_name(*info.head_type)) : ordered_json();
  json["quantized"] = info.quantized;
  json["has_lm_head"] = info.has_lm_head;
  json["tokenizer_size"] =
      info.tokenizer_size ? ordered_json(*info.tokenizer_size) : ordered_json();
  json["warnings"] = info.warnings;
  json["memory"] = memory_json(info);
  json["source"] = info.source.empty() ? ordered_json() : ordered_json::parse(info.source);
  json["report"] = info.report.empty() ? ordered_json() : ordered_json::parse(info.report);
  json["kv_cache"] = kv_cache_json(info);
  json["instruction_sets"] = instruction_set_names();
  for (const WeightType type : kWeightTypes) {
    json["products_by"][weight_type_name(type)] = matmul_isa(type);
  }
  json["tensors"] = tensors_json(info);
  return json;
}

// Returns a number like 12345678 as "12,345,678".
std::string grouped(uint64_t n) {
  std::string text = std::to_string(n);
  for (size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
  return text;
}

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%8.3f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

// Returns JSON from a file in ASCII, so that a terminal obeys nothing in it.
std::string ascii(const std::string& json) {
  return ordered_json::parse(json).dump(-1, ' ', /*ensure_ascii=*/true);
}

void print_text(const CheckpointInfo& info, bool with_tensors) {
  const ModelConfig& c = info.config;
  std::string out = info.path + "\n";
  const auto line = [&out](const char* name, const std::string& value) {
    char text[64];
    std::snprintf(text, sizeof text, "  %-20s ", name);
    out += text + value + "\n";
  };
  line("parameters", grouped(info.parameters));
  line("stored as", (info.quantized ? "quantized, loaded as " : "") +
                        std::string(weight_type_name(info.stored_type)) + ", " +
                        grouped(info.file_bytes) + " bytes in " +
                        std::to_string(info.files.size()) +
                        (info.files.size() == 1 ? " file" : " files"));
  line("layers", std::to_string(c.n_layer) + " of width " + std::to_string(c.n_embd) +
                     ", feed-forward " + std::to_string(c.n_inner));
  line("heads", std::to_string(c.n_head) + " of " + std::to_string(c.head_dim()) + ", rotary " +
                    std::to_string(c.rotary_dim));
  line("context", std::to_string(c.n_positions) + " tokens");
  line("vocabulary",
       std::to_string(c.vocab_size) + " rows; tokenizer: " +
           (info.tokenizer_size ? std::to_string(*info.tokenizer_size) + " ids" : "none"));
  line("lm_head", info.head_type     ? weight_type_name(*info.head_type)
                  : info.has_lm_head ? "yes"
                                     : "no: nothing can be generated");
  if (!info.source.empty()) line("converted from", ascii(info.source));
  if (!info.report.empty()) line("quality", ascii(info.report));
  out += "  memory               weights      + KV cache of a full context\n";
  for (const WeightType type : kWeightTypes) {
    if (!loads_as(info, type)) continue;
    const MemoryNeeds needs = needs_as(info, type);
    line(weight_type_name(type),
         gigabytes(needs.weights) + "  " + gigabytes(needs.kv_cache_full_context));
  }
  std::string sets;
  for (const WeightType type : kWeightTypes) {
    sets += std::string(sets.empty() ? "" : ", ") + weight_type_name(type) + " " + matmul_isa(type);
  }
  line("multiplied by", sets);
  out += "  KV cache             a full context\n";
  for (const WeightType type : kWeightTypes) {
    if (!is_kv_cache_type(type)) continue;
    line(weight_type_name(type),
         gigabytes(memory_needs(c, {.kv_cache = type}).kv_cache_full_context));
  }
  if (with_tensors) {
    for (const TensorInfo& t : info.tensors) {
      std::string shape;
      for (const uint64_t extent : t.shape) {
        shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
      }
      out += "  " + t.name + "  " + t.type + "  " + shape + "\n";
    }
  }
  print(out);
}

int run_inspect(const InspectOptions& options) {
  const std::string path = model_path(options.model);
  const CheckpointInfo info = inspect(path);
  for (const std::string& warning : info.warnings) {
    note(options.model.quiet, "gptj: warning: " + with_option_names(warning));
  }
  if (options.model.json) {
    print(dump_text(inspect_json(info)) + "\n");
  } else {
    print_text(info, options.tensors);
  }
  return exit_code();
}

}  // namespace

void add_inspect(CLI::App& app, Run& run) {
  CLI::App& command =
      *app.add_subcommand("inspect", "Show config, size and memory needs of a checkpoint");
  const auto options = std::make_shared<InspectOptions>();
  command
      .add_option("path", options->model.model,
                  "Hugging Face folder, file of weights in one, or file that convert wrote\n"
                  "(default: GPTJ_MODEL, else the bundled demo model)")
      ->type_name("FILE");
  command.add_option("-m,--model", options->model.model, "The same")
      ->type_name("FILE")
      ->excludes("path");
  command.add_flag("--tensors", options->tensors, "List every tensor (--json always does)");
  add_output_options(command, options->model);
  command.footer(
      "Example:\n"
      "  gptj inspect --model models/fairytale-8m --tensors");
  command.callback([&run, options] { run = [options] { return run_inspect(*options); }; });
}

}  // namespace gptj::tool
