#include "gateway/http/request_message.hpp"

#include <algorithm>
#include <limits>

namespace innkeeper::http {
namespace {

namespace beast_http = boost::beast::http;

Method to_method(beast_http::verb verb) noexcept {
  // Beast knows some thirty verbs; all that no route can have are one to us.
  if (verb == beast_http::verb::get) return Method::get;
  if (verb == beast_http::verb::head) return Method::head;
  if (verb == beast_http::verb::post) return Method::post;
  if (verb == beast_http::verb::put) return Method::put;
  if (verb == beast_http::verb::patch) return Method::patch;
  if (verb == beast_http::verb::delete_) return Method::del;
  if (verb == beast_http::verb::options) return Method::options;
  return Method::other;
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool equals_lower(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

// host[:port] (RFC 9110 section 7.2). Strict enough that no two readers see two hosts in it.
bool valid_host(std::string_view host) noexcept {
  return std::all_of(host.begin(), host.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f &&
           std::string_view("\"#,/<>?@\\^`{|}").find(c) == std::string_view::npos;
  });
}

// Whether the request line ends in something that is a version, only not one that we speak.
bool names_other_version(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t space = line.rfind(' ');
  if (space == std::string_view::npos || std::count(line.begin(), line.end(), ' ') != 2)
    return false;
  std::string_view version = line.substr(space + 1);
  if (version.substr(0, 5) != "HTTP/") return false;
  version.remove_prefix(5);
  return !version.empty() && digit(version.front()) && digit(version.back()) &&
         std::all_of(version.begin(), version.end(), [](char c) { return digit(c) || c == '.'; });
}

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

ParseError from_beast(const boost::beast::error_code& ec, std::string_view head) {
  using beast_http::error;
  if (ec == error::body_limit) return {413, "the body is larger than the limit"};
  if (ec == error::header_limit) return {431, "the headers are larger than the limit"};
  if (ec == error::bad_version) {
    if (names_other_version(head)) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
    return {400, "the request line does not end in an HTTP version"};
  }
  if (ec == error::bad_method) return {400, "the method is malformed"};
  if (ec == error::bad_target) return {400, "the request target is malformed"};
  if (ec == error::bad_field) return {400, "a header name is malformed"};
  if (ec == error::bad_value) return {400, "a header value is malformed"};
  if (ec == error::bad_content_length) return {400, "Content-Length is malformed or out of place"};
  if (ec == error::multiple_content_length) return {400, "Content-Length is given more than once"};
  if (ec == error::bad_transfer_encoding) {
    return {400, "Transfer-Encoding is malformed or out of place"};
  }
  if (ec == error::bad_chunk) return {400, "a chunk's size or end is malformed"};
  if (ec == error::bad_chunk_extension) return {400, "a chunk's extension is malformed"};
  if (ec == error::bad_line_ending) return {400, "a line does not end in CRLF"};
  return {400, "the request is malformed"};
}

}  // namespace

RequestParser::Message::Message(const ParseLimits& limits) : header_bytes_(limits.header_bytes) {
  // The head arrives whole and within its limit.
  header_limit(std::numeric_limits<std::uint32_t>::max());
  body_limit(limits.body_bytes);
}

void RequestParser::Message::put_head(std::string_view head) {
  error_code ec;
  const std::size_t used = base::put({head.data(), head.size()}, ec);
  if (error_.status != 0) return;
  if (ec && ec != beast_http::error::need_more) {
    error_ = from_beast(ec, head);
  } else if (used != head.size() || !is_header_done()) {
    // Beast looks for the rest of a line beyond the end of the head.
    error_ = {400, "the request line is malformed"};
  }
}

std::size_t RequestParser::Message::put(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !is_done()) {
    std::string_view rest = bytes.substr(used);
    const bool line = at_chunk_line();
    if (line) {
      rest = rest.substr(0, chunk_line_size(rest));
      if (rest.empty()) break;
    }
    error_code ec;
    const std::size_t count = base::put({rest.data(), rest.size()}, ec);
    used += count;
    if (ec && ec != beast_http::error::need_more) {
      if (error_.status == 0) error_ = from_beast(ec, {});
      break;
    }
    if (line && count != rest.size()) {
      error_ = {400, "a chunk's line is malformed"};
      break;
    }
  }
  return used;
}

bool RequestParser::Message::at_chunk_line() const noexcept {
  return head_done_ && coding_seen_ && chunk_left_ == 0;
}

// Beast is given the line of a chunk, and the last one's trailers with it, at once and alone: it
// aborts in some builds when they arrive in pieces, and reads a quoted extension on into the data.
std::size_t RequestParser::Message::chunk_line_size(std::string_view bytes) {
  std::size_t data_end = 0;
  if (chunks_begun_) {
    if (bytes[0] != '\r' || (bytes.size() > 1 && bytes[1] != '\n')) {
      error_ = {400, "a chunk is longer than its size"};
      return 0;
    }
    if (bytes.size() < 2) return 0;
    bytes.remove_prefix(2);
    data_end = 2;
  }
  const std::size_t line = std::min(bytes.find('\r'), bytes.size());
  if (line > chunk_extension_bytes_max) {
    error_ = {400, "a chunk's line is too long"};
    return 0;
  }
  for (const char c : bytes.substr(0, line)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      error_ = {400, "a chunk's line holds a control character"};
      return 0;
    }
  }
  if (bytes.size() < line + 2) return 0;
  const std::size_t zeros = std::min(bytes.find_first_not_of('0'), line);
  const bool last = zeros > 0 && (zeros == line || bytes[zeros] == ';');
  if (!last) return data_end + line + 2;
  const HeadScanner::Result scanned =
      last_chunk_.scan(bytes.substr(0, std::min(bytes.size(), header_bytes_)));
  if (scanned == HeadScanner::Result::complete) return data_end + last_chunk_.size();
  if (scanned == HeadScanner::Result::refused) {
    error_ = {400, last_chunk_.problem()};
  } else if (bytes.size() >= header_bytes_) {
    error_ = {431, "the trailers are larger than the limit on headers"};
  }
  return 0;
}

