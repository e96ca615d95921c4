// SPDX-License-Identifier: Apache-2.0
// encode_lines FOLDER: for each line of standard input, a JSON string, prints a JSON object: the
// ids of the text, its ids as one that goes on from another, and what the first decode to.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "base/json.h"
#include "gptj/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: encode_lines FOLDER < TEXTS\n");
    return 2;
  }
  try {
    const gptj::Tokenizer tokenizer = gptj::Tokenizer::load(argv[1]);
    for (std::string line; std::getline(std::cin, line);) {
      const auto text = gptj::parse_json(line, "a line").get<std::string>();
      const auto ids = tokenizer.encode(text);
      const gptj::Json found = {{"ids", ids},
                                {"continued", tokenizer.encode(text, {.continues = true})},
                                {"decoded", gptj::to_valid_utf8(tokenizer.decode(ids))}};
      std::cout << found.dump() << '\n';
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "encode_lines: %s\n", error.what());
    return 1;
  }
  return 0;
}
