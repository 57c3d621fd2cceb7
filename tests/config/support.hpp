#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.hpp"

namespace innkeeper::config::test {

using Overrides = std::vector<std::pair<std::string, std::string>>;

// The least that a node with all roles needs.
inline const std::string minimal = R"(
[node]
data_dir = "/nonexistent/innkeeper"
[[region]]
name = "Seattle"
[host]
region = "Seattle"
)";
inline const std::string app = R"(
[[app]]
id = "app-1"
[app.deployment]
command = ["server"]
)";

inline std::string lines(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& one : problems) {
    text += one.option + " = " + one.value + ": " + one.message + "\n";
  }
  return text;
}

inline Loaded load(const std::string& text, const Overrides& overrides = {}) {
  return load_text(text, "/nonexistent", overrides);
}

// The settings; fails the test, with all problems, when there are none.
inline Settings good(const std::string& text, const Overrides& overrides = {}) {
  const Loaded loaded = load(text, overrides);
  INFO(lines(loaded.problems));
  REQUIRE(loaded.settings.has_value());
  REQUIRE(loaded.problems.empty());
  return *loaded.settings;
}

// The problem with that option; fails the test when there is none, or when settings came out.
inline Problem bad(const std::string& option, const std::string& text,
                   const Overrides& overrides = {}) {
  const Loaded loaded = load(text, overrides);
  INFO("option " << option << "\nproblems:\n" << lines(loaded.problems));
  REQUIRE_FALSE(loaded.settings.has_value());
  const auto at = std::find_if(loaded.problems.begin(), loaded.problems.end(),
                               [&](const Problem& one) { return one.option == option; });
  REQUIRE(at != loaded.problems.end());
  CHECK_FALSE(at->message.empty());
  return *at;
}

}  // namespace innkeeper::config::test
