// SPDX-License-Identifier: Apache-2.0
// The routes of OpenAI's API, of tokens, of health and of the page.
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>

#include "app.h"
#include "completion_ticket.h"
#include "files.h"

namespace gptj::serve {
namespace {

// Without a pass for so long, while there is work, the generator counts as stuck.
constexpr double kStuckSeconds = 600;

std::string completion_id() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id = "cmpl-";
  for (int half = 0; half < 2; ++half) {
    for (uint64_t bits = random(), i = 0; i < 16; ++i, bits >>= 4) id += kDigits[bits & 15];
  }
  return id;
}

const Tokenizer& tokenizer_of(const Model& model) {
  if (model.tokenizer() == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, model.name() + " has no tokenizer", "prompt");
  }
  return *model.tokenizer();
}

Json name_of(const Model& model, const std::optional<TokenId>& id) {
  const Tokenizer* tokenizer = model.tokenizer();
  if (!id || tokenizer == nullptr || !tokenizer->has(*id)) return nullptr;
  return std::string(tokenizer->token_bytes(*id));
}

}  // namespace

HttpResponse App::health(const HttpRequest& request) {
  HttpResponse response{.body = R"({"status":"ok"})"};
  if (bridge_.state() == Bridge::State::kLoading) response = error_response(is_loading());
  if (bridge_.state() == Bridge::State::kDraining) response = error_response(is_draining());
  if (bridge_.state() == Bridge::State::kReady && has_flag(request.query, "fail_on_full") &&
      bridge_.is_full()) {
    response = error_response({.status = 503,
                               .message = "the queue is full",
                               .type = "server_error",
                               .code = "queue_full",
                               .headers = {{"Retry-After", "1"}}});
  }
  response.close = true;  // a probe's connection is not kept
  return response;
}

void App::add_health_routes() {
  for (const char* path : {"/health", "/readyz", "/v1/health"}) {
    add(
        "GET", path,
        [this](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
          reply->send(health(request));
        },
        false);
  }
  add(
      "GET", "/livez",
      [this](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
        HttpResponse response{.body = R"({"status":"ok"})"};
        if (!bridge_.is_alive(kStuckSeconds)) {
          response = error_response({.status = 503,
                                     .message = "the generator makes no progress",
                                     .type = "server_error",
                                     .code = "stuck"});
        }
        response.close = true;
        reply->send(std::move(response));
      },
      false);
  add(
      "GET", "/metrics",
      [this](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
        reply->send(
            {.content_type = "text/plain; version=0.0.4; charset=utf-8",
             .body = metrics_.text({.generator = bridge_.stats(),
                                    .connections = server_.connections(),
                                    .requests = server_.requests(),
                                    .model = bridge_.is_open() ? &bridge_.model() : nullptr})});
      },
      false);
}

Json App::model_json() const {
  const Model& model = bridge_.model();
  return {{"id", model_name()},
          {"object", "model"},
          {"created", started_},
          {"owned_by", "gptj"},
          {"max_model_len", model.config().n_positions},
          {"meta",
           {{"n_ctx_train", model.config().n_positions},
            {"n_vocab", model.config().vocab_size},
            {"n_embd", model.config().n_embd},
            {"n_layer", model.config().n_layer},
            {"weights", weight_type_name(model.weight_type())},
            {"weight_bytes", model.weight_bytes()}}}};
}

void App::complete(HttpRequest request, const std::shared_ptr<Reply>& reply) {
  bridge_.read(reply, [this, reply, body = std::move(request.body)] {
    const CompletionRules rules{.model_name = model_name(),
                                .strict_model = options_.strict_model,
                                .default_max_tokens = options_.default_max_tokens,
                                .max_tokens_limit = options_.max_tokens_limit};
    CompletionCall call = parse_completion(parse_body(body), bridge_.model(), rules);
    AnswerHead head{.id = completion_id(),
                    .created = std::time(nullptr),
                    .model = model_name(),
                    .fingerprint = fingerprint_};
    const auto ticket = std::make_shared<CompletionTicket>(
        reply, bridge_.model(), call, std::move(head), options_.limits.request_seconds);
    bridge_.submit(ticket, std::move(call.requests));
    // The request is right: a client hears so before its first token, which may take long.
    if (call.stream) reply->begin(event_stream());
  });
}

