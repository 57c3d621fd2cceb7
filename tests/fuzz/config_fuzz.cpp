#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"

namespace {

using Overrides = std::vector<std::pair<std::string, std::string>>;

// Lines of the form "!KEY=VALUE" are overrides, all others are the configuration.
std::pair<std::string, Overrides> split(std::string_view input) {
  std::pair<std::string, Overrides> result;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    const std::size_t equals = line.find('=');
    if (!line.empty() && line.front() == '!' && equals != std::string_view::npos) {
      result.second.emplace_back(line.substr(1, equals - 1), line.substr(equals + 1));
    } else {
      result.first.append(line).append("\n");
    }
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return result;
}

}  // namespace

// Any bytes are a configuration that is taken, or one that is refused with at least one problem.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto [text, overrides] = split(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto loaded = innkeeper::config::load_text(text, "/nonexistent", overrides);
  if (loaded.settings.has_value() != loaded.problems.empty()) std::abort();
  for (const auto& problem : loaded.problems) {
    if (problem.message.empty() || problem.value.size() > 8'192) std::abort();
  }
  return 0;
}
