#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace innkeeper::http {

// Finds the end of a request's head and refuses, byte by byte as they arrive, what two parsers
// could read in two ways: lines that do not end in CRLF, folded lines, control characters (RFC 9112
// section 2.2, 5.2; RFC 9110 section 5.5). Beast is lenient about some of these, so it only ever
// sees heads that passed.
class HeadScanner {
 public:
  enum class Result : std::uint8_t { need_more, complete, refused };

  // `bytes` begins with the first byte of the request line; between calls it may only grow.
  [[nodiscard]] Result scan(std::string_view bytes);

  // After `complete`: bytes of the head, the empty line included.
  [[nodiscard]] std::size_t size() const noexcept { return position_; }
  // True until the request line has ended.
  [[nodiscard]] bool in_request_line() const noexcept { return !request_line_done_; }
  // After `refused`: static text for the client.
  [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

 private:
  Result refuse(std::string_view problem) noexcept;

  std::size_t position_ = 0;
  std::string_view problem_;
  bool after_cr_ = false;
  bool line_start_ = false;  // at the first byte of a line after the request line
  bool request_line_done_ = false;
  bool empty_line_ = false;  // the CR just seen was the first byte of its line
};

}  // namespace innkeeper::http
