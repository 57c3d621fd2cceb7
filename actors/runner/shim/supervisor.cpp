#include "actors/runner/shim/supervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runner/key_values.hpp"
#include "actors/runner/proc.hpp"
#include "actors/runner/process_files.hpp"

namespace innkeeper::shim {
namespace {

namespace files = runner::files;

// A command that ends with 0 within this time after it has bound its port may have become a daemon.
constexpr std::int64_t takeover_ms = 15'000;
// A new daemon leaves its session some time after its parent has ended; so long it is waited for.
constexpr std::int64_t handover_ms = 1'000;
constexpr std::int64_t handover_poll_ms = 5;
// Processes that the kernel does not end on SIGKILL (stuck in the kernel) are given up after this.
constexpr std::int64_t kill_rest_ms = 10'000;
constexpr std::int64_t grace_ms_max = 24LL * 3600 * 1000;

std::int64_t clock_ms(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::int64_t now_ms() { return clock_ms(CLOCK_BOOTTIME); }

}  // namespace

Supervisor::Supervisor(std::string directory, Command command)
    : directory_(std::move(directory)),
      command_(std::move(command)),
      log_(directory_ + "/" + files::log, directory_ + "/" + files::old_log, command_.log_bytes) {}

bool Supervisor::prepare() {
  // Orphans among the descendants become our children, so that daemons are neither lost nor left
  // behind.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return false;
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT}) {
    ::sigaddset(&handled, number);
  }
  if (::sigprocmask(SIG_SETMASK, &handled, nullptr) != 0) return false;
  signals_.reset(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  int pipe[2];
  if (!signals_.valid() || ::pipe2(pipe, O_CLOEXEC) != 0) return false;
  output_.reset(pipe[0]);
  output_write_.reset(pipe[1]);
  return ::fcntl(output_.get(), F_SETFL, O_NONBLOCK) == 0;
}

int Supervisor::run() {
  write_state(0);
  if (!prepare()) return record_end(files::kind_shim_failed, 0, "prepare", errno);
  const auto executed = execute(command_, output_write_.get());
  output_write_.reset();
  if (executed.failure) {
    if (executed.pid > 0) ::waitpid(executed.pid, nullptr, 0);
    const auto& failure = *executed.failure;
    return record_end(executed.pid > 0 ? files::kind_exec_failed : files::kind_shim_failed, 0,
                      failure.step, failure.error);
  }
  first_ = main_ = executed.pid;
  write_state(first_);
  loop();
  read_output(true);
  const int result = record_end(nullptr, *main_status_, {}, 0);
  kill_rest();
  read_output(true);
  return result;
}

void Supervisor::write_state(pid_t server) {
  runner::KeyValues state;
  const auto own = runner::read_stat(::getpid());
  state.add(files::key_format, files::format);
  state.add(files::key_boot, runner::boot_id());
  state.add(files::key_shim_pid, ::getpid());
  state.add(files::key_shim_start, static_cast<std::int64_t>(own ? own->start_time : 0));
  if (server > 0) {
    const auto stat = runner::read_stat(server);
    state.add(files::key_pid, server);
    state.add(files::key_start, static_cast<std::int64_t>(stat ? stat->start_time : 0));
  }
  // Without this file the host still finds the shim by its environment.
  [[maybe_unused]] const int error = runner::write_file_atomic(directory_ + "/" + files::state,
                                                               state.serialise(), runner::Sync::no);
}

int Supervisor::wait_ms() const {
  if (handover_) return handover_poll_ms;
  if (kill_at_ms_ < 0) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(kill_at_ms_ - now_ms(), 0, 3'600'000));
}

void Supervisor::loop() {
  // A stop lets every descendant use the grace, not only the command: often it is but a wrapper.
  while (!main_status_ || (stopping_ && !childless_)) {
    pollfd waiting[2] = {{signals_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}};
    const int ready = ::poll(waiting, output_.valid() ? 2 : 1, wait_ms());
    if (ready < 0 && errno != EINTR) ::_exit(70);
    if (output_.valid() && waiting[1].revents != 0) read_output(false);
    read_signals();
    if (handover_) look_for_successor();
    if (kill_at_ms_ >= 0 && now_ms() >= kill_at_ms_) {
      if (main_status_) return;  // what is left is killed after the end has been recorded
      killed_ = true;
      signal_all(SIGKILL);
      kill_at_ms_ = now_ms() + 200;  // again, for those that were forked meanwhile
    }
  }
}

