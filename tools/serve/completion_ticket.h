// SPDX-License-Identifier: Apache-2.0
// The answer to POST /v1/completions, whole or as a stream.
#pragma once

#include <map>
#include <string>

#include "bridge.h"
#include "completion_request.h"

namespace gptj::serve {

// What an answer says besides its texts.
struct AnswerHead {
  std::string id;           // "cmpl-..."
  int64_t created = 0;      // Unix time
  std::string model;        // the served name
  std::string fingerprint;  // of arithmetic and weights
};

class CompletionTicket : public Ticket {
 public:
  // `request` stands for those of all prompts: they differ in the prompt alone.
  CompletionTicket(std::shared_ptr<Reply> reply, const Model& model, const CompletionCall& call,
                   AnswerHead head, double timeout_seconds);

  bool wants_events() const override { return stream_; }
  void on_event(const Event& event) override;
  void on_end(std::vector<Completion> completions) override;
  void on_error(std::exception_ptr error) override;

 private:
  Json object(Json choices) const;
  Json choices_of(size_t prompt, const Completion& completion) const;
  Json usage_of(const std::vector<Completion>& completions) const;
  void send_chunk(int64_t index, const Event& event);
  void send_event(const Json& json);
  void fail(const ApiError& error);

  // Text and tokens of a choice that wait for the next chunk.
  struct Waiting {
    std::string text = {};
    std::vector<TokenId> ids = {};
  };

  const Model model_;
  const Request request_;
  const int64_t n_;
  const bool stream_, include_usage_;
  const AnswerHead head_;
  const double timeout_seconds_;
  std::map<int64_t, Waiting> waiting_;  // by index of the choice
};

// Returns the head of a response that streams server-sent events, which proxies are asked not to
// buffer.
HttpResponse event_stream();

// Returns the reason for which a request was stopped, as an error.
ApiError stop_error(Reply::Stop reason, double timeout_seconds);

// Returns what the access log says of these completions.
RequestNote note_of(const std::vector<Completion>& completions);

}  // namespace gptj::serve