RequestFacts RequestParser::Message::facts() const {
  return {keep_alive(), http10_, request_.method == Method::head};
}

void RequestParser::Message::refuse(int status, std::string_view message, error_code& ec) {
  error_ = {status, message};
  ec = beast_http::error::bad_value;
}

void RequestParser::Message::on_request_impl(beast_http::verb method, string_view,
                                             string_view target, int version, error_code& ec) {
  request_.method = to_method(method);
  request_.headers.reserve(8);
  http10_ = version == 10;
  read_target(view(target), ec);
}

// RFC 9112 section 3.2: origin-form, absolute-form, and `*` for OPTIONS.
void RequestParser::Message::read_target(std::string_view target, error_code& ec) {
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  if (target.empty() || !std::all_of(target.begin(), target.end(), printable)) {
    return refuse(400, "the request target holds a character that must be percent-encoded", ec);
  }
  if (target == "*") {
    if (request_.method != Method::options) {
      return refuse(400, "the target * is for OPTIONS only", ec);
    }
    request_.path.push_back('*');
    return;
  }
  if (target.front() != '/') {
    const std::size_t colon = target.find("://");
    if (colon == std::string_view::npos || !(equals_lower(target.substr(0, colon), "http") ||
                                             equals_lower(target.substr(0, colon), "https"))) {
      return refuse(400, "the request target is neither a path nor an http URL", ec);
    }
    target.remove_prefix(colon + 3);
    const std::size_t path = std::min(target.find_first_of("/?"), target.size());
    if (path == 0 || !valid_host(target.substr(0, path))) {
      return refuse(400, "the request target names no valid host", ec);
    }
    target.remove_prefix(path);
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  request_.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  if (question < target.size()) request_.query = target.substr(question + 1);
}

void RequestParser::Message::on_field_impl(field f, string_view name, string_view value,
                                           error_code& ec) {
  if (++fields_ > header_count_max) return refuse(431, "there are too many headers", ec);
  // Trailers are read over: nothing here asks for any, and they must not pass for headers.
  if (head_done_) return;
  check_field(f, view(value), ec);
  if (ec) return;
  auto& [stored_name, stored_value] = request_.headers.emplace_back();
  stored_name.resize(name.size());
  std::transform(name.begin(), name.end(), stored_name.begin(), lower);
  stored_value.assign(value.data(), value.size());
}

void RequestParser::Message::check_field(field f, std::string_view value, error_code& ec) {
  if (f == field::host) {
    if (host_seen_) return refuse(400, "Host is given more than once", ec);
    host_seen_ = true;
    if (!valid_host(value)) return refuse(400, "Host is malformed", ec);
  } else if (f == field::content_length) {
    // Beast reads a list of equal lengths as one; a proxy in front may not.
    if (length_seen_) return refuse(400, "Content-Length is given more than once", ec);
    length_seen_ = true;
    if (value.empty() || value.size() > 19 || !std::all_of(value.begin(), value.end(), digit)) {
      return refuse(400, "Content-Length is malformed", ec);
    }
  } else if (f == field::transfer_encoding) {
    if (coding_seen_) return refuse(400, "Transfer-Encoding is given more than once", ec);
    coding_seen_ = true;
    if (http10_) return refuse(400, "Transfer-Encoding has no place in HTTP/1.0", ec);
    // Beast takes any list without a final `chunked` for a request without a body.
    if (!equals_lower(value, "chunked")) {
      return refuse(501, "no transfer encoding but chunked is understood", ec);
    }
  } else if (f == field::expect) {
    if (!equals_lower(value, "100-continue")) {
      return refuse(417, "no expectation but 100-continue can be met", ec);
    }
    expects_continue_ = !http10_;  // RFC 9110 section 10.1.1
  }
}

void RequestParser::Message::on_header_impl(error_code& ec) {
  head_done_ = true;
  if (length_seen_ && coding_seen_) {
    return refuse(400, "Content-Length and Transfer-Encoding exclude each other", ec);
  }
  if (!host_seen_ && !http10_) refuse(400, "Host is missing", ec);
}

void RequestParser::Message::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                               error_code&) {
  // A length that is only claimed must not take memory.
  if (length)
    request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 16'384)));
}

std::size_t RequestParser::Message::on_body_impl(string_view body, error_code&) {
  body_begun_ = true;
  request_.body.append(body.data(), body.size());
  return body.size();
}

void RequestParser::Message::on_chunk_header_impl(std::uint64_t size, string_view extensions,
                                                  error_code& ec) {
  body_begun_ = true;
  chunks_begun_ = true;
  chunk_left_ = size;
  if (extensions.empty()) return;
  extension_bytes_ += extensions.size();
  if (extension_bytes_ > chunk_extension_bytes_max) {
    return refuse(400, "the extensions of chunks are too long", ec);
  }
  if (extensions.front() != ';') refuse(400, "a chunk's extension is malformed", ec);
}

std::size_t RequestParser::Message::on_chunk_body_impl(std::uint64_t, string_view body,
                                                       error_code& ec) {
  chunk_left_ -= body.size();
  return on_body_impl(body, ec);
}

void RequestParser::Message::on_response_impl(int, string_view, int, error_code&) {}
void RequestParser::Message::on_finish_impl(error_code&) {}

}  // namespace innkeeper::http
