#include "gateway/routes/error_response.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "gateway/json/error_json.hpp"

namespace innkeeper::routes {
namespace {

using domain::ErrorCode;

struct Meaning {
  ErrorCode code;
  std::string_view name;
  std::string_view text;
};

constexpr std::array meanings{
    Meaning{
        ErrorCode::invalid, "invalid",
        "A value in the body, the query or a header breaks a rule; the message names the field. "
        "Correct the request."},
    Meaning{ErrorCode::unauthenticated, "unauthenticated",
            "The bearer token is missing or not valid."},
    Meaning{ErrorCode::quota_exceeded, "quota_exceeded",
            "A limit of the subscription is reached. End something, or ask for a higher limit."},
    Meaning{ErrorCode::not_found, "not_found",
            "There is no such app, room, process or deployment, or the room has been destroyed."},
    Meaning{ErrorCode::refused, "refused",
            "The request is understood and not possible in the present state, for example because "
            "the room id is taken."},
    Meaning{ErrorCode::overloaded, "overloaded",
            "A queue is full or a rate is exceeded. Try again after `Retry-After` seconds."},
    Meaning{ErrorCode::timeout, "timeout",
            "The request was not finished within its deadline. Reads and requests with an "
            "`Idempotency-Key` can be repeated."},
    Meaning{ErrorCode::unavailable, "unavailable",
            "The store cannot commit, so nothing may change. Nothing of the request was kept."},
    Meaning{ErrorCode::internal, "internal", "A mistake of the server's own; it is in its log."},
};

std::string message_of(const domain::Error& error) {
  if (error.field.empty() || error.message.find(error.field) != std::string::npos) {
    return error.message;
  }
  std::string text = error.field;
  text += ' ';
  text += error.message;
  return text;
}

}  // namespace

int http_status(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid:
      return 422;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::quota_exceeded:
      return 402;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::refused:
      return 400;
    case ErrorCode::overloaded:
      return 429;
    case ErrorCode::timeout:
      return 408;
    case ErrorCode::unavailable:
      return 500;
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

http::Response error_response(int status, std::string_view message) {
  http::Response response;
  response.status = status;
  response.body = json::error_body(message);
  return response;
}

http::Response to_response(const domain::Error& error) {
  http::Response response = error_response(http_status(error.code), message_of(error));
  if (response.status == 429 || error.retry_after_s != 0) {
    response.headers.emplace_back("Retry-After",
                                  std::to_string(std::max<std::uint32_t>(1, error.retry_after_s)));
  }
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::string describe_errors() {
  std::string out =
      "# Errors\n\n"
      "Every error is `{\"message\": …}` as `application/json`. The status tells what to do; the "
      "message is "
      "for people and names the field at fault.\n\n"
      "| status | code | meaning |\n|---|---|---|\n";
  for (const Meaning& meaning : meanings) {
    out += "| " + std::to_string(http_status(meaning.code)) + " | `";
    out += meaning.name;
    out += "` | ";
    out += meaning.text;
    out += " |\n";
  }
  out +=
      "| 404 | | No such path. |\n"
      "| 405 | | The path has no such method; `Allow` lists those it has. |\n";
  return out;
}

}  // namespace innkeeper::routes
