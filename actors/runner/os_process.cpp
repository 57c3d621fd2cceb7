#include "actors/runner/os_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runner/launch_plan.hpp"
#include "actors/runner/proc.hpp"

namespace innkeeper::runner {
namespace {

// The value of NAME in a block of zero-terminated NAME=value texts.
std::string_view find_variable(std::string_view block, std::string_view name) {
  while (!block.empty()) {
    const auto end = std::min(block.find('\0'), block.size());
    const auto entry = block.substr(0, end);
    if (entry.size() > name.size() && entry[name.size()] == '=' &&
        entry.substr(0, name.size()) == name) {
      return entry.substr(name.size() + 1);
    }
    block.remove_prefix(std::min(end + 1, block.size()));
  }
  return {};
}

// Text of a link in /proc; empty when it cannot be read.
std::string link_target(const std::string& path) {
  char target[256];
  const auto n = ::readlink(path.c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : std::string();
}

// A shim's command line is its own name and the directory.
bool is_shim_of(pid_t pid, const std::string& folder) {
  const auto line = read_small_file("/proc/" + std::to_string(pid) + "/cmdline", 64 * 1024);
  if (!line) return false;
  const auto first = line->find('\0');
  return first != std::string::npos && line->substr(first + 1) == folder + '\0';
}

bool send(const UniqueFd& pidfd, int number, siginfo_t* info) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), number, info, 0U) == 0;
}

}  // namespace

domain::Result<pid_t> spawn_shim(const std::string& shim, const std::string& folder,
                                 const std::string& process_id, const std::string& node) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t everything;
  ::sigfillset(&everything);
  ::posix_spawnattr_setsigmask(&attributes, &everything);
  ::posix_spawnattr_setsigdefault(&attributes, &everything);
  ::posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));

  std::string arguments[] = {shim, folder};
  std::string variables[] = {std::string(mark_process) + "=" + process_id,
                             std::string(mark_node) + "=" + node,
                             std::string(mark_directory) + "=" + folder};
  char* argv[] = {arguments[0].data(), arguments[1].data(), nullptr};
  char* envp[] = {variables[0].data(), variables[1].data(), variables[2].data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, shim.c_str(), &actions, &attributes, argv, envp);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return domain::Error{.code = domain::ErrorCode::unavailable,
                       .message = "could not execute " + shim + ": " + errno_text(error),
                       .field = {}};
}

UniqueFd open_process(pid_t pid, std::uint64_t start_time) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!pidfd.valid()) return pidfd;
  // Only now does the number stand for one process; whose it is decides its start time.
  const auto stat = read_stat(pid);
  if (!stat || stat->start_time != start_time || stat->state == 'Z') pidfd.reset();
  return pidfd;
}

UniqueFd open_child(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

bool send_signal(const UniqueFd& pidfd, int number) { return send(pidfd, number, nullptr); }

bool send_signal_with_value(const UniqueFd& pidfd, int number, int value) {
  siginfo_t info{};
  info.si_signo = number;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  return send(pidfd, number, &info);
}

void reap(const UniqueFd& pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) < 0 &&
         errno == EINTR) {
  }
}

std::vector<MarkedProcess> find_marked(const std::string& processes_folder) {
  std::vector<MarkedProcess> result;
  const auto prefix = processes_folder + "/";
  const auto own_namespace = link_target("/proc/self/ns/mnt");
  const pid_t self = ::getpid();
  for (const pid_t pid : all_pids()) {
    if (pid == self) continue;
    const auto base = "/proc/" + std::to_string(pid);
    const auto environment = read_small_file(base + "/environ", std::size_t{2} << 20);
    if (!environment || environment->empty()) continue;
    const auto folder = find_variable(*environment, mark_directory);
    if (folder.substr(0, prefix.size()) != prefix || folder.find('/', prefix.size()) != folder.npos)
      continue;
    // The same path may be another folder in a container.
    if (const auto theirs = link_target(base + "/ns/mnt");
        !theirs.empty() && theirs != own_namespace)
      continue;
    const auto stat = read_stat(pid);
    if (!stat || stat->state == 'Z') continue;
    MarkedProcess found{.pid = pid,
                        .start_time = stat->start_time,
                        .process_id = std::string(find_variable(*environment, mark_process)),
                        .folder = std::string(folder)};
    found.is_shim = is_shim_of(pid, found.folder);
    result.push_back(std::move(found));
  }
  return result;
}

void kill_marked(const std::string& process_id, const std::vector<MarkedProcess>& marked) {
  for (const auto& process : marked) {
    if (process.is_shim || process.process_id != process_id) continue;
    if (const auto pidfd = open_process(process.pid, process.start_time); pidfd.valid()) {
      send_signal(pidfd, SIGKILL);
    }
  }
}

}  // namespace innkeeper::runner
