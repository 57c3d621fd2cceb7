#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/http/buffer_pool.hpp"
#include "gateway/http/listener.hpp"
#include "gateway/http/response_writer.hpp"
#include "gateway/http/server_shared.hpp"

namespace innkeeper::http {

class Session;

// One I/O thread's share of the server: its listener, its connections, and what they use in turn.
// Unless said otherwise, everything is called on the thread that runs its io_context.
class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Worker(std::shared_ptr<ServerShared> shared);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  // Before run().
  void set_handler(Handler handler) { handler_ = std::move(handler); }
  // Before run(). Takes the listening socket.
  void listen(int socket, bool ipv6);
  // Serves until stop(); the body of the worker's thread.
  void run();
  // Any thread.
  void stop();
  // Any thread.
  [[nodiscard]] bool accepting() const noexcept { return listener_.accepting(); }

  // Stops accepting, closes idle connections, lets the others finish. When the last one is gone,
  // `ServerShared::workers_open` goes down by one.
  void drain();
  void close_all();

  // For sessions.
  [[nodiscard]] const std::shared_ptr<ServerShared>& shared() const noexcept { return shared_; }
  [[nodiscard]] const Handler& handler() const noexcept { return handler_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  // Where bytes are received; valid until the next call into the io_context.
  [[nodiscard]] std::array<char, 16 * 1024>& scratch() noexcept { return scratch_; }
  // The time of the last tick(): reading the clock once per event is enough.
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }
  void tick() noexcept { now_ = Clock::now(); }
  [[nodiscard]] std::string_view date_line();
  // Settles the session when the handlers that are due now have run, so that their responses leave
  // in one send.
  void settle_later(std::shared_ptr<Session> session);
  void remove(Session& session, bool counted);

 private:
  void accept(AcceptedSocket accepted);
  void add(Session& session);
  void arm_sweep();
  void sweep();
  void settle_queued();
  void report_drained();

  std::shared_ptr<ServerShared> shared_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Handler handler_;
  Listener listener_;
  boost::asio::steady_timer sweep_timer_;
  Clock::duration sweep_interval_;
  Clock::time_point now_ = Clock::now();
  Session* first_ = nullptr;  // intrusive list of all sessions
  std::size_t refused_ = 0;   // sessions that only tell the client to go
  std::vector<std::shared_ptr<Session>> unsettled_;
  std::vector<std::shared_ptr<Session>> settling_;
  BufferPool buffers_;
  DateLine date_;
  bool sweeping_ = false;
  bool settle_posted_ = false;
  bool draining_ = false;
  bool drained_ = false;
  std::array<char, 16 * 1024> scratch_{};
};

}  // namespace innkeeper::http
