// SPDX-License-Identifier: Apache-2.0
#include "app.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

namespace gptj::serve {
namespace {

bool matches(const std::string& pattern, const std::string& path) {
  const bool is_prefix = pattern.size() > 1 && pattern.ends_with('/');
  return is_prefix ? path.starts_with(pattern) && path.size() > pattern.size() : path == pattern;
}

bool is_kobold(const HttpRequest& request) { return request.path.starts_with("/api/"); }

AccessRules with_open_paths(const AppOptions& options) {
  AccessRules rules = options.access;
  // The page holds nothing of a user's; it asks for the key.
  rules.open_paths = {"/health", "/livez", "/readyz", "/v1/health", "/", "/favicon.ico"};
  if (options.metrics_open) rules.open_paths.emplace_back("/metrics");
  return rules;
}

}  // namespace

void send_json(Reply& reply, const Json& json) { reply.send({.body = dump(json)}); }

App::App(AppOptions options)
    : options_(std::move(options)),
      access_(with_open_paths(options_)),
      started_(std::time(nullptr)),
      server_(
          options_.limits,
          {.screen = [this](const HttpRequest& request) { return screen(request); },
           .add_headers =
               [this](const HttpRequest& request) { return access_.cors_headers(request); },
           .answer = [this](HttpRequest request,
                            std::shared_ptr<Reply> reply) { answer(std::move(request), reply); },
           .on_served = [this](const Served& served) { log(served); }}),
      bridge_(options_.max_queue, metrics_) {
  add_health_routes();
  add_completion_routes();
  add_token_routes();
  add_kobold_routes();
  add_page_routes();
  if (options_.access_log.empty()) return;
  log_file_ = options_.access_log == "-" ? stderr : std::fopen(options_.access_log.c_str(), "ae");
  if (log_file_ == nullptr) {
    throw Error(ErrorCode::kIo, options_.access_log + ": cannot open: " + std::strerror(errno));
  }
}

App::~App() {
  bridge_.close();
  if (log_file_ != nullptr && log_file_ != stderr) std::fclose(log_file_);
}

void App::open(const Model& model, const GeneratorOptions& options) {
  char text[64];
  std::snprintf(text, sizeof text, "gptj-%s-%016llx", version(),
                static_cast<unsigned long long>(model.fingerprint()));
  fingerprint_ = text;
  bridge_.open(model, options);
}

void App::drain() {
  bridge_.drain();
  server_.close_after_responses();
}

void App::add(std::string method, std::string path, Answer answer, bool needs_model,
              bool generates) {
  routes_.push_back(
      {std::move(method), std::move(path), std::move(answer), generates, needs_model});
}

const App::Route* App::find(const HttpRequest& request) const {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.method == method && matches(route.path, request.path);
  });
  return found == routes_.end() ? nullptr : &*found;
}

// Returns 405 with the methods of the path, or 404.
ApiError App::unknown_route(const HttpRequest& request) const {
  std::string methods;
  for (const Route& route : routes_) {
    if (!matches(route.path, request.path)) continue;
    methods += (methods.empty() ? "" : ", ") + route.method;
  }
  if (!methods.empty()) {
    return {.status = 405,
            .message = request.path + ": expected " + methods + ", found " + request.method,
            .code = "method_not_allowed",
            .headers = {{"Allow", methods + ", OPTIONS"}}};
  }
  if (request.path.starts_with("/v1/chat/")) {
    return {.status = 404,
            .message =
                "GPT-J has no chat format; send the text to go on with to "
                "POST /v1/completions, in the form that the model was tuned with",
            .code = "unknown_url"};
  }
  return {.status = 404,
          .message = request.path + ": there is no such route; /openapi.json lists all",
          .code = "unknown_url"};
}

HttpResponse App::refusal(const HttpRequest& request, const ApiError& error) {
  if (!error.code.empty()) metrics_.count_refusal(error.code);
  return is_kobold(request) ? kobold_error(error) : error_response(error);
}

// Refuses what the header alone refuses.
std::optional<HttpResponse> App::screen(const HttpRequest& request) {
  if (const auto error = access_.refuse(request)) return refusal(request, *error);
  if (request.method == "OPTIONS") return HttpResponse{.status = 204};
  const Route* route = find(request);
  if (route == nullptr) return refusal(request, unknown_route(request));
  if (route->needs_model && !bridge_.is_open()) {
    return refusal(request, is_loading());
  }
  if (route->generates) {
    if (const auto error = bridge_.refuse()) return refusal(request, *error);
  }
  return std::nullopt;
}

void App::answer(HttpRequest request, const std::shared_ptr<Reply>& reply) {
  const Route* route = find(request);
  if (route == nullptr) return reply->send(refusal(request, unknown_route(request)));
  const auto response = is_kobold(request) ? kobold_error : error_response;
  try {
    route->answer(std::move(request), reply);
  } catch (...) {
    reply->send(response(error_of(std::current_exception())));
  }
}

// Never writes a prompt, a text or a key.
void App::log(const Served& served) {
  const HttpRequest& request = served.request;
  const Route* route = find(request);
  metrics_.count_response(route != nullptr ? route->path : "other", served.status);
  if (log_file_ == nullptr) return;
  char time[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(time, sizeof time, "%FT%TZ", &parts);
  const RequestNote& note = served.note;
  Json json = {{"time", time},
               {"id", request.id},
               {"method", request.method},
               {"path", route != nullptr ? route->path : std::string("other")},
               {"status", served.status},
               {"bytes", served.bytes},
               {"seconds", served.seconds}};
  if (served.stop == Reply::Stop::kGone) json["client"] = "left";
  if (!note.finish_reason.empty()) {
    json["prompt_tokens"] = note.prompt_tokens;
    json["cached_tokens"] = note.cached_tokens;
    json["completion_tokens"] = note.completion_tokens;
    json["queue_seconds"] = note.queue_seconds;
    json["first_token_seconds"] = note.first_token_seconds;
    json["finish_reason"] = note.finish_reason;
  }
  std::fprintf(log_file_, "%s\n", dump(json).c_str());
  std::fflush(log_file_);
}

std::string App::model_name() const {
  return options_.alias.empty() ? to_valid_utf8(bridge_.model().name()) : options_.alias;
}

}  // namespace gptj::serve
