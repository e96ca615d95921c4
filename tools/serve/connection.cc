// SPDX-License-Identifier: Apache-2.0
// How a connection reads requests, and how it ends.
#include "connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/read.hpp>
#include <random>

#include "errors.h"

namespace gptj::serve {
namespace {

using Clock = std::chrono::steady_clock;
using beast::http::error;

constexpr double kBodyBytesPerSecond = 10'000;
constexpr double kLingerSeconds = 2;

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

// Returns an id for a request that brings none: 16 hexadecimal digits.
std::string new_id() {
  static std::mt19937_64 random{std::random_device{}()};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id = "req-";
  for (uint64_t bits = random(), i = 0; i < 16; ++i, bits >>= 4) id += kDigits[bits & 15];
  return id;
}

// Returns whether a client's x-request-id may be sent back and written to a log.
bool is_plain_id(const std::string& id) {
  const auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), plain);
}

// Returns whether the parser found the bytes to be against HTTP's rules. A connection that ends too
// early is none of that.
bool is_malformed(const IoError& found) {
  return found.category() == beast::http::make_error_code(error::bad_method).category() &&
         found != error::end_of_stream && found != error::partial_message;
}

}  // namespace

Connection::Connection(asio::io_context& io, Socket socket, ConnectionContext& context)
    : socket_(std::move(socket)), context_(context), deadline_(io), ticker_(io) {
  ++context_.connections;
}

Connection::~Connection() { --context_.connections; }

void Connection::set_deadline(double seconds) {
  deadline_.expires_after(nanoseconds(seconds));
  deadline_.async_wait([self = shared_from_this()](IoError error_code) {
    // The deadline may have moved on while this call was on its way.
    if (!error_code && self->deadline_.expiry() <= Clock::now()) self->on_deadline();
  });
}

void Connection::on_deadline() {
  if (state_ == State::kHeader || state_ == State::kBody) {
    // The read that is under way ends first, and answers.
    timed_out_ = true;
    IoError ignored;
    socket_.cancel(ignored);
  } else if (state_ == State::kAnswer) {  // the client reads nothing
    finished_ = false;
    client_left();
  } else {
    close();
  }
}

void Connection::wait_for_request() {
  state_ = State::kIdle;
  parser_.reset();
  if (buffer_.size() > 0) return read_header();  // the client sent several requests at once
  buffer_.shrink_to_fit();
  set_deadline(context_.limits.idle_seconds);
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](IoError error_code) {
    if (self->state_ != State::kIdle) return;
    if (error_code) return self->close();
    self->read_header();
  });
}

void Connection::read_header() {
  state_ = State::kHeader;
  began_ = Clock::now();
  set_deadline(context_.limits.header_seconds);
  buffer_.max_size(context_.limits.header_bytes + (64 << 10));
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(context_.limits.header_bytes));
  parser_->body_limit(context_.limits.body_bytes);
  beast::http::async_read_header(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](IoError error_code, size_t) { self->on_header(error_code); });
}

void Connection::on_header(IoError error_code) {
  if (state_ != State::kHeader) return;
  if (timed_out_) {
    return respond_and_close(408, "the request's header did not come in time", "header_timeout");
  }
  if (!error_code) {
    if (fill_request()) check_header();
    return;
  }
  fill_request();
  if (error_code == error::header_limit || error_code == error::buffer_overflow) {
    return respond_and_close(431,
                             "expected a header of at most " +
                                 std::to_string(context_.limits.header_bytes) +
                                 " bytes, found more",
                             "header_too_large");
  }
  if (error_code == error::body_limit) {
    return respond_and_close(413,
                             "expected a body of at most " +
                                 std::to_string(context_.limits.body_bytes) + " bytes, found more",
                             "body_too_large");
  }
  if (is_malformed(error_code)) {
    return respond_and_close(400, "not HTTP/1.1: " + error_code.message(), "bad_http");
  }
  close();
}

