#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/domain/result.hpp"
#include "config/settings.hpp"
#include "gateway/http/unique_fd.hpp"

namespace innkeeper::http {

// Listening sockets that share one address, one for each worker (SO_REUSEPORT), close-on-exec.
struct ListenSockets {
  std::vector<UniqueFd> sockets;
  bool ipv6 = false;
  std::uint16_t port = 0;
};
// Fails (`unavailable`), naming the address, when it cannot be resolved or bound. Also when another
// server has it: the first socket is bound exclusively.
[[nodiscard]] domain::Result<ListenSockets> open_listen_sockets(
    const config::ListenAddress& address, std::size_t count);

struct AcceptedSocket {
  UniqueFd socket;  // non-blocking, close-on-exec
  bool ipv6 = false;
  std::string peer;  // numeric address without port; IPv4 also when it arrived as mapped IPv6
};

// Accepts connections on one worker. When descriptors or memory run out it turns one waiting client
// away with its reserve descriptor and rests, instead of spinning on the same error.
class Listener {
 public:
  using Accepted = std::function<void(AcceptedSocket)>;
  using Refused = std::function<void(std::string_view reason)>;

  Listener(boost::asio::io_context& context, Accepted accepted, Refused refused);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start(UniqueFd socket, bool ipv6);
  // Takes what waits in the backlog, then closes the socket. Worker's thread.
  void stop();
  // Any thread.
  [[nodiscard]] bool accepting() const noexcept {
    return accepting_.load(std::memory_order_relaxed);
  }

 private:
  void wait();
  void accept_waiting();
  void rest();
  void turn_one_away();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  Accepted accepted_;
  Refused refused_;
  UniqueFd reserve_;
  std::atomic<bool> accepting_{false};
  bool ipv6_ = false;
};

}  // namespace innkeeper::http
