// SPDX-License-Identifier: Apache-2.0
// A service with many threads: service [MODEL]
//
// All threads share one generator, which computes their requests together: each pass over the
// weights serves all of them. A request that is wrong fails alone.
#include <gptj/gptj.h>

#include <chrono>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

class Service {
 public:
  explicit Service(const gptj::Model& model) : generator_(model) {}

  // Returns the answer to a question. May be called from many threads at once.
  std::string answer(const std::string& question, std::chrono::seconds limit) {
    gptj::Request request;
    request.prompt = question;
    request.max_tokens = 20;
    request.temperature = 0;
    const gptj::CancelToken cancel;
    try {
      std::future<gptj::Completion> completion = generator_.submit(request, cancel);
      // After the limit the request ends with the tokens that it has.
      if (completion.wait_for(limit) == std::future_status::timeout) cancel.cancel();
      return *completion.get().choices[0].text;
    } catch (const gptj::Error& error) {
      return std::string("(error: ") + error.what() + ")";
    }
  }

 private:
  gptj::Generator generator_;
};

}  // namespace

int main(int argc, char** argv) try {
  const gptj::Model model = gptj::Model::load(argc > 1 ? argv[1] : "models/fairytale-8m");
  Service service(model);
  std::mutex printing;
  std::vector<std::thread> clients;
  for (const char* name : {"a king", "a queen", "a fox", "a giant", "a miller", "two brothers"}) {
    clients.emplace_back([&, name] {
      const std::string question = std::string("Once upon a time there was ") + name;
      const std::string answer = service.answer(question, std::chrono::seconds(60));
      const std::lock_guard<std::mutex> lock(printing);
      std::cout << question << answer << "\n---\n";
    });
  }
  for (std::thread& client : clients) client.join();
} catch (const gptj::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
