#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

// What /proc says about processes (proc(5)). Shared with the shim.
namespace innkeeper::runner {

// From /proc/PID/stat.
struct ProcStat {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';  // 'Z' is a zombie
  std::uint64_t start_time =
      0;  // clock ticks since boot; with the pid and the boot id it names a process
  std::uint64_t cpu_ticks = 0;  // own and of children that were waited for
};

// Nothing when there is no such process.
[[nodiscard]] std::optional<ProcStat> read_stat(pid_t pid);
// The content of /proc/PID/stat, taken apart; nothing when it has another form.
[[nodiscard]] std::optional<ProcStat> parse_stat(const std::string& content);

// Random text, new at each boot of the machine; empty when the kernel does not say.
[[nodiscard]] std::string boot_id();

// All process ids that there are.
[[nodiscard]] std::vector<pid_t> all_pids();

// Children of a process, and everything below it (without itself), zombies included. A process that
// forks meanwhile may be missed: repeat until nothing is left when it matters.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t pid);

}  // namespace innkeeper::runner
