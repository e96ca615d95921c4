// SPDX-License-Identifier: Apache-2.0
#include "gptj/bench.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>

#include "base/check.h"
#include "base/clock.h"
#include "base/number_file.h"
#include "base/random.h"
#include "bench/limits.h"
#include "bench/trials.h"
#include "bench/verify.h"
#include "engine/model_state.h"
#include "gptj/session.h"
#include "kernels/dispatch.h"
#include "model/synthetic.h"

namespace gptj {
namespace {

// The multiply-adds of one token: those of the layers' products, and those of the head.
struct Work {
  explicit Work(const ModelConfig& c)
      : layers(c.n_layer * (4 * c.n_embd * c.n_embd + 2 * c.n_embd * c.n_inner)),
        head(c.vocab_size * c.n_embd) {}
  int64_t layers, head;
};

int64_t short_context(const Model& model) {
  return std::min<int64_t>(16, model.config().n_positions / 2);
}

std::vector<Row> random_rows(const Model& model, SequenceId sequence, int64_t n) {
  std::vector<Row> rows;
  const auto vocab_size = static_cast<double>(model.config().vocab_size);
  for (int64_t i = 0; i < n; ++i) {
    const double u = random_uniform(1, 0, static_cast<uint64_t>(i));
    rows.push_back({static_cast<TokenId>(u * vocab_size), sequence, i, i + 1 == n});
  }
  return rows;
}

// A hash of the bits of logits. It has a formula of its own, which never changes, so that reports of
// any two versions of the library can be compared by it.
class LogitsHash {
 public:
  void add(std::span<const float> logits) {
    const std::span<const std::byte> bytes = std::as_bytes(logits);
    add(bytes.size());
    for (size_t i = 0; i < bytes.size(); i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, std::min<size_t>(bytes.size() - i, 8));
      add(word);
    }
  }
  uint64_t value() const { return state_; }

 private:
  void add(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15u;
    state_ ^= state_ >> 29;
  }

  uint64_t state_ = 0x6A09E667F3BCC908u;
};

// Returns the hash of the bits of a fixed prompt's last logits.
uint64_t logits_hash(const Model& model) {
  Session session(model);
  LogitsHash hash;
  session.forward(random_rows(model, session.add_sequence(), short_context(model)),
                  [&](size_t, std::span<const float> logits) { hash.add(logits); });
  return hash.value();
}

// Resets the process's peak memory, on systems that allow it, so that the buffer for measuring the
// machine does not count.
void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

constexpr int64_t kTokensAtOnce = 4;  // most tokens between two measurements of the limits

constexpr std::string_view kWorkloads[] = {"decode", "decode_long", "prompt", "batch"};

class Bench {
 public:
  explicit Bench(const BenchOptions& options) : options_(options) {
    check_param(options.tokens >= 1, "tokens", "expected at least 1, found ", options.tokens);
    check_param(options.runs >= 1, "runs", "expected at least 1, found ", options.runs);
    for (const int64_t length : options.prompt_lengths) {
      check_param(length >= 1, "prompt", "expected at least 1 token, found ", length);
    }
    for (const int64_t size : options.batch_sizes) {
      check_param(1 <= size && size <= 512, "batch", "expected 1 to 512 sequences, found ", size);
    }
    for (const std::string& workload : options.only) {
      check_param(
          std::find(std::begin(kWorkloads), std::end(kWorkloads), workload) != std::end(kWorkloads),
          "only", "expected decode, decode_long, prompt or batch, found \"", workload, "\"");
    }
  }

  BenchReport run() {
    check_threads(options_.load.threads);
    if (!options_.synthetic)
      inspect(options_.model);  // throws at once if the model cannot be loaded
    Machine machine(options_.load);
    measure_machine(machine);
    forget_peak_memory();
    step("loading");
    const auto start = Clock::now();
    const Model model = options_.synthetic ? synthetic_model(*options_.synthetic, options_.load,
                                                             options_.synthetic_seed)
                                           : Model::load(options_.model, options_.load);
    report_.load_seconds = seconds_since(start);
    describe(model);
    step("verifying the kernels");
    verify_kernels(model);
    report_.logits_hash = logits_hash(model);
    Limits limits(machine, model);
    if (wanted("decode")) {
      step("decode");
      report_.decode = decode(model, limits, short_context(model));
    }
    if (wanted("prompt")) prompts(model, limits);
    if (wanted("batch")) batches(model, limits);
    if (wanted("decode_long")) {
      step("decode after a long text");
      const int64_t n_positions = model.config().n_positions;
      report_.decode_long = decode(model, limits, n_positions - n_positions / 8);
    }
    report_.peak_memory_bytes = 1024 * read_number("/proc/self/status", "VmHWM:");
    measure_machine(machine);
    finish();
    return report_;
  }

