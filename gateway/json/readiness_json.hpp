#pragma once

#include <string>
#include <utility>
#include <vector>

namespace innkeeper::json {

// {"ready": …, "parts": {…}}; with a `message` that names the parts at fault when not ready, so
// that it is an error body too (contract/hathora.md 1.5).
[[nodiscard]] std::string readiness(bool ready,
                                    const std::vector<std::pair<std::string, std::string>>& parts);

}  // namespace innkeeper::json
