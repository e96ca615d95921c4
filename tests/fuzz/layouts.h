// SPDX-License-Identifier: Apache-2.0
// layouts.json: the folders of a checkpoint that fuzz_checkpoint opens.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temp_folder.h"

namespace gptj::fuzz {

struct Layout {
  std::vector<std::string> files = {};  // what the weights are called, all with the same content
  nlohmann::json config = {};           // null: without a config.json
  std::string open = {};                // empty: the folder
};

inline std::vector<Layout> layouts() {
  const auto json =
      nlohmann::json::parse(test::content_of(GPTJ_SOURCE_DIR "/tests/fuzz/layouts.json"));
  std::vector<Layout> all;
  for (const auto& described : json["layouts"]) {
    Layout layout{described["files"], {}, described.value("open", "")};
    if (described.contains("config")) layout.config = json[std::string(described["config"])];
    if (described.contains("change")) layout.config.update(described["change"]);
    all.push_back(std::move(layout));
  }
  return all;
}

}  // namespace gptj::fuzz
