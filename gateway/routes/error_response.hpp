#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <string_view>

#include "actors/domain/result.hpp"
#include "gateway/http/message.hpp"

namespace innkeeper::routes {

// The HTTP status of an error: the only place where codes become statuses.
[[nodiscard]] int http_status(domain::ErrorCode code) noexcept;

// {"message": …}, which begins with the field at fault and a colon where there is one, and with
// `Retry-After` on 429 and wherever the error says when to try again.
[[nodiscard]] http::Response to_response(const domain::Error& error);

// For what only HTTP knows: 404 of a path, 405.
[[nodiscard]] http::Response error_response(int status, std::string_view message);

// Who gives an error: what a route does, the way to it, or what stands before all routes.
enum class ErrorSource : std::uint8_t { operation, router, listener };
struct ErrorMeaning {
  int status;
  std::string_view code;  // of domain::ErrorCode; empty for what only HTTP knows
  ErrorSource from;
  std::string_view text;
};
// Every status of an error that the gateway gives, by status: what the reference is made from.
[[nodiscard]] std::span<const ErrorMeaning> error_meanings() noexcept;

// Every error code with its status and meaning, as Markdown (`innkeeper describe errors`).
[[nodiscard]] std::string describe_errors();

}  // namespace innkeeper::routes
