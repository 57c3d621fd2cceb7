#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/settings.hpp"
#include "actors/domain/result.hpp"
#include "gateway/http/message.hpp"

namespace boost::asio {
class io_context;
}

namespace innkeeper::http {

// What the server tells its owner as it goes; called on worker threads. Any of them may be empty.
struct ServerHooks {
  std::function<void()> connection_opened;
  std::function<void()> connection_closed;
  // "limit": more connections than allowed; "descriptors": the process has none left.
  std::function<void(std::string_view reason)> connection_refused;
  // A request that never reached the handler was answered by the server itself (bad request, too
  // large, too slow): status and time since its first byte.
  std::function<void(int status, double seconds)> refused_request;
  // True for requests that are answered even when `in_flight` is reached, such as health checks.
  std::function<bool(const Request&)> always_served;
};

// The HTTP listener: one io_context and thread per worker, SO_REUSEPORT sockets, HTTP/1.1 with
// keep-alive, pipelined requests answered in order, TLS by settings. Every limit of GatewayLimits
// is enforced here, except the rate per token.
//
// Life: construct, set_handler for each worker, start, …, shutdown, destroy. Not thread-safe: one
// owner.
class Server {
 public:
  Server(const config::GatewaySettings& settings, ServerHooks hooks);
  ~Server();  // precondition: not started, or shutdown has returned

  [[nodiscard]] std::size_t worker_count() const noexcept;
  // For work that must run on that worker's thread; valid as long as the server.
  [[nodiscard]] boost::asio::io_context& io_context(std::size_t worker);
  void set_handler(std::size_t worker, Handler handler);

  // Binds and listens, then starts the threads. Error (`unavailable`) when the address cannot be
  // bound or the TLS files cannot be used; the message names the address or file.
  [[nodiscard]] domain::Result<void> start();
  [[nodiscard]] std::uint16_t port() const noexcept;  // the real one, after start
  // Requests that handlers have and have not answered, over all workers.
  [[nodiscard]] std::size_t in_flight() const noexcept;
  // True while every listener accepts.
  [[nodiscard]] bool serving() const noexcept;

  // Stops accepting and answers what is in flight (each with `Connection: close`); after `grace`
  // closes what is left. Idle connections are closed at once. The io_contexts keep running until
  // destruction, so that actors hosted on them can end. False: something was left.
  bool shutdown(std::chrono::milliseconds grace);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace innkeeper::http
