#include <algorithm>
#include <csignal>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "actors/runner/proc.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/worker.hpp"

// What an earlier runner has left: processes that run, and ends that nobody has been told.
namespace innkeeper::runner {

domain::Result<void> Runner::Worker::adopt_all() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  if (!epoll_.valid() || !wake_.valid() ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return domain::Error{.code = domain::ErrorCode::unavailable,
                         .message = "could not set up the runner: " + errno_text(errno),
                         .field = {}};
  }
  const auto marked = find_marked(directory_.path());
  const auto boot = boot_id();
  for (const auto id : directory_.list()) adopt(id, marked, boot);
  return {};
}

void Runner::Worker::adopt(domain::ProcessId process, const std::vector<MarkedProcess>& marked,
                           const std::string& boot) {
  const auto folder = directory_.folder(process);
  const auto record = folder.record();
  // Without a record nothing is known: if something runs there, the survey stops it.
  if (!record || record->process != process) return;
  const auto outcome = folder.outcome();
  if (outcome && outcome->acknowledged) return;

  auto& entry = entries_.emplace(process, Entry(folder)).first->second;
  entry.report.process = process;
  entry.report.resources = record->resources;
  entry.report.ports = exposed(record->ports);
  entry.command = record->command;
  entry.ran = folder.marked_running();
  entry.stop = folder.stop_cause();
  if (outcome) {
    entry.report.phase = Phase::ended;
    entry.report.exit_reason = outcome->outcome.reason;
    entry.report.exit_summary = outcome->outcome.summary;
    publish(entry);
    return;
  }
  entry.ports = record->ports;
  for (const auto& port : entry.ports) {
    if (!pool_.adopt(port.public_port)) {
      problem("port " + std::to_string(port.public_port) +
              " is claimed by two processes, one of them " + to_string(process));
    }
  }
  entry.shim = find_shim(entry, marked, boot);
  if (!wait_for_shim(entry)) {
    entry.shim.reset();
    kill_marked(to_string(process), marked);
    if (const auto exit = folder.exit()) {
      finish(entry, judge(*exit, circumstances(entry)));
      return;
    }
    const auto state = folder.state();
    const char* why = !state                ? "was not started before Innkeeper ended"
                      : state->boot != boot ? "the machine was restarted"
                                            : "was gone when Innkeeper came back";
    finish(entry, {domain::ExitReason::host_lost, why});
    return;
  }
  if (const auto failed = open_public_ports(entry.ports)) problem(*failed);
  if (const auto state = folder.state()) entry.report.pid = state->pid;
  // What has passed of the start timeout counts, unless the wall clock was set back.
  const auto passed =
      std::clamp(now() - record->created_at, domain::Duration(0), options_.start_timeout);
  entry.accepted_at = Clock::now() - passed;
  entry.start_deadline = entry.accepted_at + options_.start_timeout;
  if (entry.ran) entry.report.phase = Phase::running;
  if (entry.stop != StopCause::none) {
    // Told again: the signal of the earlier runner may never have been sent.
    begin_stop(entry, std::exchange(entry.stop, StopCause::none), options_.stop_grace);
  } else if (!entry.ran) {
    starting_.push_back(process);
  }
  publish(entry);
}

UniqueFd Runner::Worker::find_shim(Entry& entry, const std::vector<MarkedProcess>& marked,
                                   const std::string& boot) {
  if (const auto state = entry.folder.state(); state && state->boot == boot && !boot.empty()) {
    entry.shim_pid = state->shim_pid;
    return open_process(state->shim_pid, state->shim_start);
  }
  // The shim may not have come to write its state yet.
  for (const auto& candidate : marked) {
    if (candidate.is_shim && candidate.folder == entry.folder.path()) {
      entry.shim_pid = candidate.pid;
      return open_process(candidate.pid, candidate.start_time);
    }
  }
  return {};
}

void Runner::Worker::remember_again(domain::ProcessId process) {
  const auto folder = directory_.folder(process);
  const auto outcome = folder.outcome();
  auto& entry = entries_.emplace(process, Entry(folder)).first->second;
  entry.report.process = process;
  entry.report.phase = Phase::ended;
  entry.report.exit_reason = outcome ? outcome->outcome.reason : domain::ExitReason::start_failed;
  entry.report.exit_summary = outcome ? outcome->outcome.summary : "its directory is there already";
  if (const auto record = folder.record()) {
    entry.report.ports = exposed(record->ports);
    entry.report.resources = record->resources;
  }
  tell(entry);
}

}  // namespace innkeeper::runner
