// SPDX-License-Identifier: Apache-2.0
// The routes, and what they share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access.h"
#include "bridge.h"
#include "completion_request.h"
#include "kobold.h"
#include "server.h"

namespace gptj::serve {

struct AppOptions {
  AccessRules access;
  Limits limits;
  int64_t max_queue = 64;
  bool metrics_open = false;
  std::string access_log = {};  // a file; "-": stderr; empty: none
  std::string alias = {};       // the served name; empty: the model's
  bool strict_model = false;
  int64_t default_max_tokens = 16;
  int64_t max_tokens_limit = 0;
};

class App {
 public:
  explicit App(AppOptions options);
  ~App();

  Server& server() { return server_; }
  // Opens the routes that need a model. To be called once, from any thread.
  void open(const Model& model, const GeneratorOptions& options);
  // Takes no more requests for text.
  void drain();
  // Cancels what there is and waits for the generator's end.
  void close() { bridge_.close(); }

 private:
  using Answer = std::function<void(HttpRequest request, const std::shared_ptr<Reply>& reply)>;
  struct Route {
    std::string method;
    std::string path;  // one that ends with / stands for all paths that begin so
    Answer answer;
    bool generates = false;    // refused while the queue is full
    bool needs_model = false;  // refused while the model is loaded
  };

  // Each adds its routes.
  void add_health_routes();
  void add_completion_routes();
  void add_token_routes();
  void add_kobold_routes();
  void add_page_routes();
  void add(std::string method, std::string path, Answer answer, bool needs_model = true,
           bool generates = false);

  const Route* find(const HttpRequest& request) const;
  std::optional<HttpResponse> screen(const HttpRequest& request);
  HttpResponse refusal(const HttpRequest& request, const ApiError& error);
  ApiError unknown_route(const HttpRequest& request) const;
  void answer(HttpRequest request, const std::shared_ptr<Reply>& reply);
  void log(const Served& served);

  void complete(HttpRequest request, const std::shared_ptr<Reply>& reply);
  void generate(HttpRequest request, const std::shared_ptr<Reply>& reply, bool stream);
  void abort(const HttpRequest& request, const std::shared_ptr<Reply>& reply);
  std::string model_name() const;
  Json model_json() const;
  std::string fingerprint() const;
  HttpResponse health(const HttpRequest& request);

  const AppOptions options_;
  const Access access_;
  Metrics metrics_;
  std::vector<Route> routes_;
  KoboldTickets kobold_;
  std::FILE* log_file_ = nullptr;
  const int64_t started_;
  std::string fingerprint_;
  Server server_;
  Bridge bridge_;  // last, so that its threads end before what they use
};

// Sends JSON.
void send_json(Reply& reply, const Json& json);

}  // namespace gptj::serve