// Sets request_ from the header, as far as there is one. Answers and returns false if the header is
// against the rules.
bool Connection::fill_request() {
  request_ = {};
  const auto& message = parser_->get();
  const std::string target(message.target());
  request_.method = std::string(message.method_string());
  request_.path = target.substr(0, target.find('?'));
  if (request_.path.size() < target.size())
    request_.query = target.substr(request_.path.size() + 1);
  for (const auto& field : message) {
    request_.headers.emplace_back(
        lower_case({field.name_string().data(), field.name_string().size()}),
        std::string(field.value()));
  }
  request_.is_http_1_0 = message.version() < 11;
  const std::string* id = request_.header("x-request-id");
  request_.id = id != nullptr && is_plain_id(*id) ? *id : new_id();
  keep_alive_ = parser_->is_header_done() && message.keep_alive() && !context_.closing;
  if (!parser_->is_header_done()) return false;
  const auto hosts = std::count_if(request_.headers.begin(), request_.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1 || (hosts == 0 && !request_.is_http_1_0)) {
    respond_and_close(400, "expected one Host header, found " + std::to_string(hosts), "bad_host");
    return false;
  }
  return true;
}

// Refuses what the header alone refuses, before the body is read.
void Connection::check_header() {
  const uint64_t most = context_.limits.body_bytes;
  const auto length = parser_->content_length();
  if (length && *length > most) {
    return respond_and_close(413,
                             "expected a body of at most " + std::to_string(most) +
                                 " bytes, found " + std::to_string(*length),
                             "body_too_large");
  }
  if (std::optional<HttpResponse> refusal = context_.handlers.screen(request_)) {
    // The body, if there is one, is not read.
    if (!parser_->is_done()) keep_alive_ = false;
    answer();
    return reply_->send(std::move(*refusal));
  }
  const std::string* expected = request_.header("expect");
  if (expected != nullptr && lower_case(*expected) != "100-continue") {
    return respond_and_close(417, "Expect: expected 100-continue, found " + *expected,
                             "bad_expect");
  }
  if (expected == nullptr || request_.is_http_1_0 || parser_->is_done()) return read_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  state_ = State::kBody;
  set_deadline(context_.limits.body_seconds);
  asio::async_write(socket_, asio::buffer(kContinue),
                    [self = shared_from_this()](IoError error_code, size_t) {
                      if (self->state_ != State::kBody) return;
                      if (error_code) return self->on_body(error_code);
                      self->read_body();
                    });
}

void Connection::read_body() {
  state_ = State::kBody;
  const double bytes =
      static_cast<double>(parser_->content_length().value_or(context_.limits.body_bytes));
  set_deadline(context_.limits.body_seconds + bytes / kBodyBytesPerSecond);
  if (parser_->is_done()) return on_body({});
  beast::http::async_read(
      socket_, buffer_, *parser_,
      [self = shared_from_this()](IoError error_code, size_t) { self->on_body(error_code); });
}

void Connection::on_body(IoError error_code) {
  if (state_ != State::kBody) return;
  if (timed_out_) {
    return respond_and_close(408, "the request's body did not come in time", "body_timeout");
  }
  if (error_code == error::body_limit) {
    return respond_and_close(413,
                             "expected a body of at most " +
                                 std::to_string(context_.limits.body_bytes) + " bytes, found more",
                             "body_too_large");
  }
  if (is_malformed(error_code)) {
    return respond_and_close(400, "the body is not as the header says: " + error_code.message(),
                             "bad_http");
  }
  if (error_code) return close();
  HttpRequest whole = request_;
  whole.body = std::move(parser_->get().body());
  answer();
  context_.handlers.answer(std::move(whole), reply_);
}

void Connection::respond_and_close(int status, const std::string& message,
                                   const std::string& code) {
  keep_alive_ = false;
  if (request_.id.empty()) request_.id = new_id();
  answer();
  reply_->send(error_response({.status = status, .message = message, .code = code}));
}

void Connection::refuse(HttpResponse response) {
  keep_alive_ = false;
  began_ = Clock::now();
  request_.id = new_id();
  answer();
  reply_->send(std::move(response));
}

void Connection::close_if_idle() {
  if (state_ == State::kIdle) close();
}

// Ends a connection whose client may still be sending: reads on for a moment, because closing with
// unread bytes would take the response from the client.
void Connection::linger() {
  IoError ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  if (state_ != State::kLinger) set_deadline(kLingerSeconds);
  state_ = State::kLinger;
  buffer_.clear();
  buffer_.max_size(64 << 10);
  socket_.async_read_some(buffer_.prepare(16 << 10),
                          [self = shared_from_this()](IoError error_code, size_t) {
                            if (self->state_ != State::kLinger) return;
                            if (error_code) return self->close();
                            self->linger();
                          });
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  deadline_.cancel();
  ticker_.cancel();
  IoError ignored;
  socket_.close(ignored);
}

}  // namespace gptj::serve
