// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "progress.h"

namespace gptj::tool {
namespace {

using nlohmann::ordered_json;

struct BenchCommand {
  ModelOptions model;
  BenchOptions bench;
  std::string synthetic;
  int64_t layers = 0;
};

ordered_json report_json(const BenchReport& r) {
  ordered_json json;
  json["model"] = r.model;
  json["isa"] = r.isa;
  json["weights"] = r.weights;
  json["kv_cache"] = r.kv_cache;
  json["threads"] = r.threads;
  json["load_seconds"] = r.load_seconds;
  json["machine"] = {{"read_gb_per_s", r.machine.read_gb_per_s},
                     {"read_bytes", r.machine.read_bytes},
                     {"matrix_peak_tops", ordered_json::object()},
                     {"products_by", ordered_json::object()}};
  for (const ArithmeticPeak& peak : r.machine.peaks) {
    json["machine"]["matrix_peak_tops"][peak.weights] = peak.tops;
    json["machine"]["products_by"][peak.weights] = peak.isa;
  }
  json["weight_bytes_per_token"] = r.weight_bytes_per_token;
  json["operations_per_token"] = r.operations_per_token;
  for (const auto& [name, decode] :
       {std::pair{"decode", r.decode}, {"decode_long", r.decode_long}}) {
    if (!decode) continue;
    json[name] = {{"context", decode->context},
                  {"tokens", decode->tokens},
                  {"tokens_per_s", decode->tokens_per_s},
                  {"read_gb_per_s", decode->read_gb_per_s},
                  {"fraction_of_read", decode->fraction_of_read},
                  {"fraction_beside", decode->fraction_beside},
                  {"outside", decode->outside}};
  }
  json["prompt"] = ordered_json::array();
  for (const PromptResult& p : r.prompts) {
    json["prompt"].push_back({{"length", p.length},
                              {"tokens_per_s", p.tokens_per_s},
                              {"fraction_of_peak", p.fraction_of_peak},
                              {"fraction_beside", p.fraction_beside},
                              {"outside", p.outside},
                              {"attention_fraction_of_peak", p.attention_fraction_of_peak}});
  }
  json["batch"] = ordered_json::array();
  for (const BatchResult& b : r.batches) {
    json["batch"].push_back({{"size", b.size},
                             {"tokens_per_s", b.tokens_per_s},
                             {"fraction_of_read", b.fraction_of_read},
                             {"fraction_of_peak", b.fraction_of_peak},
                             {"fraction_of_wall", b.fraction_of_limit()},
                             {"fraction_beside", b.fraction_beside}});
  }
  json["peak_memory_bytes"] = r.peak_memory_bytes;
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(r.logits_hash));
  json["logits_hash"] = hash;
  return json;
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[200];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string report_text(const BenchReport& r) {
  std::string out =
      formatted("%s: %s weights, %s KV cache, %s, %zu threads, loaded in %.2f s\n", r.model.c_str(),
                r.weights.c_str(), r.kv_cache.c_str(), r.isa.c_str(), r.threads, r.load_seconds);
  out += formatted("machine: reads %.1f GB/s; peak", r.machine.read_gb_per_s);
  for (const ArithmeticPeak& peak : r.machine.peaks) {
    out +=
        formatted("%s %s %.3f", peak.weights == "f32" ? "" : ",", peak.weights.c_str(), peak.tops);
  }
  out += " TOP/s\nfractions are of the limits beside each run; (of those of the machine, above)\n";
  if (r.decode) {
    out +=
        formatted("decode: %.2f tokens/s, %.2f (%.2f) of the read bandwidth, %.2f GB per token\n",
                  r.decode->tokens_per_s, r.decode->fraction_beside, r.decode->fraction_of_read,
                  static_cast<double>(r.weight_bytes_per_token) / 1e9);
  }
  for (const PromptResult& p : r.prompts) {
    out += formatted("prompt of %lld: %.1f tokens/s, %.2f (%.2f) of the peak\n",
                     static_cast<long long>(p.length), p.tokens_per_s, p.fraction_beside,
                     p.fraction_of_peak);
  }
  for (const BatchResult& b : r.batches) {
    out += formatted("batch of %lld: %.1f tokens/s, %.2f (%.2f) of the lower limit\n",
                     static_cast<long long>(b.size), b.tokens_per_s, b.fraction_beside,
                     b.fraction_of_limit());
  }
  if (r.decode_long) {
    out += formatted("decode after %lld tokens: %.2f tokens/s, %.2f (%.2f) of the read bandwidth\n",
                     static_cast<long long>(r.decode_long->context), r.decode_long->tokens_per_s,
                     r.decode_long->fraction_beside, r.decode_long->fraction_of_read);
  }
  return out + formatted("peak memory: %.2f GB\n", static_cast<double>(r.peak_memory_bytes) / 1e9);
}

int run_bench(const BenchCommand& command) {
  BenchOptions options = command.bench;
  options.load = load_options(command.model);
  if (command.synthetic.empty()) {
    options.model = model_path(command.model);
  } else {
    options.synthetic = bench_shape(command.synthetic, command.layers);
  }
  ProgressDisplay display(command.model.quiet);
  options.on_step = [&](const std::string& what) {
    display.show(what + " ...");
    return interrupted().cancelled() ? Progress::kCancel : Progress::kContinue;
  };
  const BenchReport report = bench(options);
  display.clear();
  print(command.model.json ? dump_text(report_json(report)) + "\n" : report_text(report));
  return exit_code();
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  CLI::App& command =
      *app.add_subcommand("bench", "Measure the machine's limits, and the model against them");
  const auto options = std::make_shared<BenchCommand>();
  command
      .add_option("--synthetic", options->synthetic,
                  "Random weights of this shape instead of a model")
      ->type_name("SHAPE:{gpt-j-6b,small-1gb}");
  command.add_option("--layers", options->layers, "Layers of a synthetic model");
  command.add_option("--seed", options->bench.synthetic_seed, "Of a synthetic model's weights");
  command.add_option("--only", options->bench.only, "Run this part only")
      ->type_name("PART:{decode,decode_long,prompt,batch}")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--tokens", options->bench.tokens, "Tokens that one decode run makes");
  command.add_option("--prompt", options->bench.prompt_lengths, "Prompt length to measure")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--batch", options->bench.batch_sizes, "Batch size to measure")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--runs", options->bench.runs, "Runs of which the median is reported");
  add_model_options(command, options->model);
  command.footer(
      "Examples:\n"
      "  gptj bench\n"
      "  gptj bench --synthetic small-1gb --weights f32 --threads 2 --json");
  command.callback([&run, options] { run = [options] { return run_bench(*options); }; });
}

}  // namespace gptj::tool
