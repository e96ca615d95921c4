// SPDX-License-Identifier: Apache-2.0
#include <ctime>
#include <nlohmann/json.hpp>

#include "app.h"

namespace gptj::serve {
namespace {

constexpr size_t kMostKeyBytes = 16 << 10;  // of a body that this thread parses

// Returns the genkey of a request that need not have a body.
std::string key_of(const HttpRequest& request) {
  if (request.body.empty()) return {};
  if (request.body.size() > kMostKeyBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                "genkey: expected a body of at most " + std::to_string(kMostKeyBytes) +
                    " bytes, found " + std::to_string(request.body.size()),
                "genkey");
  }
  return text_of(parse_body(request.body), "genkey").value_or("");
}

}  // namespace

void App::generate(HttpRequest request, const std::shared_ptr<Reply>& reply, bool stream) {
  bridge_.read(reply, [this, reply, stream, body = std::move(request.body)] {
    try {
      KoboldCall call = parse_kobold(parse_body(body), bridge_.model(), options_.max_tokens_limit);
      Request generation = call.request;
      const auto ticket =
          std::make_shared<KoboldTicket>(reply, bridge_.model(), std::move(call), stream);
      kobold_.add(ticket);
      bridge_.submit(ticket, {std::move(generation)});
    } catch (...) {
      reply->send(kobold_error(error_of(std::current_exception())));
    }
  });
}

// Without a key, or a body, only a request that runs alone is meant: there it can be no other
// user's.
void App::abort(const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
  const auto ticket = kobold_.find(key_of(request));
  if (ticket) ticket->cancel_token().cancel();
  send_json(*reply, {{"success", ticket ? "true" : "false"}, {"done", ticket ? "true" : "false"}});
}

void App::add_kobold_routes() {
  const auto add_value = [this](const char* path, const std::function<Json()>& value) {
    add("GET", path, [value](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
      send_json(*reply, value());
    });
  };
  const auto positions = [this] { return Json{{"value", bridge_.model().config().n_positions}}; };
  for (const std::string prefix : {"/api/v1/", "/api/latest/"}) {
    add_value((prefix + "info/version").c_str(), [] { return Json{{"result", "1.2.5"}}; });
    add_value((prefix + "model").c_str(), [this] {
      return Json{{"result", "gptj/" + model_name()}};
    });
    add_value((prefix + "config/max_context_length").c_str(), positions);
    add_value((prefix + "config/max_length").c_str(), positions);
    add(
        "POST", prefix + "generate",
        [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
          generate(std::move(request), reply, false);
        },
        true, true);
  }
  add_value("/api/extra/true_max_context_length", positions);
  // SillyTavern streams and aborts for this name alone, from version 1.30 on.
  add_value("/api/extra/version", [] {
    return Json{{"result", "KoboldCpp"}, {"version", "1.60.0"}};
  });
  add_value("/api/extra/perf", [this] {
    const GeneratorStats now = bridge_.stats();
    return Json{{"last_process", 0},
                {"last_eval", 0},
                {"last_token_count", 0},
                {"total_gens", now.finished_stop + now.finished_length + now.finished_cancelled},
                {"queue", now.waiting},
                {"idle", now.running + now.waiting == 0 ? 1 : 0},
                {"uptime", std::time(nullptr) - started_}};
  });
  add(
      "POST", "/api/extra/generate/stream",
      [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
        generate(std::move(request), reply, true);
      },
      true, true);
  const Answer check = [this](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
    const auto ticket = kobold_.find(key_of(request));
    const Json result = {{"text", ticket ? ticket->text() : std::string()}};
    send_json(*reply, {{"results", Json::array({result})}});
  };
  add("GET", "/api/extra/generate/check", check);
  add("POST", "/api/extra/generate/check", check);
  add("POST", "/api/extra/abort",
      [this](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
        abort(request, reply);
      });
  add("POST", "/api/extra/tokencount",
      [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
        bridge_.read(reply, [this, reply, body = std::move(request.body)] {
          const std::string text = text_of(parse_body(body), "prompt").value_or("");
          if (bridge_.model().tokenizer() == nullptr) {
            throw Error(ErrorCode::kInvalidArgument, "prompt: the model has no tokenizer",
                        "prompt");
          }
          const std::vector<TokenId> ids = bridge_.model().tokenizer()->encode(text);
          send_json(*reply, {{"value", ids.size()}, {"ids", ids}});
        });
      });
}

}  // namespace gptj::serve
