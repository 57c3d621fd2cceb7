#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "gateway/http/message.hpp"

namespace innkeeper::http {

// How one response is framed (RFC 9112 section 6).
struct ResponseShape {
  bool head = false;    // answers HEAD: the length is told, the body is not sent
  bool http10 = false;  // keep-alive must be said
  bool close = false;   // the last one of its connection
};

// Appends the response as bytes. `date_line` is a whole header line or empty. Bytes that would end
// a header's line are sent as blanks.
void append_response(std::string& out, const Response& response, ResponseShape shape,
                     std::string_view date_line);

// Appends `100 Continue`.
void append_continue(std::string& out);

// The reason phrase of RFC 9110 for a status; "Status" when there is none.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

// The `Date` line, made anew when the second changes.
class DateLine {
 public:
  [[nodiscard]] std::string_view at(std::time_t now);

 private:
  std::time_t second_ = -1;
  std::string line_;
};

}  // namespace innkeeper::http
