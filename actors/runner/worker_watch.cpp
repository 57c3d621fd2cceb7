#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "actors/runner/proc.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/socket_table.hpp"
#include "actors/runner/worker.hpp"

// From exec to the end of a process.
namespace innkeeper::runner {
namespace {

using std::chrono::milliseconds;

// How often bound ports are looked up: a hundredth of how long the youngest process has been
// starting, within these bounds, and never more than a twentieth of one core.
constexpr auto scan_interval_min = milliseconds(2);
constexpr auto scan_interval_max = milliseconds(25);
constexpr int scan_share = 20;

// For a process that has not managed to bind its port, a long farewell is of no use.
constexpr auto failed_start_grace = milliseconds(5'000);
// A shim that has not ended so long after the grace is broken (or stopped by somebody).
constexpr auto stuck_after = milliseconds(15'000);
// Looks for what a killed shim leaves behind.
constexpr int marked_looks = 2;
constexpr auto marked_pause = milliseconds(20);

}  // namespace

Circumstances Runner::Worker::circumstances(const Entry& entry) const {
  return {.stop = entry.stop,
          .ran = entry.ran,
          .port = entry.ports.empty() ? std::uint16_t{0} : entry.ports.front().local_port,
          .command = entry.command,
          .start_timeout = options_.start_timeout,
          .stop_grace = options_.stop_grace};
}

void Runner::Worker::check_starting() {
  const auto begun = Clock::now();
  const auto tcp = bound_sockets(Protocol::tcp);
  const auto udp = bound_sockets(Protocol::udp);
  auto youngest = scan_interval_max * 100;
  for (const auto id : std::vector<domain::ProcessId>(starting_)) {
    auto& entry = entries_.at(id);
    if (entry.report.pid == 0) {
      if (const auto state = entry.folder.state(); state && state->pid > 0) {
        entry.report.pid = state->pid;
        tell(entry);
      }
    }
    // A quick server can have bound its port before the shim has written down who it is: then next
    // time.
    const auto& port = entry.ports.front();
    std::vector<BoundSocket> candidates;
    const auto add = [&](const std::vector<BoundSocket>& sockets) {
      std::copy_if(sockets.begin(), sockets.end(), std::back_inserter(candidates),
                   [&](const BoundSocket& socket) { return socket.port == port.local_port; });
    };
    if (entry.report.pid != 0) add(tcp);
    if (entry.report.pid != 0 && port.transport != domain::Transport::tls) add(udp);
    if (!candidates.empty() && owns_any(descendants_of(entry.shim_pid), candidates)) {
      on_running(entry);
    } else if (begun >= entry.start_deadline) {
      begin_stop(entry, StopCause::start_timeout,
                 std::min<domain::Duration>(options_.stop_grace, failed_start_grace));
    } else {
      youngest = std::min(youngest, std::chrono::ceil<milliseconds>(begun - entry.accepted_at));
    }
  }
  const auto ended = Clock::now();
  scans_.fetch_add(1);
  scan_microseconds_.fetch_add(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(ended - begun).count()));
  const Clock::duration interval = std::clamp(youngest / 100, scan_interval_min, scan_interval_max);
  next_scan_ = ended + std::max(interval, (ended - begun) * scan_share);
}

void Runner::Worker::on_running(Entry& entry) {
  // A daemon has another pid than the command. While the command has ended and the shim has not
  // written down who follows, it is not told with the pid of a process that is gone.
  if (const auto state = entry.folder.state(); state && state->pid > 0)
    entry.report.pid = state->pid;
  const auto stat = read_stat(static_cast<pid_t>(entry.report.pid));
  if (!stat || stat->state == 'Z') return;
  std::erase(starting_, entry.report.process);
  entry.ran = true;
  entry.report.phase = Phase::running;
  check_write(entry.folder.write(files::running, {}));
  send_signal(entry.shim, SIGUSR1);
  tell(entry);
}

void Runner::Worker::begin_stop(Entry& entry, StopCause cause, domain::Duration grace) {
  if (entry.report.phase == Phase::ended || !entry.shim.valid()) return;
  std::erase(starting_, entry.report.process);
  if (entry.stop != StopCause::none) return;
  entry.stop = cause;
  check_write(entry.folder.write_stop(cause));
  const auto grace_ms = static_cast<int>(std::min<std::int64_t>(grace.count(), 24LL * 3600 * 1000));
  send_signal_with_value(entry.shim, SIGTERM, grace_ms);
  entry.stuck_at = Clock::now() + grace + stuck_after;
  stopping_.push_back(entry.report.process);
}

void Runner::Worker::check_deadlines() {
  const auto moment = Clock::now();
  for (const auto id : std::vector<domain::ProcessId>(stopping_)) {
    auto& entry = entries_.at(id);
    if (!entry.stuck_at || moment < *entry.stuck_at) continue;
    entry.stuck_at.reset();
    problem("the shim of process " + to_string(id) +
            " does not end, it is killed with its processes");
    for (const pid_t pid : descendants_of(entry.shim_pid)) {
      const auto stat = read_stat(pid);
      if (!stat) continue;
      if (const auto pidfd = open_process(pid, stat->start_time); pidfd.valid())
        send_signal(pidfd, SIGKILL);
    }
    send_signal(entry.shim, SIGKILL);
  }
}

// A server that became a daemon after it had bound its port has another pid since.
void Runner::Worker::refresh_pids() {
  for (auto& [id, entry] : entries_) {
    if (entry.report.phase != Phase::running) continue;
    const auto state = entry.folder.state();
    if (!state || state->pid == 0 || state->pid == entry.report.pid) continue;
    entry.report.pid = state->pid;
    tell(entry);
  }
}

void Runner::Worker::on_shim_gone(domain::ProcessId process) {
  auto& entry = entries_.at(process);
  reap(entry.shim);
  shims_.erase(entry.shim.get());
  entry.shim.reset();
  // The shim leaves nothing behind, but it may have been killed itself. The kernel kills the
  // command then; what that had started is found by its marks.
  const auto exit = entry.folder.exit();
  if (exit) {
    finish(entry, judge(*exit, circumstances(entry)));
    return;
  }
  // One that is in the middle of fork or exec is not seen; the second look finds it.
  for (int look = 0; look < marked_looks; ++look) {
    if (look > 0) std::this_thread::sleep_for(marked_pause);
    kill_marked(to_string(process), find_marked(directory_.path()));
  }
  if (entry.stop == StopCause::ordered) {
    finish(entry, {domain::ExitReason::ordered, "stopped by order, and its shim was killed"});
  } else if (entry.stop == StopCause::start_timeout) {
    finish(entry, {domain::ExitReason::start_timeout,
                   "did not bind port " + std::to_string(circumstances(entry).port) + " within " +
                       seconds_text(options_.start_timeout) + ", and its shim was killed"});
  } else {
    finish(entry, {domain::ExitReason::crashed, "its shim (pid " + std::to_string(entry.shim_pid) +
                                                    ") was killed, and the process with it"});
  }
}

void Runner::Worker::finish(Entry& entry, const Outcome& outcome) {
  std::erase(starting_, entry.report.process);
  std::erase(stopping_, entry.report.process);
  entry.stuck_at.reset();
  entry.report.phase = Phase::ended;
  entry.report.exit_reason = outcome.reason;
  entry.report.exit_summary = outcome.summary;
  check_write(
      entry.folder.write_outcome({.outcome = outcome, .ended_at = now(), .acknowledged = false}));
  for (const auto& port : entry.ports) {
    if (port.transport == domain::Transport::tls && tls_) tls_->remove(port.public_port);
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& port : entry.ports) pool_.give_back(port.public_port);
  }
  tell(entry);
}

void Runner::Worker::acknowledge_now(domain::ProcessId process) {
  const auto found = entries_.find(process);
  if (found == entries_.end() || found->second.report.phase != Phase::ended) return;
  const auto& folder = found->second.folder;
  if (auto outcome = folder.outcome()) {
    outcome->acknowledged = true;
    check_write(folder.write_outcome(*outcome));
  }
  entries_.erase(found);
  const std::lock_guard lock(mutex_);
  published_.erase(process);
}

}  // namespace innkeeper::runner
