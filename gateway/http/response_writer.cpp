#include "gateway/http/response_writer.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace innkeeper::http {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += (byte < 0x20 && c != '\t') || byte == 0x7f ? ' ' : c;
  }
}

bool without_body(int status) noexcept { return status < 200 || status == 204 || status == 304; }

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

void append_response(std::string& out, const Response& response, ResponseShape shape,
                     std::string_view date_line) {
  // A final response has three digits and is not 1xx; anything else is the handler's mistake.
  const int status = response.status >= 200 && response.status <= 999 ? response.status : 500;
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out += ' ';
  out.append(reason_phrase(status));
  out.append("\r\n");
  out.append(date_line);
  const bool bodiless = without_body(status);
  if (!bodiless) {
    // An empty body that calls itself JSON makes clients fail (contract/hathora.md 1.5).
    if (!response.content_type.empty() && !response.body.empty()) {
      out.append("Content-Type: ");
      append_value(out, response.content_type);
      out.append("\r\n");
    }
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  for (const auto& [name, value] : response.headers) {
    append_value(out, name);
    out.append(": ");
    append_value(out, value);
    out.append("\r\n");
  }
  if (shape.close) {
    out.append("Connection: close\r\n");
  } else if (shape.http10) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  if (!bodiless && !shape.head) out.append(response.body);
}

void append_continue(std::string& out) { out.append("HTTP/1.1 100 Continue\r\n\r\n"); }

std::string_view DateLine::at(std::time_t now) {
  if (now == second_) return line_;
  // strftime would follow the locale; RFC 9110 section 5.6.7 wants English.
  static constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  if (gmtime_r(&now, &parts) == nullptr) return {};
  std::array<char, 96> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                    days.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                    months.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                    parts.tm_hour, parts.tm_min, parts.tm_sec);
  line_.assign(text.data(), static_cast<std::size_t>(size));
  second_ = now;
  return line_;
}

}  // namespace innkeeper::http
