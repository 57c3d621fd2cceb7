#include "gateway/http/server.hpp"

#include "gateway/http/listener.hpp"
#include "gateway/http/server_shared.hpp"
#include "gateway/http/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>

namespace innkeeper::http {

struct Server::State {
  State(const config::GatewaySettings& settings, ServerHooks hooks)
      : shared(std::make_shared<ServerShared>(settings, std::move(hooks))) {
    std::size_t count = settings.threads;
    if (count == 0) count = std::max<std::size_t>(1, std::thread::hardware_concurrency() / 2);
    for (std::size_t index = 0; index < count; ++index) {
      workers.push_back(std::make_unique<Worker>(shared));
    }
  }

  void join() {
    for (const auto& worker : workers) worker->stop();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }

  std::shared_ptr<ServerShared> shared;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::uint16_t port = 0;
  bool started = false;
  bool down = false;
};

Server::Server(const config::GatewaySettings& settings, ServerHooks hooks)
    : state_(std::make_unique<State>(settings, std::move(hooks))) {}

Server::~Server() {
  if (state_->started && !state_->down) shutdown(std::chrono::milliseconds(0));
  state_->join();
}

std::size_t Server::worker_count() const noexcept { return state_->workers.size(); }

boost::asio::io_context& Server::io_context(std::size_t worker) {
  return state_->workers.at(worker)->context();
}

void Server::set_handler(std::size_t worker, Handler handler) {
  state_->workers.at(worker)->set_handler(std::move(handler));
}

domain::Result<void> Server::start() {
  State& state = *state_;
  const config::GatewaySettings& settings = state.shared->settings;
  if (settings.tls) {
    auto tls = TlsContext::load(*settings.tls);
    if (!tls) return tls.error();
    state.shared->tls = *std::move(tls);
  }
  auto opened = open_listen_sockets(settings.listen, state.workers.size());
  if (!opened) return opened.error();
  try {
    for (std::size_t index = 0; index < state.workers.size(); ++index) {
      state.workers[index]->listen(opened->sockets[index].release(), opened->ipv6);
    }
    for (const auto& worker : state.workers) {
      state.threads.emplace_back([&worker = *worker] { worker.run(); });
      const std::string name = "http-" + std::to_string(state.threads.size() - 1);
      ::pthread_setname_np(state.threads.back().native_handle(), name.c_str());
    }
  } catch (const std::exception& error) {
    state.join();
    return domain::Error{domain::ErrorCode::unavailable,
                         std::string("the HTTP workers cannot be started: ") + error.what(),
                         {},
                         0};
  }
  state.port = opened->port;
  state.started = true;
  return {};
}

std::uint16_t Server::port() const noexcept { return state_->port; }

std::size_t Server::in_flight() const noexcept {
  return state_->shared->in_flight.load(std::memory_order_relaxed);
}

bool Server::serving() const noexcept {
  return state_->started && std::all_of(state_->workers.begin(), state_->workers.end(),
                                        [](const auto& worker) { return worker->accepting(); });
}

bool Server::shutdown(std::chrono::milliseconds grace) {
  State& state = *state_;
  if (!state.started || state.down) return true;
  state.down = true;
  ServerShared& shared = *state.shared;
  std::unique_lock lock(shared.drain_mutex);
  shared.workers_open = state.workers.size();
  for (const auto& worker : state.workers) {
    boost::asio::post(worker->context(), [&worker = *worker] { worker.drain(); });
  }
  const auto all_closed = [&shared] { return shared.workers_open == 0; };
  if (shared.drained.wait_for(lock, grace, all_closed)) return true;
  for (const auto& worker : state.workers) {
    boost::asio::post(worker->context(), [&worker = *worker] { worker.close_all(); });
  }
  shared.drained.wait(lock, all_closed);
  return false;
}

}  // namespace innkeeper::http
