// SPDX-License-Identifier: Apache-2.0
// Answers a file of requests, and goes on where it was killed: batch [MODEL [INPUT OUTPUT]]
#include <gptj/gptj.h>

#include <fstream>
#include <iostream>

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  gptj::JobOptions job;
  job.input = argc > 3 ? argv[2] : "questions.jsonl";
  job.output = argc > 3 ? argv[3] : "answers.jsonl";
  job.resume = true;  // what is in the journal of an earlier run is not computed again
  if (argc <= 3) {
    std::ofstream(job.input) << R"({"id": 1, "prompt": "Once upon a time", "max_tokens": 20})"
                                "\n"
                                R"({"id": 2, "prompt": "The wolf", "temperature": 0, "n": 1})"
                                "\n";
  }
  job.defaults = {{"max_tokens", "40"}};  // for lines that do not say
  job.on_progress = [](const gptj::JobProgress& progress) {
    std::cerr << progress.done << " of " << progress.requests << " requests\n";
  };
  const gptj::JobProgress progress = gptj::run_job(model, job);
  std::cout << progress.done << " answers in " << job.output << ", " << progress.failed
            << " of them errors\n";
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
