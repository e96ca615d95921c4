// SPDX-License-Identifier: Apache-2.0
// Timed runs of a workload, and the limits of the machine beside each of them.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "bench/limits.h"
#include "engine/model_state.h"
#include "gptj/session.h"
#include "kernels/dispatch.h"

namespace gptj {

// Returns the fraction of a session's time since `before` that was spent neither on products nor on
// attention.
inline double outside(const ForwardTimes& before, const ForwardTimes& after) {
  const double inside = after.products - before.products + after.attention - before.attention;
  return 1 - inside / (after.all - before.all);
}

// The machine's kernels and threads, and its limits of multiplying for each element type.
struct Machine {
  explicit Machine(const LoadOptions& options)
      : kernels(select_kernels(options.isa)), pool(options.threads) {
    for (const WeightType type : kWeightTypes) multiply.emplace_back(kernels.product[type], pool);
  }

  const KernelTable& kernels;
  ThreadPool pool;
  std::vector<MultiplyLimit> multiply;  // in the order of kWeightTypes
};

// The limits of a machine for one model.
struct Limits {
  Limits(Machine& its_machine, const Model& model)
      : machine(its_machine),
        multiply(machine.multiply[static_cast<size_t>(model.state().packing.layers)]) {
    const Weights& weights = model.state().weights;
    for (const Layer& layer : weights.layers) {
      for (const PackedMatrix* matrix : layer.matrices()) panels.push_back(matrix->panels);
    }
    panels.push_back(weights.lm_head.panels);
  }

  double read() { return read_again(machine.kernels, machine.pool, panels); }

  Machine& machine;
  const MultiplyLimit& multiply;                   // for products with the layers' weights
  std::vector<std::span<const std::byte>> panels;  // weights that each token reads
};

// What one timed run of a workload gives.
struct Trial {
  double tokens_per_s, outside, attention_seconds;
};

// Times `work`, which makes so many tokens.
template <class Work>
Trial timed(Session& session, int64_t tokens, Work work) {
  const ForwardTimes before = session.times();
  const auto start = Clock::now();
  work();
  return {static_cast<double>(tokens) / seconds_since(start), outside(before, session.times()),
          session.times().attention - before.attention};
}

// The results of several runs of one workload. `read` and `multiply` are the limits beside each
// run: the mean of those measured just before and just after.
struct Trials {
  std::vector<double> tokens_per_s, outside, attention_seconds, read, multiply;

  // Returns the median over all runs of tokens/s divided by the limit beside the run. The function
  // `limit(read, multiply)` gives the limit in tokens/s.
  template <class Limit>
  double fraction_beside(Limit limit) const {
    std::vector<double> fractions;
    for (size_t i = 0; i < tokens_per_s.size(); ++i) {
      fractions.push_back(tokens_per_s[i] / limit(read[i], multiply[i]));
    }
    return median(std::move(fractions));
  }
};

}  // namespace gptj