void Supervisor::read_output(bool to_the_end) {
  char buffer[16 * 1024];
  // Not more than a few buffers at a time: a chatty server must not keep us from its signals.
  for (int round = 0; output_.valid() && round < (to_the_end ? 256 : 4); ++round) {
    const auto n = ::read(output_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    if (n == 0) {
      output_.reset();
      return;
    }
    log_.append({buffer, static_cast<std::size_t>(n)});
  }
}

void Supervisor::read_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      reap();
    } else if (number == SIGTERM || number == SIGINT) {
      begin_stop(info.ssi_code == SI_QUEUE ? info.ssi_int : command_.grace_ms);
    } else if (number == SIGUSR1 && bound_at_ms_ < 0) {
      bound_at_ms_ = now_ms();
    }
  }
}

void Supervisor::begin_stop(std::int64_t grace_ms) {
  const auto kill_at = now_ms() + std::clamp<std::int64_t>(grace_ms, 0, grace_ms_max);
  kill_at_ms_ = stopping_ ? std::min(kill_at_ms_, kill_at) : kill_at;
  if (stopping_) return;
  stopping_ = true;
  signal_all(SIGTERM);
  signal_all(SIGCONT);  // a stopped process would not see the SIGTERM
}

void Supervisor::signal_all(int number) const {
  // Our children are not waited for meanwhile, and theirs not by us: a recycled number can only be
  // hit when a grandchild ends and its number comes round again between these two calls.
  for (const pid_t pid : runner::descendants_of(::getpid())) ::kill(pid, number);
}

void Supervisor::reap() {
  while (true) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    childless_ = ended < 0;
    if (ended <= 0) return;
    if (ended == main_ && !main_status_ && !handover_) main_ended(status);
  }
}

void Supervisor::main_ended(int status) {
  const bool may_be_daemon = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !stopping_ &&
                             (bound_at_ms_ < 0 || now_ms() - bound_at_ms_ < takeover_ms);
  if (!may_be_daemon) {
    main_status_ = status;
    return;
  }
  handover_ = status;
  handover_until_ms_ = now_ms() + handover_ms;
  look_for_successor();
}

void Supervisor::look_for_successor() {
  const pid_t next = stopping_ ? -1 : successor();
  if (next > 0) {
    handover_.reset();
    main_ = next;
    write_state(main_);
  } else if (stopping_ || childless_ || now_ms() >= handover_until_ms_) {
    main_status_ = handover_;
    handover_.reset();
  }
}

// Who goes on when the command has ended with 0: the oldest of our children. Once the server had
// bound its port, only one that has left the command's session, as daemons do: others are mere
// leftovers.
pid_t Supervisor::successor() const {
  pid_t best = -1;
  bool best_ended = true;
  std::uint64_t best_start = 0;
  for (const pid_t pid : runner::children_of(::getpid())) {
    const auto stat = runner::read_stat(pid);
    if (!stat || (bound_at_ms_ >= 0 && stat->session == first_)) continue;
    // One that has ended already still says by its status how the server ended.
    const bool ended = stat->state == 'Z';
    const bool better = ended == best_ended ? stat->start_time < best_start : best_ended;
    if (best >= 0 && !better) continue;
    best = pid;
    best_ended = ended;
    best_start = stat->start_time;
  }
  return best;
}

void Supervisor::kill_rest() {
  const auto give_up_at = now_ms() + kill_rest_ms;
  long pause_ns = 1'000'000;
  while (true) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const auto rest = runner::descendants_of(::getpid());
    if (rest.empty() || now_ms() >= give_up_at) return;
    for (const pid_t pid : rest) ::kill(pid, SIGKILL);
    const timespec pause{0, pause_ns};
    ::nanosleep(&pause, nullptr);
    pause_ns = std::min(pause_ns * 2, 50'000'000L);
  }
}

int Supervisor::record_end(const char* kind, int status, const std::string& step, int error) {
  runner::KeyValues end;
  end.add(files::key_format, files::format);
  if (kind) {
    end.add(files::key_kind, kind);
    end.add(files::key_step, step);
    end.add(files::key_error, runner::errno_text(error));
  } else if (WIFSIGNALED(status)) {
    end.add(files::key_kind, files::kind_signaled);
    end.add(files::key_signal, WTERMSIG(status));
    end.add(files::key_core, WCOREDUMP(status) ? 1 : 0);
  } else {
    end.add(files::key_kind, files::kind_exited);
    end.add(files::key_code, WEXITSTATUS(status));
  }
  end.add(files::key_stopping, stopping_ ? 1 : 0);
  end.add(files::key_killed, killed_ ? 1 : 0);
  end.add(files::key_ended_ms, clock_ms(CLOCK_REALTIME));
  return runner::write_file_atomic(directory_ + "/" + files::exit, end.serialise(),
                                   runner::Sync::yes) == 0
             ? 0
             : 74;
}

}  // namespace innkeeper::shim
