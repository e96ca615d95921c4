// SPDX-License-Identifier: Apache-2.0
// config.json as mesh-transformer-jax itself has it.
#include <optional>

#include "base/json_fields.h"
#include "checkpoint/config.h"
#include "checkpoint/mesh_config.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::optional<gptj::ModelConfig> config;
  gptj::fuzz::run([&] {
    gptj::fuzz::file_of(data, size, "config.json");
    const std::string folder = gptj::fuzz::folder().path();
    config = gptj::mesh_config(folder, folder, {.n_shards = 2});
  });
  // What it takes is one of ours: an Error here is a finding.
  gptj::Warnings warnings;
  if (config) gptj::parse_config({gptj::config_json(*config), "config.json"}, warnings);
  return 0;
}
