#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/http/head_scanner.hpp"
#include "gateway/http/message.hpp"

namespace innkeeper::http {

struct ParseLimits {
  std::size_t header_bytes =
      16'384;                        // request line and headers with their line ends; also trailers
  std::size_t body_bytes = 262'144;  // after chunks are joined
};
inline constexpr std::size_t header_count_max = 100;
// Extensions of all chunks of a request together: we use none of them.
inline constexpr std::size_t chunk_extension_bytes_max = 1'024;

// Why a request is refused: the status to answer with and static text for the client.
struct ParseError {
  int status = 400;
  std::string_view message;
};

// How the response to a request must be framed.
struct RequestFacts {
  bool keep_alive = true;
  bool http10 = false;
  bool head = false;
};

// Reads requests of one connection out of bytes (RFC 9110, RFC 9112). Knows no sockets. After the
// first error it stays failed: what follows on the connection must not be interpreted.
class RequestParser {
 public:
  enum class State : std::uint8_t {
    idle,      // between requests
    head,      // some bytes of a head have arrived
    body,      // the head is complete, the body is not
    complete,  // take() the request
    failed,
  };

  explicit RequestParser(const ParseLimits& limits) noexcept;
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Parses at most one request. Returns how many bytes were used; those left must come again at the
  // front of the next call, with more behind them. Stops at the end of a request.
  [[nodiscard]] std::size_t feed(std::string_view bytes);

  [[nodiscard]] State state() const noexcept { return state_; }
  // In state `failed`.
  [[nodiscard]] const ParseError& error() const noexcept { return error_; }
  // In state `body`: the client waits for `100 Continue`, and has sent nothing of the body yet.
  [[nodiscard]] bool expects_continue() const noexcept;
  // In state `complete`.
  [[nodiscard]] RequestFacts facts() const noexcept;
  // In state `complete`: the request, without peer and time; the parser is idle afterwards.
  [[nodiscard]] Request take();

 private:
  class Message;  // one request under way

  std::size_t fail(int status, std::string_view message);
  std::size_t feed_message(std::string_view bytes);

  ParseLimits limits_;
  ParseError error_;
  std::unique_ptr<Message> message_;
  HeadScanner scanner_;
  std::uint8_t blank_lines_ = 0;
  State state_ = State::idle;
};

// All requests in `bytes`, as a connection would read them. For tests and fuzzing. `piece` is how
// many bytes arrive at once; 0: all.
struct ParseOutcome {
  std::vector<Request> requests;
  std::optional<ParseError> error;
  bool partial = false;  // ends inside of a request
};
[[nodiscard]] ParseOutcome parse_requests(std::string_view bytes, const ParseLimits& limits,
                                          std::size_t piece = 0);

}  // namespace innkeeper::http
