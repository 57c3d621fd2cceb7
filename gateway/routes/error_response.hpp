#pragma once

#include <string>
#include <string_view>

#include "actors/domain/result.hpp"
#include "gateway/http/message.hpp"

namespace innkeeper::routes {

// The HTTP status of an error: the only place where codes become statuses.
[[nodiscard]] int http_status(domain::ErrorCode code) noexcept;

// {"message": …}, with the field at fault named in the message, and with `Retry-After` on 429 and
// wherever the error says when to try again.
[[nodiscard]] http::Response to_response(const domain::Error& error);

// For what only HTTP knows: 404 of a path, 405.
[[nodiscard]] http::Response error_response(int status, std::string_view message);

// Every error code with its status and meaning, as Markdown (`innkeeper describe errors`).
[[nodiscard]] std::string describe_errors();

}  // namespace innkeeper::routes
