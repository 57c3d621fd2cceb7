#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/server.hpp"

namespace innkeeper::http::test {

// A running server with one worker whose handler answers by path:
//   /echo   method, path, query, body as text
//   /big    1 MB
//   /empty  204
//   /drop   lets go of its Responder
//   /throw  throws
//   /hold…  waits until the test releases it
// Every request that reaches the handler is recorded.
class TestServer {
 public:
  using Adjust = std::function<void(config::GatewaySettings&)>;
  explicit TestServer(const Adjust& adjust = {});
  ~TestServer();

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] Server& server() { return server_; }

  // Paths that the handler has seen so far.
  [[nodiscard]] std::vector<std::string> seen();
  // Waits until so many requests are held, then answers them in the given order of arrival.
  void wait_for_held(std::size_t count);
  void release(const std::vector<std::size_t>& order);
  // Whether the client of that held request is known to be gone; asked on the worker's thread.
  [[nodiscard]] bool gone(std::size_t index);

  struct Counts {
    int opened = 0;
    int closed = 0;
    std::vector<std::string> turned_away;
    std::vector<int> refused;
  };
  [[nodiscard]] Counts counts();
  // Waits until the condition holds; false after ten seconds.
  bool wait(const std::function<bool(const Counts&)>& condition);
  // Waits until the worker has run all that was due before.
  void settle();

 private:
  [[nodiscard]] ServerHooks hooks();
  void handle(Request&& request, Responder respond);

  std::mutex mutex_;
  std::condition_variable changed_;
  Counts counts_;
  std::vector<std::string> seen_;
  std::vector<std::pair<std::string, Responder>> held_;
  Server server_;
};

}  // namespace innkeeper::http::test