 private:
  void step(const std::string& what) {
    step_ = what;
    go_on();
  }
  // Reports the step to the caller, between any two runs. Throws kCancelled if the caller cancels.
  void go_on() {
    check(!options_.on_step || options_.on_step(step_) == Progress::kContinue,
          ErrorCode::kCancelled, "bench was cancelled");
  }
  bool wanted(const std::string& workload) const {
    return options_.only.empty() ||
           std::find(options_.only.begin(), options_.only.end(), workload) != options_.only.end();
  }

  void describe(const Model& model) {
    report_.model = model.name();
    report_.isa = model.isa();
    report_.weights = weight_type_name(model.weight_type());
    report_.kv_cache = weight_type_name(model.kv_cache_type());
    report_.threads = model.threads();
    report_.weight_bytes_per_token = model.weight_bytes();
    const Work work(model.config());
    report_.operations_per_token = 2.0 * static_cast<double>(work.layers + work.head);
  }

  // Measures the machine's limits. Called before and after all runs; the better figures count.
  void measure_machine(Machine& machine) {
    step("measuring the machine");
    MachineLimits& m = report_.machine;
    m.peaks.resize(std::size(kWeightTypes));
    m.read_bytes = read_buffer_bytes();
    m.read_gb_per_s =
        std::max(m.read_gb_per_s, measure_read(machine.kernels, machine.pool, m.read_bytes) / 1e9);
    for (size_t i = 0; i < m.peaks.size(); ++i) {
      m.peaks[i].weights = weight_type_name(kWeightTypes[i]);
      m.peaks[i].isa = machine.kernels.product[kWeightTypes[i]].isa;
      m.peaks[i].tops = std::max(m.peaks[i].tops, machine.multiply[i].measure() / 1e12);
    }
  }

  // Calls run(i) for each of `n` runs, and measures the limits between them.
  Trials trials(Limits& limits, int64_t n, const std::function<Trial(int64_t i)>& run) {
    Trials trials;
    double read_before = limits.read(), multiply_before = limits.multiply.in_passing();
    for (int64_t i = 0; i < n; ++i) {
      go_on();
      const Trial r = run(i);
      const double read_after = limits.read(), multiply_after = limits.multiply.in_passing();
      trials.tokens_per_s.push_back(r.tokens_per_s);
      trials.outside.push_back(r.outside);
      trials.attention_seconds.push_back(r.attention_seconds);
      trials.read.push_back((read_before + read_after) / 2);
      trials.multiply.push_back((multiply_before + multiply_after) / 2);
      read_before = read_after;
      multiply_before = multiply_after;
    }
    return trials;
  }

  // Times tokens that are made one at a time, each the likeliest, after a prompt of `context`
  // tokens.
  DecodeResult decode(const Model& model, Limits& limits, int64_t context) {
    DecodeResult result;
    result.context = context;
    result.tokens = std::min(options_.tokens, model.config().n_positions - context);
    Session session(model);
    const SequenceId s = session.add_sequence();
    TokenId next = 0;
    const auto pick = [&](size_t, std::span<const float> logits) {
      next = std::max_element(logits.begin(), logits.end()) - logits.begin();
    };
    session.forward(random_rows(model, s, context), pick);
    const TokenId first = next;
    // A slice has few tokens because the limits, measured between slices, may change within a
    // second.
    const int64_t slices = (result.tokens + kTokensAtOnce - 1) / kTokensAtOnce;
    const Trials all = trials(limits, options_.runs * slices, [&](int64_t i) {
      if (i % slices == 0) {
        session.truncate(s, context);
        next = first;
      }
      const SliceRange slice =
          slice_range(static_cast<size_t>(result.tokens), static_cast<size_t>(i % slices),
                      static_cast<size_t>(slices));
      const auto tokens = static_cast<int64_t>(slice.end - slice.begin);
      return timed(session, tokens, [&] {
        for (int64_t t = 0; t < tokens; ++t) {
          const Row row{next, s, session.length(s), true};
          session.forward({&row, 1}, pick);
        }
      });
    });
    // A token reads the keys and values before it, and its own.
    const double positions =
        static_cast<double>(context) + static_cast<double>(result.tokens + 1) / 2;
    const double bytes = static_cast<double>(report_.weight_bytes_per_token) +
                         positions * cache_bytes_per_token(model);
    result.tokens_per_s = median(all.tokens_per_s);
    result.outside = median(all.outside);
    result.read_gb_per_s = median(all.read) / 1e9;
    result.fraction_of_read = result.tokens_per_s * bytes;  // to be divided in finish()
    result.fraction_beside = all.fraction_beside([&](double read, double) { return read / bytes; });
    return result;
  }

