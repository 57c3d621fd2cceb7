#pragma once

#include <string>
#include <string_view>

namespace innkeeper::json {

// {"message": …}: the body of every error (contract/hathora.md 1.5).
[[nodiscard]] std::string error_body(std::string_view message);

}  // namespace innkeeper::json
