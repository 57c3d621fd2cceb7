#pragma once

#include <string>

namespace innkeeper::routes {

// docs/openapi.json, as it was when the program was built.
[[nodiscard]] const std::string& openapi_text();

}  // namespace innkeeper::routes
