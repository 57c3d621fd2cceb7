#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace innkeeper::config {

// The candidate that `word` is most likely a misspelling of; empty when none is near.
[[nodiscard]] std::string suggest(std::string_view word,
                                  const std::vector<std::string>& candidates);

}  // namespace innkeeper::config
