// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"
#include "jobs/request_line.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line = gptj::fuzz::text_of(data, size);
  const gptj::RequestLine parsed = gptj::parse_request_line(line, 1, {});
  if (parsed.error) gptj::error_record(parsed, *parsed.error);
  gptj::is_blank(line);
  return 0;
}
