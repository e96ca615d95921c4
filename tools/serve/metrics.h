// SPDX-License-Identifier: Apache-2.0
// What /metrics shows, in Prometheus' text format.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "errors.h"
#include "gptj/gptj.h"
#include "reply.h"

namespace gptj::serve {

// Counts values by size. Any thread may use it.
class Histogram {
 public:
  enum class Unit { kSeconds, kTokens };
  explicit Histogram(Unit unit) : unit_(unit) {}
  void observe(double value);
  // Appends the lines of a metric of this name.
  void write(const std::string& name, const std::string& help, std::string& text) const;

 private:
  const Unit unit_;
  mutable std::mutex mutex_;
  std::array<uint64_t, 20> counts_{};  // by bucket, the last for values above all bounds
  double sum_ = 0;
  uint64_t count_ = 0;
};

class Metrics {
 public:
  Histogram first_token{Histogram::Unit::kSeconds}, inter_token{Histogram::Unit::kSeconds},
      request{Histogram::Unit::kSeconds}, queue{Histogram::Unit::kSeconds},
      prefill{Histogram::Unit::kSeconds}, decode{Histogram::Unit::kSeconds},
      prompt_tokens{Histogram::Unit::kTokens}, generation_tokens{Histogram::Unit::kTokens};

  // Counts the end of a prompt's generation.
  void count_end(const Completion& completion, bool failed, bool cancelled, Reply::Stop stop);
  // Counts a response. `route` is one of the server's own names, never a client's text.
  void count_response(const std::string& route, int status);
  // Counts a request that was refused for `reason`: an error's code.
  void count_refusal(const std::string& reason);

  struct Now {
    GeneratorStats generator;
    int64_t connections = 0, requests = 0;
    const Model* model = nullptr;  // null while it is loaded
  };
  std::string text(const Now& now) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> responses_;
  std::map<std::string, uint64_t> refusals_, finished_;
};

}  // namespace gptj::serve
