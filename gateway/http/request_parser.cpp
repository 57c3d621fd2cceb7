#include "gateway/http/request_parser.hpp"

#include "gateway/http/request_message.hpp"

#include <algorithm>
#include <string>

namespace innkeeper::http {
namespace {

// Empty lines before a request line are skipped (RFC 9112 section 2.2), but not without end.
constexpr std::uint8_t blank_lines_max = 4;

}  // namespace

RequestParser::RequestParser(const ParseLimits& limits) noexcept : limits_(limits) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::fail(int status, std::string_view message) {
  state_ = State::failed;
  error_ = {status, message};
  message_.reset();
  return 0;
}

std::size_t RequestParser::feed(std::string_view bytes) {
  if (state_ == State::body) return feed_message(bytes);
  if (state_ == State::complete || state_ == State::failed) return 0;

  std::size_t skipped = 0;
  if (state_ == State::idle) {
    while (bytes.size() >= 2 && bytes[0] == '\r' && bytes[1] == '\n') {
      if (++blank_lines_ > blank_lines_max)
        return fail(400, "too many empty lines before a request");
      bytes.remove_prefix(2);
      skipped += 2;
    }
    if (bytes.empty() || bytes == "\r") return skipped;
    blank_lines_ = 0;
    state_ = State::head;
  }

  const HeadScanner::Result scanned =
      scanner_.scan(bytes.substr(0, std::min(bytes.size(), limits_.header_bytes)));
  if (scanned == HeadScanner::Result::refused) return skipped + fail(400, scanner_.problem());
  if (scanned == HeadScanner::Result::need_more) {
    if (bytes.size() < limits_.header_bytes) return skipped;
    return skipped + (scanner_.in_request_line()
                          ? fail(414, "the request line is longer than the limit on headers")
                          : fail(431, "the headers are larger than the limit"));
  }
  message_ = std::make_unique<Message>(limits_);
  message_->put_head(bytes.substr(0, scanner_.size()));
  return skipped + scanner_.size() + feed_message(bytes.substr(scanner_.size()));
}

std::size_t RequestParser::feed_message(std::string_view bytes) {
  std::size_t used = 0;
  if (message_->error().status == 0 && !message_->done()) used = message_->put(bytes);
  if (message_->error().status != 0) {
    const ParseError error = message_->error();
    return fail(error.status, error.message);
  }
  if (message_->done()) {
    state_ = State::complete;
    return used;
  }
  state_ = State::body;
  return used;
}

bool RequestParser::expects_continue() const noexcept {
  return state_ == State::body && message_->expects_continue();
}

RequestFacts RequestParser::facts() const noexcept { return message_->facts(); }

Request RequestParser::take() {
  Request request = message_->take();
  message_.reset();
  scanner_ = HeadScanner();
  state_ = State::idle;
  return request;
}

ParseOutcome parse_requests(std::string_view bytes, const ParseLimits& limits, std::size_t piece) {
  ParseOutcome outcome;
  RequestParser parser(limits);
  std::string held;
  while (!bytes.empty()) {
    const std::size_t count = piece == 0 ? bytes.size() : std::min(piece, bytes.size());
    held.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    std::size_t used = 0;
    while (used < held.size()) {
      used += parser.feed(std::string_view(held).substr(used));
      if (parser.state() == RequestParser::State::failed) {
        outcome.error = parser.error();
        return outcome;
      }
      if (parser.state() != RequestParser::State::complete) break;
      outcome.requests.push_back(parser.take());
    }
    held.erase(0, used);
  }
  outcome.partial = !held.empty() || parser.state() != RequestParser::State::idle;
  return outcome;
}

}  // namespace innkeeper::http
