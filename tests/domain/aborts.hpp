#pragma once

#include <csignal>
#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace innkeeper::testing {

// True when `action` ends its process by SIGABRT. Runs in a child, whose standard error is closed
// so that expected messages do not look like failures.
template <class Action>
[[nodiscard]] bool aborts(Action action) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_CORE, &no_core);
    close(STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);
    action();
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
         WTERMSIG(status) == SIGABRT;
}

}  // namespace innkeeper::testing
