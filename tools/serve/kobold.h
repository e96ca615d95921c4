// SPDX-License-Identifier: Apache-2.0
// The Kobold API, as KoboldAI Lite, SillyTavern, Agnai and AI Horde speak it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bridge.h"
#include "kobold_request.h"

namespace gptj::serve {

class KoboldTicket : public Ticket {
 public:
  KoboldTicket(std::shared_ptr<Reply> reply, const Model& model, KoboldCall call, bool stream);

  bool wants_events() const override { return true; }
  void on_event(const Event& event) override;
  void on_end(std::vector<Completion> completions) override;
  void on_error(std::exception_ptr error) override;

  const std::string& key() const { return call_.key; }
  // Returns the text so far. Any thread may call this.
  std::string text() const;

 private:
  std::string ending_of(const Choice& choice) const;
  void send_event(const std::string& token, const Json& finish_reason);

  const Model model_;
  const KoboldCall call_;
  const bool stream_;
  mutable std::mutex mutex_;  // of text_
  std::string text_;
};

// The requests that run, by their keys.
class KoboldTickets {
 public:
  void add(const std::shared_ptr<KoboldTicket>& ticket);
  // Returns the request with this key, or, without a key, the one that runs if no other does.
  std::shared_ptr<KoboldTicket> find(const std::string& key);
  size_t size();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<KoboldTicket>> tickets_;
};

// Returns an error as Kobold clients read it: {"detail": {"msg", "type"}}.
HttpResponse kobold_error(const ApiError& error);

}  // namespace gptj::serve
