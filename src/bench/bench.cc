// SPDX-License-Identifier: Apache-2.0
#include "gptj/bench.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <fstream>

#include "base/check.h"
#include "base/random.h"
#include "bench/walls.h"
#include "gptj/session.h"
#include "model/model_state.h"
#include "model/synthetic.h"

namespace gptj {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Shape {
  const char* name;
  ModelConfig config;
};

const Shape kShapes[] = {{"gpt-j-6b",
                          {.vocab_size = 50400,
                           .n_positions = 2048,
                           .n_embd = 4096,
                           .n_layer = 28,
                           .n_head = 16,
                           .rotary_dim = 64,
                           .n_inner = 16384,
                           .bos_token_id = 50256,
                           .eos_token_ids = {50256}}},
                         {"small-1gb",
                          {.vocab_size = 8192,
                           .n_positions = 2048,
                           .n_embd = 1024,
                           .n_layer = 20,
                           .n_head = 16,
                           .rotary_dim = 64,
                           .n_inner = 4096,
                           .bos_token_id = 0,
                           .eos_token_ids = {0}}}};

// Multiply-adds of one token's products, the head's aside and its own.
struct Work {
  explicit Work(const ModelConfig& c)
      : layers(c.n_layer * (4 * c.n_embd * c.n_embd + 2 * c.n_embd * c.n_inner)),
        head(c.vocab_size * c.n_embd) {}
  int64_t layers, head;
};

std::vector<Row> random_rows(const Model& model, SequenceId sequence, int64_t n) {
  std::vector<Row> rows;
  const auto vocab_size = static_cast<double>(model.config().vocab_size);
  for (int64_t i = 0; i < n; ++i) {
    const double u = random_uniform(1, 0, static_cast<uint64_t>(i));
    rows.push_back({static_cast<TokenId>(u * vocab_size), sequence, i, i + 1 == n});
  }
  return rows;
}

uint64_t hash_of(std::span<const float> values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : values) hash = (hash ^ std::bit_cast<uint32_t>(value)) * 0x100000001b3u;
  return hash;
}

uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  uint64_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kib) break;
  }
  return kib * 1024;
}

class Bench {
 public:
  explicit Bench(const BenchOptions& options) : options_(options) {
    check_param(options.tokens >= 1, "tokens", "expected at least 1, found ", options.tokens);
    check_param(options.runs >= 1, "runs", "expected at least 1, found ", options.runs);
    for (const int64_t length : options.prompt_lengths) {
      check_param(length >= 1, "prompt", "expected at least 1 token, found ", length);
    }
    for (const std::string& part : options.only) {
      check_param(part == "decode" || part == "prompt", "only",
                  "expected decode or prompt, found \"", part, "\"");
    }
  }

  BenchReport run() {
    step("loading");
    const auto start = Clock::now();
    const Model model = options_.synthetic ? synthetic_model(*options_.synthetic, options_.load,
                                                             options_.synthetic_seed)
                                           : Model::load(options_.model, options_.load);
    report_.load_seconds = seconds_since(start);
    describe(model);
    measure_machine(model);
    if (wanted("decode")) report_.decode = decode(model);
    if (wanted("prompt")) prompts(model);
    measure_machine(model);
    finish();
    return report_;
  }

 private:
  void step(const std::string& what) {
    if (options_.on_step) options_.on_step(what);
  }
  bool wanted(const std::string& part) const {
    return options_.only.empty() ||
           std::find(options_.only.begin(), options_.only.end(), part) != options_.only.end();
  }

  void describe(const Model& model) {
    report_.model = model.name();
    report_.isa = model.isa();
    report_.weights = weight_type_name(model.weight_type());
    report_.kv_cache = weight_type_name(model.kv_cache_type());
    report_.threads = model.threads();
    report_.weight_bytes_per_token = model.weight_bytes();
  }

