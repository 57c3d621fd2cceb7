#include "gateway/http/head_scanner.hpp"

#include <array>

namespace innkeeper::http {
namespace {

// True for the bytes that need a closer look: controls (but HT) and DEL.
constexpr std::array<bool, 256> make_special() {
  std::array<bool, 256> special{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) special[byte] = true;
  special[0x7f] = true;
  special['\t'] = false;
  return special;
}
constexpr std::array<bool, 256> special = make_special();

}  // namespace

HeadScanner::Result HeadScanner::refuse(std::string_view problem) noexcept {
  problem_ = problem;
  return Result::refused;
}

HeadScanner::Result HeadScanner::scan(std::string_view bytes) {
  const std::size_t size = bytes.size();
  while (position_ < size) {
    const auto byte = static_cast<unsigned char>(bytes[position_]);
    if (after_cr_) {
      if (byte != '\n')
        return refuse("a carriage return in the head is not followed by a line feed");
      ++position_;
      after_cr_ = false;
      if (empty_line_) return Result::complete;
      request_line_done_ = true;
      line_start_ = true;
      continue;
    }
    if (line_start_) {
      if (byte == ' ' || byte == '\t') return refuse("folded header lines are not accepted");
      empty_line_ = byte == '\r';
      line_start_ = false;
    }
    if (!special[byte]) {
      ++position_;
      continue;
    }
    if (byte == '\r') {
      after_cr_ = true;
      ++position_;
      continue;
    }
    if (byte == '\n') return refuse("a line of the head does not end in CRLF");
    return refuse("the head holds a control character");
  }
  return Result::need_more;
}

}  // namespace innkeeper::http
