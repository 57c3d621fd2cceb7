#pragma once

#include <string>

#include "config/settings.hpp"

namespace innkeeper {

// Exit codes of the program (contract/cli-config.md).
inline constexpr int exit_ok = 0;
inline constexpr int exit_usage = 1;     // bad usage or configuration
inline constexpr int exit_no_start = 2;  // port taken, data directory in use, schema too new, …
inline constexpr int exit_failed = 3;    // it ran, and could not go on
inline constexpr int exit_failure = 3;   // stopped by a failure

struct BuildIdentity {
  std::string version;
  std::string commit;
};

// Runs a node until SIGTERM or SIGINT; returns the exit code. Must be called before any other thread exists,
// because it blocks the signals for all of them.
[[nodiscard]] int serve(const config::Settings& settings, const BuildIdentity& build);

}  // namespace innkeeper
