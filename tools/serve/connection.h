// SPDX-License-Identifier: Apache-2.0
// Part of the server: see server.h. Only .cc files of the server include this, because it names
// Boost.
#pragma once

#include <atomic>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server.h"

namespace gptj::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
using IoError = boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;

// What all connections of a server share.
struct ConnectionContext {
  const Limits& limits;
  const Handlers& handlers;
  bool closing = false;  // connections end with their response
  std::atomic<int64_t> connections = 0;
  std::atomic<int64_t> requests = 0;
};

// One connection: reads a request, waits for its answer while it watches the client, sends the
// answer, and begins anew. Everything happens on the server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, Socket socket, ConnectionContext& context);
  ~Connection();

  void start() { wait_for_request(); }
  // Sends a response at once and closes, without reading a request.
  void refuse(HttpResponse response);
  // Asks the request that is being answered, if any, to end early.
  void stop_request(Reply::Stop reason);
  // Ends the connection if it is idle.
  void close_if_idle();

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;
  enum class State { kIdle, kHeader, kBody, kAnswer, kLinger, kClosed };

  void wait_for_request();
  void read_header();
  void on_header(IoError error);
  bool fill_request();
  void check_header();
  void read_body();
  void on_body(IoError error);
  void answer();
  void respond_and_close(int status, const std::string& message, const std::string& code);

  void watch();
  void on_readable();
  bool client_has_left();
  void client_left();
  void tick();
  void on_tick();

  void drain();
  void put_head(const HttpResponse& head, bool is_stream);
  void put_bytes(std::string_view bytes);
  void write();
  void on_written(IoError error, size_t bytes);
  void end_request();
  void log();

  void set_deadline(double seconds);
  void on_deadline();
  void linger();
  void close();

  Socket socket_;
  ConnectionContext& context_;
  asio::steady_timer deadline_, ticker_;
  State state_ = State::kIdle;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpRequest request_;
  std::shared_ptr<Reply> reply_;
  Headers more_headers_;
  std::chrono::steady_clock::time_point began_, last_sent_;
  std::string out_;  // what is to be sent
  size_t sent_ = 0;  // how much of out_ has been sent
  uint64_t sent_bytes_ = 0;
  int status_ = 0;
  bool writing_ = false, has_head_ = false, is_stream_ = false, is_chunked_ = false;
  bool finished_ = false, keep_alive_ = false, watching_ = false, timed_out_ = false;
};

}  // namespace gptj::serve
