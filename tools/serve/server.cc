// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <list>
#include <vector>

#include "connection.h"
#include "errors.h"
#include "gptj/error.h"

namespace gptj::serve {
namespace {

// After accept() has failed for want of descriptors or memory, none is tried for this long.
constexpr auto kAcceptPause = std::chrono::milliseconds(200);

[[noreturn]] void fail(const std::string& what, const IoError& error) {
  throw Error(ErrorCode::kIo, what + ": " + error.message());
}

}  // namespace

struct Server::State {
  State(const Limits& l, Handlers h)
      : limits(l), handlers(std::move(h)), context{limits, handlers}, signals(io) {}

  template <class Acceptor>
  void accept(Acceptor& acceptor);
  void add(Socket socket);
  template <class F>
  void for_each(const F& f);

  const Limits limits;
  const Handlers handlers;
  asio::io_context io{1};
  ConnectionContext context;
  asio::signal_set signals;
  std::list<asio::ip::tcp::acceptor> tcp;
  std::list<asio::local::stream_protocol::acceptor> local;
  std::vector<std::string> files;  // socket files to remove at the end
  std::list<std::weak_ptr<Connection>> connections;
};

template <class Acceptor>
void Server::State::accept(Acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor](IoError error, auto socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      add(Socket(std::move(socket)));
      return accept(acceptor);
    }
    // No descriptor is left, say: trying again at once would only take time from the others.
    auto pause = std::make_shared<asio::steady_timer>(io, kAcceptPause);
    pause->async_wait([this, &acceptor, pause](IoError stopped) {
      if (!stopped) accept(acceptor);
    });
  });
}

void Server::State::add(Socket socket) {
  IoError ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);  // a socket file has none
  const auto connection = std::make_shared<Connection>(io, std::move(socket), context);
  if (context.connections > limits.connections) {
    ApiError error{.status = 503,
                   .message = "expected at most " + std::to_string(limits.connections) +
                              " connections, found more; try again later",
                   .type = "server_error",
                   .code = "too_many_connections",
                   .headers = {{"Retry-After", "1"}}};
    return connection->refuse(error_response(error));
  }
  connections.remove_if([](const std::weak_ptr<Connection>& weak) { return weak.expired(); });
  connections.push_back(connection);
  connection->start();
}

template <class F>
void Server::State::for_each(const F& f) {
  for (const std::weak_ptr<Connection>& weak : connections) {
    if (const auto connection = weak.lock()) f(*connection);
  }
}

Server::Server(const Limits& limits, Handlers handlers)
    : state_(std::make_unique<State>(limits, std::move(handlers))) {}

Server::~Server() {
  for (const std::string& file : state_->files) ::unlink(file.c_str());
}

int Server::listen(const std::string& host, int port) {
  const std::string name = host + ":" + std::to_string(port);
  IoError error;
  asio::ip::tcp::resolver resolver(state_->io);
  const auto found =
      resolver.resolve(host, std::to_string(port), asio::ip::tcp::resolver::passive, error);
  if (error || found.empty()) fail(name + ": cannot find the address", error);
  const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  asio::ip::tcp::acceptor acceptor(state_->io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) fail(name + ": cannot listen", error);
  state_->tcp.push_back(std::move(acceptor));
  state_->accept(state_->tcp.back());
  return state_->tcp.back().local_endpoint().port();
}

void Server::listen(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
  IoError error;
  asio::local::stream_protocol::acceptor acceptor(state_->io);
  acceptor.open(asio::local::stream_protocol(), error);
  if (path.size() > 107) fail(path + ": expected a path of at most 107 bytes", error);
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(path), error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) fail(path + ": cannot listen", error);
  state_->files.push_back(path);
  state_->local.push_back(std::move(acceptor));
  state_->accept(state_->local.back());
}

void Server::run(const std::function<void(int signal)>& on_signal) {
  state_->signals.add(SIGINT);
  state_->signals.add(SIGTERM);
  std::function<void()> wait = [&] {
    state_->signals.async_wait([&](IoError error, int signal) {
      if (error) return;
      on_signal(signal);
      wait();
    });
  };
  wait();
  const auto guard = asio::make_work_guard(state_->io);
  state_->io.run();
}

void Server::post(std::function<void()> work) { asio::post(state_->io, std::move(work)); }

void Server::after(double seconds, std::function<void()> work) {
  post([this, seconds, work = std::move(work)] {
    const auto timer = std::make_shared<asio::steady_timer>(
        state_->io, std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
    timer->async_wait([timer, work](IoError error) {
      if (!error) work();
    });
  });
}

void Server::stop() { state_->io.stop(); }

void Server::close_after_responses() {
  state_->context.closing = true;
  state_->for_each([](Connection& connection) { connection.close_if_idle(); });
}

void Server::stop_requests(Reply::Stop reason) {
  state_->for_each([&](Connection& connection) { connection.stop_request(reason); });
}

int64_t Server::connections() const { return state_->context.connections; }
int64_t Server::requests() const { return state_->context.requests; }

}  // namespace gptj::serve
