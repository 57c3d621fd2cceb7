#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace innkeeper::routes {

// `text` with %XX sequences decoded (RFC 3986 2.1); nothing when one of them is broken. With
// `plus_is_space` a '+' becomes a blank, as forms and URLSearchParams write it in queries.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace innkeeper::routes
