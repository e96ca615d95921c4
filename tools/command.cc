// SPDX-License-Identifier: Apache-2.0
#include "command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "progress.h"

namespace gptj::tool {
namespace {

namespace fs = std::filesystem;

// Returns the path of the demo model, relative to the program: in the build tree or installed.
std::string bundled_model() {
  std::error_code unknown;
  const fs::path here = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  if (unknown) {
    throw Error(ErrorCode::kNotFound,
                "the program's own place is unknown (/proc/self/exe: " + unknown.message() +
                    "); name a model with --model or GPTJ_MODEL");
  }
  const fs::path places[] = {here / "../models", here / "../share/gptj/models"};
  for (const fs::path& place : places) {
    const fs::path model = (place / "fairytale-8m").lexically_normal();
    if (fs::exists(model / "config.json", unknown)) return model.string();
  }
  throw Error(ErrorCode::kNotFound, "the bundled model is neither in " +
                                        places[0].lexically_normal().string() + " nor in " +
                                        places[1].lexically_normal().string() +
                                        "; name one with --model or GPTJ_MODEL");
}

std::vector<std::string> weight_type_names() {
  std::vector<std::string> names;
  for (const WeightType type : kWeightTypes) names.push_back(weight_type_name(type));
  return names;
}
std::vector<std::string> kv_cache_type_names() {
  std::vector<std::string> names;
  for (const WeightType type : kWeightTypes) {
    if (is_kv_cache_type(type)) names.push_back(weight_type_name(type));
  }
  return names;
}

// Returns names as a choice: "a, b or c".
std::string choice(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

// Returns a check for CLI11 that a value is one of the names.
CLI::Validator one_of(const std::vector<std::string>& names) {
  return CLI::Validator(
      [names](const std::string& value) -> std::string {
        if (std::find(names.begin(), names.end(), value) != names.end()) return {};
        return "expected " + choice(names) + ", found \"" + value + "\"";
      },
      /*description=*/"");
}

}  // namespace

std::string type_of(const char* placeholder, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return std::string(placeholder) + ":{" + text + "}";
}

void add_output_options(CLI::App& command, ModelOptions& options) {
  command.add_flag("--json", options.json, "Print JSON");
  command.add_flag("--quiet", options.quiet, "Only errors on stderr");
}

void add_model_path_option(CLI::App& command, ModelOptions& options) {
  command
      .add_option("-m,--model", options.model,
                  "A GPT-J: Hugging Face or mesh folder, safetensors, PyTorch, Flax or ggml file,\n"
                  "or a file that convert wrote "
                  "(default: GPTJ_MODEL, else the bundled demo model)")
      ->type_name("FILE");
}

void add_tokenizer_option(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--tokenizer", options.tokenizer,
                  "Folder or model whose tokenizer to use (default: the model's own)")
      ->type_name("FILE");
}

void add_weight_type_option(CLI::App& command, const char* name, std::string& type,
                            const std::string& description) {
  command.add_option(name, type, description)
      ->type_name(type_of("TYPE", weight_type_names()))
      ->check(one_of(weight_type_names()));
}

void add_weights_option(CLI::App& command, ModelOptions& options) {
  add_weight_type_option(command, "--weights", options.weights,
                         "How weights are held (default: as stored)");
}

void add_engine_options(CLI::App& command, ModelOptions& options) {
  command
      .add_option("-t,--threads", options.threads,
                  "Threads (default: the CPUs this process may use)")
      ->type_name("N")
      ->check(CLI::Range(0, 1024).description(""));
  command
      .add_option("--isa", options.isa,
                  "Instruction set of the kernels (default: the best this processor has)")
      ->type_name(type_of("SET", all_instruction_set_names()));
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  add_model_path_option(command, options);
  add_tokenizer_option(command, options);
  add_weights_option(command, options);
  command
      .add_option("--kv-cache", options.kv_cache,
                  "How keys and values are held (default: f32 where weights are, else f16)")
      ->type_name(type_of("TYPE", kv_cache_type_names()))
      ->check(one_of(kv_cache_type_names()));
  command
      .add_option("--max-ram", options.max_ram,
                  "Bytes that weights and KV cache may take, as 8G or 500M\n"
                  "(default: what is free)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false).description(""));
  add_engine_options(command, options);
  add_output_options(command, options);
}

std::string model_path(const ModelOptions& options) {
  if (!options.model.empty()) return options.model;
  const char* from_environment = std::getenv("GPTJ_MODEL");
  if (from_environment != nullptr && *from_environment != '\0') return from_environment;
  return bundled_model();
}

void mention_kv_cache_overflows(const Model& model, const ModelOptions& options) {
  const uint64_t n = model.kv_cache_overflows();
  if (n == 0) return;
  note(options.quiet, "gptj: warning: " + std::to_string(n) +
                          " keys and values lie beyond f16 and were held at its largest number; "
                          "use --kv-cache f32 or bf16");
}

std::string with_option_names(const std::string& message) {
  std::string text;
  for (size_t at = 0; at < message.size();) {
    const size_t begin = message.find('`', at);
    const size_t end = begin == std::string::npos ? begin : message.find('`', begin + 1);
    if (end == std::string::npos) return text + message.substr(at);
    std::string name = message.substr(begin + 1, end - begin - 1);
    const bool is_name =
        !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
    std::replace(name.begin(), name.end(), '_', '-');
    text += message.substr(at, begin - at);
    text += is_name ? "--" + name : message.substr(begin, end - begin);
    at = is_name ? end + 1 : end;
  }
  return text;
}

LoadOptions load_options(const ModelOptions& options) {
  LoadOptions load;
  if (!options.weights.empty()) load.weights = parse_weight_type(options.weights);
  if (!options.kv_cache.empty()) load.kv_cache = parse_weight_type(options.kv_cache);
  load.tokenizer = options.tokenizer;
  load.threads = options.threads;
  load.isa = options.isa;
  load.max_ram = options.max_ram;
  const auto display = std::make_shared<ProgressDisplay>(options.quiet);
  load.on_progress = [display](uint64_t done, uint64_t total) {
    display->show("loading", static_cast<double>(done) / static_cast<double>(total));
    return interrupted().cancelled() ? Progress::kCancel : Progress::kContinue;
  };
  load.on_warning = [quiet = options.quiet](const std::string& message) {
    note(quiet, "gptj: warning: " + with_option_names(message));
  };
  return load;
}

Model load_model(const ModelOptions& options) {
  return Model::load(model_path(options), load_options(options));
}

std::vector<TokenId> parse_ids(const std::string& option, std::string_view text) {
  const std::string separators = " ,[]\t\r\n";
  std::vector<TokenId> ids;
  for (size_t i = text.find_first_not_of(separators); i < text.size();
       i = text.find_first_not_of(separators, i)) {
    const std::string word(text.substr(i, text.find_first_of(separators, i) - i));
    i += word.size();
    const bool number = word.find_first_not_of("0123456789") == std::string::npos;
    if (!number || word.size() > 18) {
      throw Error(ErrorCode::kInvalidArgument,
                  option + ": expected token ids, found \"" + word + "\"", option);
    }
    ids.push_back(std::stoll(word));
  }
  return ids;
}

}  // namespace gptj::tool