void App::add_completion_routes() {
  add(
      "POST", "/v1/completions",
      [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
        complete(std::move(request), reply);
      },
      true, true);
  add("GET", "/v1/models", [this](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
    send_json(*reply, {{"object", "list"}, {"data", Json::array({model_json()})}});
  });
  add("GET", "/v1/models/",
      [this](const HttpRequest& request, const std::shared_ptr<Reply>& reply) {
        const std::string name =
            percent_decoded(request.path.substr(std::string_view("/v1/models/").size()));
        if (name == model_name()) return send_json(*reply, model_json());
        throw Error(
            ErrorCode::kNotFound,
            "model: expected \"" + model_name() + "\", found \"" + to_valid_utf8(name) + "\"",
            "model");
      });
}

void App::add_token_routes() {
  add("POST", "/tokenize", [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
    bridge_.read(reply, [this, reply, body = std::move(request.body)] {
      const Json json = parse_body(body);
      const char* field = json.contains("content") ? "content" : "prompt";
      const std::string text = text_of(json, field).value_or("");
      const bool special = flag_of(json, "add_special_tokens").value_or(true);
      const std::vector<TokenId> ids =
          tokenizer_of(bridge_.model()).encode(text, {.continues = !special});
      Json answer = {{"tokens", ids},
                     {"count", ids.size()},
                     {"max_model_len", bridge_.model().config().n_positions}};
      if (flag_of(json, "with_pieces").value_or(false)) {
        Json pieces = Json::array();
        for (const TokenId id : ids) {
          pieces.push_back(
              {{"id", id}, {"piece", std::string(bridge_.model().tokenizer()->token_bytes(id))}});
        }
        answer["pieces"] = std::move(pieces);
      }
      send_json(*reply, answer);
    });
  });
  add("POST", "/detokenize", [this](HttpRequest request, const std::shared_ptr<Reply>& reply) {
    bridge_.read(reply, [this, reply, body = std::move(request.body)] {
      const Json json = parse_body(body);
      const auto tokens = json.find("tokens");
      if (tokens == json.end() || !tokens->is_array()) {
        throw Error(ErrorCode::kInvalidArgument, "tokens: expected a list of token ids", "tokens");
      }
      const std::string text =
          to_valid_utf8(tokenizer_of(bridge_.model()).decode(ids_of(*tokens, "tokens")));
      send_json(*reply, {{"prompt", text}, {"content", text}});
    });
  });
  add("GET", "/tokenizer_info", [this](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
    const Model& model = bridge_.model();
    const auto& ends = model.config().eos_token_ids;
    const auto end = ends.empty() ? std::optional<TokenId>() : std::optional<TokenId>(ends.front());
    send_json(*reply, {{"eos_token", name_of(model, end)},
                       {"bos_token", name_of(model, model.config().bos_token_id)},
                       {"pad_token", name_of(model, end)},
                       {"chat_template", nullptr},
                       {"vocab_size", model.config().vocab_size},
                       {"max_model_len", model.config().n_positions}});
  });
}

void App::add_page_routes() {
  add(
      "GET", "/",
      [](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
        reply->send({.content_type = "text/html; charset=utf-8",
                     .body = std::string(page_html()),
                     // The page itself has the rest of its policy.
                     .headers = {{"Content-Security-Policy", "frame-ancestors 'none'"},
                                 {"Referrer-Policy", "no-referrer"}}});
      },
      false);
  add(
      "GET", "/favicon.ico",
      [](const HttpRequest&, const std::shared_ptr<Reply>& reply) { reply->send({.status = 204}); },
      false);
  add(
      "GET", "/openapi.json",
      [](const HttpRequest&, const std::shared_ptr<Reply>& reply) {
        reply->send({.body = std::string(openapi_json())});
      },
      false);
}

}  // namespace gptj::serve
