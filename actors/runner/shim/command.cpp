#include "actors/runner/shim/command.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actors/runner/files.hpp"
#include "actors/runner/key_values.hpp"
#include "actors/runner/process_files.hpp"

namespace innkeeper::shim {
namespace {

namespace files = runner::files;

struct ChildError {
  char step[64];
  int error;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// The files that may be meant by the command's first argument, in order (execvp(3)).
std::vector<std::string> candidates(const Command& command) {
  const auto& name = command.arguments.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> result;
  for (const auto& variable : command.environment) {
    if (variable.rfind("PATH=", 0) != 0) continue;
    for (std::size_t at = 5; at <= variable.size();) {
      const auto end = std::min(variable.find(':', at), variable.size());
      if (end > at) result.push_back(variable.substr(at, end - at) + "/" + name);
      at = end + 1;
    }
  }
  return result;
}

void limit(int resource, rlim_t wanted) {
  rlimit now{};
  // The numbers are enumerators in C++ and plain ints in the interface, depending on the C library.
  const auto which = static_cast<__rlimit_resource_t>(resource);
  if (::getrlimit(which, &now) != 0) return;
  now.rlim_max = std::min(now.rlim_max, wanted);
  now.rlim_cur = now.rlim_max;
  ::setrlimit(which, &now);
}

[[noreturn]] void fail(int report, const char* step, int error) {
  ChildError message{};
  std::strncpy(message.step, step, sizeof message.step - 1);
  message.error = error;
  [[maybe_unused]] const auto written = ::write(report, &message, sizeof message);
  ::_exit(127);
}

[[noreturn]] void become(const Command& command, const std::vector<std::string>& paths, int output,
                         int report, pid_t shim) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != shim) ::_exit(127);  // the shim died before the line above
  ::setsid();
  // By the bare system call, because signal(2) refuses the two that the C library keeps for itself,
  // and posix_spawn has set those to be ignored. All zero: the default, no flags, an empty mask.
  const unsigned long by_default[4] = {};
  for (int number = 1; number < NSIG; ++number) {
    ::syscall(SYS_rt_sigaction, number, by_default, nullptr, sizeof(unsigned long));
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);

  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0) fail(report, "open /dev/null", errno);
  if (::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) {
    fail(report, "redirect its output", errno);
  }
  if (::chdir(command.work_folder.c_str()) != 0) fail(report, "enter its working folder", errno);
  ::umask(022);

  limit(RLIMIT_CORE, 0);
  if (command.open_files > 0) limit(RLIMIT_NOFILE, command.open_files);
  if (command.data_bytes) limit(RLIMIT_DATA, *command.data_bytes);
  if (command.oom_score_adj != 0) {
    const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    const auto text = std::to_string(command.oom_score_adj);
    if (file >= 0) [[maybe_unused]]
      const auto n = ::write(file, text.data(), text.size());
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);

  auto arguments = pointers(command.arguments);
  auto environment = pointers(command.environment);
  int error = ENOENT;
  for (const auto& path : paths) {
    ::execve(path.c_str(), arguments.data(), environment.data());
    // As execvp(3): a file that is there but not permitted says more than one that is not there.
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (error != ENOENT && error != EACCES) break;
  }
  fail(report, "execute", error);
}

}  // namespace

std::optional<Command> take_command(const std::string& directory) {
  const auto path = directory + "/" + files::spec;
  const auto content = runner::read_small_file(path, files::file_bytes_max);
  ::unlink(path.c_str());
  if (!content) return std::nullopt;
  const auto spec = runner::KeyValues::parse(*content);
  if (!spec || spec->number(files::key_format) != files::format) return std::nullopt;
  Command command;
  command.arguments = spec->all(files::key_argument);
  command.environment = spec->all(files::key_environment);
  command.work_folder = directory + "/" + files::work;
  command.log_bytes =
      static_cast<std::uint64_t>(spec->number(files::key_log_bytes).value_or(1 << 20));
  command.grace_ms = spec->number(files::key_grace_ms).value_or(30'000);
  command.open_files = static_cast<std::uint64_t>(spec->number(files::key_open_files).value_or(0));
  if (const auto bytes = spec->number(files::key_data_bytes)) {
    command.data_bytes = static_cast<std::uint64_t>(*bytes);
  }
  command.oom_score_adj = static_cast<int>(spec->number(files::key_oom_score).value_or(0));
  if (command.arguments.empty()) return std::nullopt;
  return command;
}

Executed execute(const Command& command, int output) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return {-1, ExecFailure{"make a pipe", errno}};
  const runner::UniqueFd read_end(report[0]);
  runner::UniqueFd write_end(report[1]);
  const auto paths = candidates(command);
  const pid_t shim = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return {-1, ExecFailure{"fork", errno}};
  if (child == 0) become(command, paths, output, write_end.get(), shim);
  write_end.reset();
  ChildError message{};
  ssize_t n = 0;
  do {
    n = ::read(read_end.get(), &message, sizeof message);
  } while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(sizeof message)) return {child, std::nullopt};
  message.step[sizeof message.step - 1] = '\0';
  return {child, ExecFailure{message.step, message.error}};
}

}  // namespace innkeeper::shim
