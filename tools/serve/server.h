// SPDX-License-Identifier: Apache-2.0
// The HTTP server: sockets, connections, deadlines and limits, all on the thread that calls run().
// Knows no route and no model.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "http.h"
#include "reply.h"
#include "server_limits.h"

namespace gptj::serve {

// What a request cost, when its response has been sent or its client has left.
struct Served {
  const HttpRequest& request;
  int status = 0;  // 0: the client left before there was an answer
  uint64_t bytes = 0;
  double seconds = 0;
  RequestNote note;
  Reply::Stop stop = Reply::Stop::kNone;
};

// How requests are answered. All functions are called on the server's thread, and must return at
// once.
struct Handlers {
  // Looks at a request's header, before the body is read. A response that is returned is sent
  // instead of an answer.
  std::function<std::optional<HttpResponse>(const HttpRequest& request)> screen;
  // Returns headers to add to any answer.
  std::function<Headers(const HttpRequest& request)> add_headers;
  // Answers a whole request, now or later, from any thread.
  std::function<void(HttpRequest request, std::shared_ptr<Reply> reply)> answer;
  std::function<void(const Served& served)> on_served;
};

class Server {
 public:
  Server(const Limits& limits, Handlers handlers);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens on a TCP port (0: any free one) of a name or address, and returns the port. Throws kIo.
  int listen(const std::string& host, int port);
  // Listens on a socket file, which is replaced if it is a socket. Throws kIo.
  void listen(const std::string& path);

  // Serves until stop(). `on_signal` is called for each SIGINT and SIGTERM.
  void run(const std::function<void(int signal)>& on_signal);
  // Calls `work` on the server's thread, soon, or after so many seconds. Any thread may call these.
  void post(std::function<void()> work);
  void after(double seconds, std::function<void()> work);
  // Makes run() return. Any thread may call this.
  void stop();

  // From now on connections end with their response.
  void close_after_responses();
  // Asks all requests that are being answered to end early.
  void stop_requests(Reply::Stop reason);

  // Connections that are open now, requests that are being answered. Any thread may call these.
  int64_t connections() const;
  int64_t requests() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace gptj::serve
