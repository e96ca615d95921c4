// SPDX-License-Identifier: Apache-2.0
// How a connection waits for an answer while it watches the client, and sends the answer.
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <ctime>

#include "connection.h"
#include "gptj/gptj.h"

namespace gptj::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::seconds(1);
constexpr size_t kWriteAtOnce = 256 << 10;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

std::string hex(size_t value) {
  char digits[20];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

}  // namespace

// Prepares for an answer: makes the reply, and watches the client from now on.
void Connection::answer() {
  state_ = State::kAnswer;
  parser_.reset();
  deadline_.cancel();
  out_.clear();
  sent_ = sent_bytes_ = 0;
  status_ = 0;
  has_head_ = is_stream_ = is_chunked_ = finished_ = false;
  more_headers_ = context_.handlers.add_headers(request_);
  last_sent_ = Clock::now();
  ++context_.requests;
  reply_ = std::make_shared<Reply>([weak = weak_from_this(), executor = socket_.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) self->drain();
    });
  });
  watch();
  tick();
}

void Connection::watch() {
  if (std::exchange(watching_, true)) return;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](IoError error) {
    self->watching_ = false;
    if (!error && self->state_ == State::kAnswer) self->on_readable();
  });
}

// Bytes that have come are the client's next request, which is read after the answer; the ticker
// then looks for the client's end.
void Connection::on_readable() {
  char byte;
  const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    return client_left();
  }
  if (n < 0) watch();
}

bool Connection::client_has_left() {
  pollfd client{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&client, 1, 0) == 1 && (client.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Connection::client_left() {
  if (state_ != State::kAnswer) return;
  // Where the response is already being sent, a client may have closed its side of the connection.
  if (!keep_alive_ && finished_) return;
  reply_->stop(Reply::Stop::kGone);
  log();
  --context_.requests;
  reply_.reset();
  close();
}

void Connection::tick() {
  ticker_.expires_after(kTick);
  ticker_.async_wait([self = shared_from_this()](IoError error) {
    if (!error && self->state_ == State::kAnswer && self->reply_) self->on_tick();
  });
}

void Connection::on_tick() {
  if (client_has_left() && !finished_) return client_left();
  const Limits& limits = context_.limits;
  if (limits.request_seconds > 0 && seconds_since(began_) >= limits.request_seconds) {
    reply_->stop(Reply::Stop::kTimeout);
  }
  if (is_stream_ && !writing_ && !finished_ &&
      seconds_since(last_sent_) >= limits.silence_seconds) {
    put_bytes(": waiting\n\n");
    write();
  }
  tick();
}

void Connection::stop_request(Reply::Stop reason) {
  if (reply_) reply_->stop(reason);
}

// Takes what the reply has, and sends it.
void Connection::drain() {
  if (state_ != State::kAnswer || !reply_) return;
  Reply::Pending pending = reply_->take();
  if (pending.head) {
    put_head(*pending.head, pending.is_stream);
    if (!pending.is_stream && request_.method != "HEAD") out_ += pending.head->body;
  }
  if (!pending.bytes.empty()) put_bytes(pending.bytes);
  if (pending.finished) {
    finished_ = true;
    if (is_chunked_) out_ += "0\r\n\r\n";
  }
  if (is_stream_ && out_.size() - sent_ > context_.limits.unsent_bytes) return client_left();
  write();
}

// HTTP/1.0, which proxies speak, has no chunks: there the stream ends with the connection.
void Connection::put_head(const HttpResponse& head, bool is_stream) {
  has_head_ = true;
  status_ = head.status;
  is_stream_ = is_stream;
  is_chunked_ = is_stream && !request_.is_http_1_0;
  keep_alive_ = keep_alive_ && !head.close && !context_.closing && (!is_stream || is_chunked_);
  out_ += "HTTP/1.1 " + std::to_string(head.status) + " " + reason_phrase(head.status) + "\r\n";
  const auto put = [&](std::string_view name, std::string_view value) {
    out_.append(name).append(": ").append(value).append("\r\n");
  };
  put("Date", http_date());
  put("Server", std::string("gptj/") + version());
  put("x-request-id", request_.id);
  if (head.status != 204) put("Content-Type", head.content_type);
  if (is_chunked_) {
    put("Transfer-Encoding", "chunked");
  } else if (!is_stream && head.status != 204) {
    put("Content-Length", std::to_string(head.body.size()));
  }
  put("Connection", keep_alive_ ? "keep-alive" : "close");
  put("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : head.headers) put(name, value);
  for (const auto& [name, value] : more_headers_) put(name, value);
  out_ += "\r\n";
}

void Connection::put_bytes(std::string_view bytes) {
  if (is_chunked_) out_ += hex(bytes.size()) + "\r\n";
  out_ += bytes;
  if (is_chunked_) out_ += "\r\n";
}

void Connection::write() {
  if (writing_ || state_ != State::kAnswer) return;
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
    deadline_.cancel();
    if (finished_ && has_head_) end_request();
    return;
  }
  writing_ = true;
  set_deadline(context_.limits.stall_seconds);
  // What out_ holds may grow while it is sent, so the bytes are sent from a copy of a part.
  const auto part = std::make_shared<std::string>(out_, sent_, kWriteAtOnce);
  socket_.async_write_some(asio::buffer(*part),
                           [self = shared_from_this(), part](IoError error, size_t bytes) {
                             self->on_written(error, bytes);
                           });
}

void Connection::on_written(IoError error, size_t bytes) {
  writing_ = false;
  if (state_ != State::kAnswer) return;
  if (error) {
    finished_ = false;
    return client_left();
  }
  sent_ += bytes;
  sent_bytes_ += bytes;
  last_sent_ = Clock::now();
  if (sent_ > (1 << 20)) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  write();
}

void Connection::end_request() {
  log();
  --context_.requests;
  reply_.reset();
  ticker_.cancel();
  if (!keep_alive_ || context_.closing) return linger();
  out_.shrink_to_fit();
  state_ = State::kIdle;
  // The watch, if it is still armed, ends before the next wait begins.
  IoError ignored;
  socket_.cancel(ignored);
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->state_ == State::kIdle) self->wait_for_request();
  });
}

void Connection::log() {
  context_.handlers.on_served({.request = request_,
                               .status = status_,
                               .bytes = sent_bytes_,
                               .seconds = seconds_since(began_),
                               .note = reply_->note(),
                               .stop = reply_->stopped()});
}

}  // namespace gptj::serve
