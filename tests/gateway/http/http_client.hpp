#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace innkeeper::http::test {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

// A client that sends raw bytes and reads replies, over a blocking socket with a deadline for each
// read.
class Client {
 public:
  static constexpr std::chrono::milliseconds patience{10'000};

  // `receive_buffer`: SO_RCVBUF, when not 0. Throws when it cannot connect.
  explicit Client(std::uint16_t port, int receive_buffer = 0);
  ~Client();
  Client(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False when the server has gone.
  bool send(std::string_view bytes);
  // Sends what the socket takes at once; returns how much that was.
  std::size_t send_some(std::string_view bytes);
  void shutdown_write();
  // Closes with a reset.
  void reset();
  void close();
  // The next reply; nothing at the end of the connection. Throws when it takes too long or is
  // malformed.
  std::optional<Reply> read_reply(bool to_head = false);
  // All bytes until the server closes.
  std::string read_all();
  // True when the server has closed (in order or with a reset) within the client's patience.
  bool closed();
  // True when a byte (or the end) can be read within that time.
  bool readable(std::chrono::milliseconds within) const;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  bool fill();

  int fd_ = -1;
  std::string buffer_;
};

// "GET <target>" with a Host.
std::string get(std::string_view target, std::string_view more_headers = {});
std::string post(std::string_view target, std::string_view body,
                 std::string_view more_headers = {});

}  // namespace innkeeper::http::test
