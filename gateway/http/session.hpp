#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "gateway/http/message.hpp"
#include "gateway/http/request_parser.hpp"
#include "gateway/http/request_queue.hpp"
#include "gateway/http/server_shared.hpp"
#include "gateway/http/tls.hpp"

namespace innkeeper::http {

class Worker;

// One connection. Waits for readiness instead of starting reads, so an idle one owns no buffers.
// All of it runs on its worker's thread. Lives as long as its socket, or a Responder of one of its
// requests.
class Session final : public Responder::Sink, public std::enable_shared_from_this<Session> {
 public:
  using Clock = std::chrono::steady_clock;

  // Output that may wait for a slow reader before further requests are left unread.
  static constexpr std::size_t output_high_water = 64 * 1024;
  // How long, and how much, a client may go on sending after its last response. Without this,
  // closing would reset the connection and could take the response away from the client.
  static constexpr auto linger_time = std::chrono::seconds(1);
  static constexpr std::size_t linger_bytes_max = 1024 * 1024;

  // `counted`: it is one of the connections that the limit is about.
  Session(Worker& worker, boost::asio::ip::tcp::socket socket, std::string peer, bool counted);

  void start();
  // Instead of start(): answers 429 at once and closes.
  void refuse();
  // Enforces the timeouts.
  void expire(Clock::time_point now);
  // Sends what is ready, goes on reading if it may, closes if it is done.
  void settle();
  // Ends the connection after what has been received is answered; at once if there is nothing.
  void drain();
  void close();

  void respond(std::uint64_t request, Response response) override;
  void park(std::uint64_t request) override;
  [[nodiscard]] bool client_gone() const noexcept override { return closed_; }

 private:
  friend class Worker;

  // Input.
  void arm_read();
  void arm_error_watch();
  void receive();
  void on_bytes(std::string_view bytes);
  [[nodiscard]] std::size_t process(std::string_view bytes);
  void process_held();
  void dispatch();
  void fail(int status, std::string_view message);
  void end_input();
  [[nodiscard]] bool may_parse() const noexcept;
  [[nodiscard]] bool between_requests() const noexcept;

  // Output.
  void answer(std::uint64_t request, Response&& response);
  void write(const RequestFacts& facts, const Response& response);
  [[nodiscard]] bool flush();
  void arm_write();
  void finish();
  [[nodiscard]] std::size_t backlog() const noexcept;
  void refused_request(int status) const;

  std::shared_ptr<ServerShared> shared_;
  Worker* worker_;  // null once closed
  std::optional<boost::asio::ip::tcp::socket> socket_;
  std::unique_ptr<TlsFilter> tls_;
  RequestParser parser_;
  RequestQueue queue_;
  std::vector<std::uint64_t> parked_;  // requests that are not counted as in flight
  std::string peer_;
  std::string in_;                // received, not yet parsed
  std::string out_;               // responses to send (before encryption)
  std::string wire_;              // TLS only: encrypted bytes to send
  std::size_t sent_ = 0;          // of out_, or of wire_ with TLS
  std::size_t lingered_ = 0;      // bytes thrown away
  Clock::time_point since_;       // begin of: idleness, lingering
  Clock::time_point first_byte_;  // of the request being read
  Clock::time_point body_since_;
  Clock::time_point blocked_since_;
  Session* previous_ = nullptr;  // list of the worker
  Session* next_ = nullptr;
  bool counted_;
  bool closed_ = false;
  bool corked_ = false;  // inside of process(): responses are sent by who called it
  bool settle_queued_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool error_armed_ = false;
  bool stalled_ = false;     // in_ holds requests that may not be parsed yet
  bool paused_ = false;      // reading stopped for lack of room, not for lack of bytes
  bool peer_ended_ = false;  // the peer sends no more
  bool input_done_ = false;  // nothing after this point is interpreted
  bool continued_ = false;   // 100 Continue was sent for the request being read
  bool ending_ = false;      // the last response has been written
  bool lingering_ = false;
  bool draining_ = false;
};

}  // namespace innkeeper::http