  static double cache_bytes_per_token(const Model& model) {
    return static_cast<double>(model.kv_cache_bytes(kKvPagePositions)) / kKvPagePositions;
  }

  // Return the most tokens per second of a batch that each of the two limits allows.
  double read_limit(int64_t size, double read) const {
    return static_cast<double>(size) * read / static_cast<double>(report_.weight_bytes_per_token);
  }
  double multiply_limit(double multiply) const { return multiply / report_.operations_per_token; }

  void batches(const Model& model, Limits& limits) {
    for (const int64_t size : options_.batch_sizes) {
      step("batch of " + std::to_string(size));
      Session session(model);
      std::vector<SequenceId> sequences;
      for (int64_t i = 0; i < size; ++i) {
        sequences.push_back(session.add_sequence());
        session.forward(random_rows(model, sequences.back(), 4), [](size_t, auto) {});
      }
      const int64_t steps = std::max<int64_t>(1, std::min(options_.tokens / 4, int64_t{8}));
      const Trials all = trials(limits, options_.runs, [&](int64_t) {
        for (const SequenceId s : sequences) session.truncate(s, 4);
        return timed(session, size * steps, [&] {
          for (int64_t t = 0; t < steps; ++t) {
            std::vector<Row> rows;
            for (const SequenceId s : sequences) rows.push_back({t, s, session.length(s), true});
            session.forward(rows, [](size_t, auto) {});
          }
        });
      });
      const double beside = all.fraction_beside([&](double read, double multiply) {
        return std::min(read_limit(size, read), multiply_limit(multiply));
      });
      BatchResult result;
      result.size = size;
      result.tokens_per_s = median(all.tokens_per_s);
      result.fraction_beside = beside;
      report_.batches.push_back(result);
    }
  }

  void prompts(const Model& model, Limits& limits) {
    for (const int64_t length : options_.prompt_lengths) {
      if (length < 1 || length > model.config().n_positions) continue;
      step("prompt of " + std::to_string(length));
      Session session(model);
      const SequenceId s = session.add_sequence();
      const std::vector<Row> rows = random_rows(model, s, length);
      const Trials all = trials(limits, options_.runs, [&](int64_t) {
        session.truncate(s, 0);
        return timed(session, length, [&] { session.forward(rows, [](size_t, auto) {}); });
      });
      const Work work(model.config());
      const double operations =  // per token
          2.0 * (static_cast<double>(work.layers) +
                 static_cast<double>(work.head) / static_cast<double>(length));
      const double tokens_per_s = median(all.tokens_per_s);
      const double beside =
          all.fraction_beside([&](double, double multiply) { return multiply / operations; });
      const auto pairs =
          static_cast<double>(length * (length + 1) / 2);  // pairs of a query and a key
      const auto width = static_cast<double>(model.config().n_embd * model.config().n_layer);
      report_.prompts.push_back({length, tokens_per_s, operations * tokens_per_s, beside,
                                 median(all.outside),
                                 4 * width * pairs / median(all.attention_seconds)});
    }
  }

  // Completes the fractions of the machine's limits, which are known only after the last
  // measurement. Until then the members hold the figures to be divided.
  void finish() {
    const double read = report_.machine.read_gb_per_s * 1e9,
                 peak = report_.peak_tops(report_.weights) * 1e12;
    for (std::optional<DecodeResult>* decode : {&report_.decode, &report_.decode_long}) {
      if (*decode) (*decode)->fraction_of_read /= read;
    }
    for (BatchResult& batch : report_.batches) {
      batch.fraction_of_read = batch.tokens_per_s / read_limit(batch.size, read);
      batch.fraction_of_peak = batch.tokens_per_s / multiply_limit(peak);
    }
    const double f32_peak = report_.peak_tops(weight_type_name(WeightType::kF32)) * 1e12;
    for (PromptResult& prompt : report_.prompts) {
      prompt.fraction_of_peak /= peak;
      prompt.attention_fraction_of_peak /= f32_peak;
    }
  }

  const BenchOptions& options_;
  std::string step_;
  BenchReport report_;
};

}  // namespace

BenchReport bench(const BenchOptions& options) { return Bench(options).run(); }

}  // namespace gptj
