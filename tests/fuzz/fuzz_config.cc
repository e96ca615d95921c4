// SPDX-License-Identifier: Apache-2.0
#include "base/json_fields.h"
#include "checkpoint/codegen.h"
#include "checkpoint/config.h"
#include "checkpoint/gptq.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = gptj::fuzz::text_of(data, size);
  gptj::fuzz::run([&] { gptj::codegen_blocks({text, "config.json"}); });
  gptj::fuzz::run([&] {
    gptj::gptq_format({text, "config.json"}, 16, {gptj::fuzz::folder().path(), {}, {}});
  });
  return gptj::fuzz::run([&] {
    gptj::Warnings warnings;
    gptj::ModelConfig config = gptj::parse_config({text, "config.json"}, warnings);
    gptj::parse_config({gptj::config_json(config), "config.json"}, warnings);
    gptj::settings_in_config({text, "config.json"});
  });
}
