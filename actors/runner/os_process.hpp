#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"
#include "actors/runner/files.hpp"

// Finding, starting and signalling processes such that a recycled pid is never taken for ours.
namespace innkeeper::runner {

// Starts `shim` for the process directory `folder`, in a session of its own, with no descriptor of
// ours and with all signals blocked (the shim takes them up when it is ready). Returns its pid. It
// is our child.
[[nodiscard]] domain::Result<pid_t> spawn_shim(const std::string& shim, const std::string& folder,
                                               const std::string& process_id,
                                               const std::string& node);

// A pidfd of the process with this pid and start time, in this boot; invalid when that one is gone.
[[nodiscard]] UniqueFd open_process(pid_t pid, std::uint64_t start_time);

// A pidfd of a child that nobody has waited for.
[[nodiscard]] UniqueFd open_child(pid_t pid);

// pidfd_send_signal(2). With `value` the receiver sees it like one of sigqueue(3).
bool send_signal(const UniqueFd& pidfd, int number);
bool send_signal_with_value(const UniqueFd& pidfd, int number, int value);

// Waits for the process if it is a child of ours and has ended, so that it is no zombie.
void reap(const UniqueFd& pidfd);

// A process that carries the marks of launch_plan.hpp in its environment.
struct MarkedProcess {
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  std::string process_id;
  std::string folder;
  bool is_shim = false;
};
// All processes whose mark names a directory below `processes_folder` (absolute, without links), in
// our mount namespace. Processes of other users stay hidden unless we are privileged; so do those
// that have overwritten their environment.
[[nodiscard]] std::vector<MarkedProcess> find_marked(const std::string& processes_folder);
// Kills what is marked as part of this process, shims left out.
void kill_marked(const std::string& process_id, const std::vector<MarkedProcess>& marked);

}  // namespace innkeeper::runner
