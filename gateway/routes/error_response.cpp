#include "gateway/routes/error_response.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "gateway/json/error_json.hpp"

namespace innkeeper::routes {
namespace {

using domain::ErrorCode;

constexpr int status_of(ErrorCode code) noexcept {
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

constexpr ErrorMeaning meaning(ErrorCode code, std::string_view name, std::string_view text) {
  return {.status = status_of(code), .code = name, .from = ErrorSource::operation, .text = text};
}
constexpr ErrorMeaning routed(int status, std::string_view text) {
  return {.status = status, .code = {}, .from = ErrorSource::router, .text = text};
}
// What gateway/http gives by itself; its statuses are compared with these by a test.
constexpr ErrorMeaning refused(int status, std::string_view text) {
  return {.status = status, .code = {}, .from = ErrorSource::listener, .text = text};
}

constexpr std::array meanings{
    meaning(ErrorCode::refused, "refused",
            "The request is understood and not possible in the present state, for example because "
            "the room id is taken."),
    routed(400, "The path or the query has broken percent-encoding."),
    refused(400,
            "The request is not well-formed HTTP, or two readers could take it for two things."),
    meaning(ErrorCode::unauthenticated, "unauthenticated",
            "The bearer token is missing or not valid."),
    meaning(ErrorCode::quota_exceeded, "quota_exceeded",
            "A limit of the subscription is reached. End something, or ask for a higher limit."),
    meaning(ErrorCode::not_found, "not_found",
            "There is no such app, room, process or deployment, or the room has been destroyed."),
    routed(404, "No such path."),
    routed(405, "The path has no such method; `Allow` lists those it has."),
    meaning(
        ErrorCode::timeout, "timeout",
        "The request was not finished within `gateway.request_timeout`. Reads and requests with "
        "an `Idempotency-Key` can be repeated."),
    refused(408,
            "The client was slower than `gateway.limits.header_timeout` or "
            "`gateway.limits.body_timeout`."),
    refused(413, "The body is larger than `gateway.limits.body_bytes`."),
    refused(414, "The request line is longer than `gateway.limits.header_bytes`."),
    refused(417, "No expectation but `100-continue` can be met."),
    meaning(ErrorCode::invalid, "invalid",
            "A value in the body, the query or a header breaks a rule; the message begins with the "
            "field. Correct the request."),
    meaning(ErrorCode::overloaded, "overloaded",
            "A queue is full or a rate is exceeded. Try again after `Retry-After` seconds."),
    refused(
        429,
        "`gateway.limits.connections` or `gateway.limits.in_flight` is reached. Try again after "
        "`Retry-After` seconds."),
    refused(
        431,
        "The headers are larger than `gateway.limits.header_bytes`, or there are more than 100."),
    meaning(ErrorCode::unavailable, "unavailable",
            "The store cannot commit, so nothing may change. While a database server is away: 429 with "
            "`Retry-After`, and nothing of the request was kept; 500 when the commit itself was lost, which "
            "can have taken effect."),
    meaning(ErrorCode::internal, "internal", "A mistake of the server's own; it is in its log."),
    refused(501, "No `Transfer-Encoding` but `chunked` is understood."),
    routed(503, "`/readyz` only: the node does not serve; the body says which part, and why."),
    refused(505, "Only HTTP/1.0 and HTTP/1.1 are spoken."),
};

std::string_view source_text(ErrorSource source) {
  switch (source) {
    case ErrorSource::operation:
      return "operation";
    case ErrorSource::router:
      return "router";
    case ErrorSource::listener:
      return "listener";
  }
  return "";
}

// "field: what is wrong with it". The field stands first even where the message names another one
// too, so that a client can cut it off.
std::string message_of(const domain::Error& error) {
  return error.field.empty() ? error.message : error.field + ": " + error.message;
}

}  // namespace

int http_status(ErrorCode code) noexcept { return status_of(code); }

std::span<const ErrorMeaning> error_meanings() noexcept { return meanings; }

http::Response error_response(int status, std::string_view message) {
  http::Response response;
  response.status = status;
  response.body = json::error_body(message);
  return response;
}

http::Response to_response(const domain::Error& error) {
  // A store that comes back by itself is a matter of waiting; one that does not is a failure.
  const bool passes = error.code == ErrorCode::unavailable && error.retry_after_s != 0;
  http::Response response =
      error_response(passes ? 429 : http_status(error.code), message_of(error));
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
      "Every error is `{\"message\": …}` as `application/json`; the 503 of `/readyz` also "
      "has its parts. The status tells what to do; the message is for people, and begins with the "
      "field at fault where there is one: `roomId: must match …`.\n\n"
      "An *operation* is what a route does, the *router* finds it. The *listener* refuses what "
      "does "
      "not become a request: in the metrics these have `route=\"refused\"` and `method=\"-\"`, and "
      "the connection is closed, except after a 429 for requests in flight. Connections beyond the "
      "limit are counted in `innkeeper_http_connections_refused_total` instead.\n\n"
      "| status | code | from | meaning |\n|---|---|---|---|\n";
  for (const ErrorMeaning& meaning : meanings) {
    out += "| " + std::to_string(meaning.status) + " | ";
    if (!meaning.code.empty()) out.append("`").append(meaning.code).append("` ");
    out.append("| ").append(source_text(meaning.from)).append(" | ");
    out.append(meaning.text).append(" |\n");
  }
  return out;
}

}  // namespace innkeeper::routes
