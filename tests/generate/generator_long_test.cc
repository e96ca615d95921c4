// SPDX-License-Identifier: Apache-2.0
// Two hundred requests of every kind: whoever answers them together gives the bytes that each gets
// alone, whatever the threads, the memory, the guesses and the instruction set.
#include <gtest/gtest.h>

#include "generate/mixed_requests.h"
#include "generate/models.h"

namespace gptj {
namespace {

constexpr uint64_t kRequests = 200;
constexpr int64_t kLongest = 400;  // tokens of a prompt

class MixedRequests : public testing::Test {
 protected:
  // All of them, or every `step`-th.
  static std::vector<Request> requests(uint64_t step = 1) {
    std::vector<Request> list;
    for (uint64_t i = 0; i < kRequests; i += step) {
      list.push_back(test::request_of_json(test::mixed_request(i, kLongest)));
    }
    return list;
  }

  static Model load(WeightType weights, size_t threads, const std::string& isa = "") {
    return Model::load(test::kFairytale, {.weights = weights, .threads = threads, .isa = isa});
  }

  // Portable products of floats call a function for each fma: a quarter of the requests takes them
  // as long as all take the other sets together.
  static uint64_t step_of(const std::string& isa, WeightType weights) {
    const bool integers = weights == WeightType::kInt8 || weights == WeightType::kInt4;
    return isa == "portable" && !integers ? 4 : 1;
  }

  static std::vector<std::string> every(uint64_t step, const std::vector<std::string>& answers) {
    std::vector<std::string> some;
    for (size_t i = 0; i < answers.size(); i += step) some.push_back(answers[i]);
    return some;
  }

  static std::vector<std::string> alone(const Model& model, uint64_t step = 1) {
    std::vector<std::string> answers;
    for (Request& request : requests(step)) {
      request.speculate = false;
      answers.push_back(completion_json(model, request, complete(model, request)));
    }
    return answers;
  }

  // Memory for `texts` of the longest requests.
  static std::vector<std::string> together(const Model& model, uint64_t texts, bool speculate,
                                           uint64_t step = 1) {
    std::vector<Request> list = requests(step);
    Generator generator(model, {.kv_memory = texts * model.kv_cache_bytes(kLongest + 20)});
    std::vector<std::future<Completion>> futures;
    for (Request& request : list) {
      request.speculate = speculate;
      futures.push_back(generator.submit(request));
    }
    std::vector<std::string> answers;
    for (size_t i = 0; i < list.size(); ++i) {
      answers.push_back(completion_json(model, list[i], futures[i].get()));
    }
    return answers;
  }
};

TEST_F(MixedRequests, TheyAreOfEveryKind) {
  size_t beams = 0, samples = 0, stops = 0, several = 0;
  for (const Request& request : requests()) {
    beams += request.num_beams.value_or(1) > 1 ? 1 : 0;
    samples += request.temperature.value_or(1) > 0 ? 1 : 0;
    stops += request.stop.empty() ? 0 : 1;
    several += request.n.value_or(1) > 1 ? 1 : 0;
  }
  for (const size_t count : {beams, samples, stops, several}) EXPECT_GT(count, kRequests / 10);
}

TEST_F(MixedRequests, ThreadsMemoryAndGuessesChangeNothing) {
  for (const WeightType weights : {WeightType::kF16, WeightType::kInt4}) {
    const std::vector<std::string> expected = alone(load(weights, 2));
    for (const size_t threads : {1, 2, 3, 4}) {
      const Model model = load(weights, threads);
      for (const uint64_t texts : {2, 9, 64}) {
        for (const bool speculate : {false, true}) {
          EXPECT_EQ(together(model, texts, speculate), expected)
              << weight_type_name(weights) << ", " << threads << " threads, memory for " << texts;
        }
      }
    }
  }
}

TEST_F(MixedRequests, InstructionSetsChangeNothing) {
  for (const WeightType weights :
       {WeightType::kF32, WeightType::kF16, WeightType::kInt8, WeightType::kInt4}) {
    const std::vector<std::string> expected = alone(load(weights, 2));
    for (const std::string& isa : instruction_set_names()) {
      const uint64_t step = step_of(isa, weights);
      EXPECT_EQ(together(load(weights, 2, isa), 20, true, step), every(step, expected))
          << isa << " " << weight_type_name(weights);
    }
  }
}

TEST_F(MixedRequests, OfBf16WeightsWithinEachInstructionSet) {
  for (const std::string& isa : instruction_set_names()) {
    const Model model = load(WeightType::kBF16, 2, isa);
    const uint64_t step = step_of(isa, WeightType::kBF16);
    const std::vector<std::string> expected = alone(model, step);
    for (const uint64_t texts : {2, 64}) {
      EXPECT_EQ(together(model, texts, true, step), expected) << isa;
    }
  }
}

}  // namespace
}  // namespace gptj
