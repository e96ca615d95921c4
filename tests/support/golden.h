// SPDX-License-Identifier: Apache-2.0
// The cases that Hugging Face computed, and the shortest way to logits.
#pragma once

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gptj/error.h"
#include "gptj/session.h"

namespace gptj::test {

inline std::string golden_path(const std::string& name) {
  return std::string(GPTJ_SOURCE_DIR "/tests/golden/") + name;
}

inline nlohmann::json read_json(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

struct GoldenCase {
  std::vector<TokenId> prompt_ids;
  std::vector<float> last_logits;
  std::vector<TokenId> argmax;
  std::vector<double> next_token_logprob;
  std::vector<TokenId> greedy_ids;
};

inline std::vector<GoldenCase> golden_cases(const std::string& folder) {
  std::vector<GoldenCase> cases;
  const nlohmann::json json = read_json(golden_path(folder) + "/cases.json");
  for (const auto& c : json.at("cases")) {
    cases.push_back({c.at("prompt_ids"), c.at("last_logits"), c.at("argmax"),
                     c.at("next_token_logprob"), c.at("greedy_ids")});
  }
  return cases;
}

// Rows that append `ids` to a sequence of `length` positions, all wanting logits.
inline std::vector<Row> rows_of(std::span<const TokenId> ids, SequenceId sequence, int64_t length) {
  std::vector<Row> rows;
  for (const TokenId id : ids) rows.push_back({id, sequence, length++, true});
  return rows;
}

// The logits of every row wanted, in order.
inline std::vector<std::vector<float>> forward(Session& session, std::span<const Row> rows) {
  std::vector<std::vector<float>> all;
  session.forward(rows, [&](size_t, std::span<const float> logits) {
    all.emplace_back(logits.begin(), logits.end());
  });
  return all;
}

inline TokenId argmax(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

}  // namespace gptj::test