  // Called before and after: the better of both counts.
  void measure_machine(const Model& model) {
    step("measuring the machine");
    ThreadPool& pool = model.state().pool;
    MachineLimits& m = report_.machine;
    m.read_bytes = read_buffer_bytes();
    m.read_gb_per_s =
        std::max(m.read_gb_per_s, measure_read(model.state().kernels, pool, m.read_bytes) / 1e9);
    m.peaks.resize(kElements);
    for (size_t e = 0; e < kElements; ++e) {
      const ProductKernel& product = model.state().kernels.product[e];
      m.peaks[e].weights = element_name(static_cast<Element>(e));
      m.peaks[e].isa = product.isa;
      m.peaks[e].tops = std::max(m.peaks[e].tops, measure_peak(product, pool) / 1e12);
    }
  }

  DecodeResult decode(const Model& model) {
    step("decode");
    DecodeResult result;
    result.context = std::min<int64_t>(16, model.config().n_positions / 2);
    result.tokens = std::min(options_.tokens, model.config().n_positions - result.context);
    std::vector<double> rates;
    for (int64_t i = 0; i < options_.runs; ++i) {
      Session session(model);
      const SequenceId s = session.add_sequence();
      TokenId next = 0;
      const auto pick = [&](size_t, std::span<const float> logits) {
        report_.logits_hash =
            i == 0 && session.length(s) == result.context ? hash_of(logits) : report_.logits_hash;
        next = std::max_element(logits.begin(), logits.end()) - logits.begin();
      };
      session.forward(random_rows(model, s, result.context), pick);
      const auto start = Clock::now();
      for (int64_t t = 0; t < result.tokens; ++t) {
        const Row row{next, s, session.length(s), true};
        session.forward({&row, 1}, pick);
      }
      rates.push_back(static_cast<double>(result.tokens) / seconds_since(start));
    }
    result.tokens_per_s = median(rates);
    return result;
  }

  void prompts(const Model& model) {
    for (const int64_t length : options_.prompt_lengths) {
      if (length < 1 || length > model.config().n_positions) continue;
      step("prompt of " + std::to_string(length));
      std::vector<double> rates;
      for (int64_t i = 0; i < options_.runs; ++i) {
        Session session(model);
        const std::vector<Row> rows = random_rows(model, session.add_sequence(), length);
        const auto start = Clock::now();
        session.forward(rows, [](size_t, std::span<const float>) {});
        rates.push_back(static_cast<double>(length) / seconds_since(start));
      }
      const Work work(model.config());
      const double tokens_per_s = median(rates);
      const double operations =
          2.0 * (static_cast<double>(work.layers) +
                 static_cast<double>(work.head) / static_cast<double>(length));
      report_.prompts.push_back({length, tokens_per_s, operations * tokens_per_s});
    }
  }

  // Fractions, against the limits as measured before and after.
  void finish() {
    if (report_.decode) {
      report_.decode->fraction_of_read = static_cast<double>(report_.weight_bytes_per_token) *
                                         report_.decode->tokens_per_s /
                                         (report_.machine.read_gb_per_s * 1e9);
    }
    for (PromptResult& prompt : report_.prompts) {
      prompt.fraction_of_peak /= report_.peak_tops() * 1e12;
    }
    report_.peak_memory_bytes = peak_memory();
  }

  const BenchOptions& options_;
  BenchReport report_;
};

}  // namespace

BenchReport bench(const BenchOptions& options) { return Bench(options).run(); }

ModelConfig bench_shape(const std::string& name, int64_t layers) {
  std::string names;
  for (const Shape& shape : kShapes) {
    if (name == shape.name) {
      ModelConfig config = shape.config;
      check_param(0 <= layers && layers <= 1024, "layers", "expected 1 to 1024, found ", layers);
      if (layers > 0) config.n_layer = layers;
      return config;
    }
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  }
  fail(ErrorCode::kInvalidArgument,
       concat("synthetic: expected one of ", names, ", found \"", name, "\""), "synthetic");
}

}  // namespace gptj
