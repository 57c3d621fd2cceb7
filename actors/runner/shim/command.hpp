#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace innkeeper::shim {

// What to run; read from the spec file (process_files.hpp).
struct Command {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string work_folder;
  std::uint64_t log_bytes = 0;
  std::int64_t grace_ms = 0;
  std::uint64_t open_files = 0;             // 0: as inherited
  std::optional<std::uint64_t> data_bytes;  // RLIMIT_DATA
  int oom_score_adj = 0;
};

// The command of the process in `directory`, or nothing when its spec cannot be read. The spec
// holds secrets: it is removed from the disk.
[[nodiscard]] std::optional<Command> take_command(const std::string& directory);

struct ExecFailure {
  std::string step;
  int error = 0;
};
struct Executed {
  pid_t pid = -1;                      // -1 when it could not be forked
  std::optional<ExecFailure> failure;  // the child has ended, and must be waited for if pid > 0
};
// Runs the command in a session of its own with `output` as standard output and error, and returns
// when it was executed or could not be. The child is killed by the kernel when the caller dies.
[[nodiscard]] Executed execute(const Command& command, int output);

}  // namespace innkeeper::shim
