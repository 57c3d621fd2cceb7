#include "actors/domain/process.hpp"

#include <algorithm>

namespace innkeeper::domain {
namespace {

Error refuse(const ProcessRecord& record, const char* what) {
  return {.code = ErrorCode::refused,
          .message = std::string("process is ") +
                     (record.reserved() ? "reserved" : to_string(record.status)) + ": " + what,
          .field = {},
          .retry_after_s = 0};
}

// The moment to record: a clock that was set back must not put a record's times out of order.
Timestamp not_before_record(const ProcessRecord& record, Timestamp now) {
  Timestamp at = std::max(now, record.created_at);
  for (const auto* moment : {&record.scheduled_at, &record.booted_at, &record.started_at,
                             &record.stopping_at, &record.terminated_at}) {
    if (moment->has_value()) at = std::max(at, **moment);
  }
  return at;
}

// True for an end that the lifecycle calls `stopped` when nobody ordered a stop before.
bool ends_stopped(ExitReason reason) noexcept {
  switch (reason) {
    case ExitReason::exited:
    case ExitReason::ordered:
    case ExitReason::idle:
    case ExitReason::unneeded:
      return true;
    case ExitReason::none:
    case ExitReason::crashed:
    case ExitReason::start_timeout:
    case ExitReason::start_failed:
    case ExitReason::host_lost:
    case ExitReason::no_capacity:
      return false;
  }
  return false;
}

// True for the reasons that a stop may be ordered with.
bool is_stop_reason(ExitReason reason) noexcept {
  return reason == ExitReason::ordered || reason == ExitReason::idle ||
         reason == ExitReason::unneeded;
}

// True for the ends of a process that never had a host.
bool ends_reserved(ExitReason reason) noexcept {
  return reason == ExitReason::ordered || reason == ExitReason::unneeded ||
         reason == ExitReason::no_capacity;
}

ProcessRecord ended(ProcessRecord record, ExitReason reason, std::string summary, Timestamp at) {
  record.status = ends_stopped(reason) ? ProcessStatus::stopped : ProcessStatus::failed;
  record.exit_reason = reason;
  record.exit_summary = std::move(summary);
  record.terminated_at = at;
  return record;
}

Result<ProcessRecord> on(ProcessRecord record, const AssignHost& change, Timestamp at) {
  if (change.host.empty()) return refuse(record, "a host without a name cannot be assigned");
  switch (record.status) {
    case ProcessStatus::starting:
      if (record.host == change.host) return record;
      if (!record.host.empty()) return refuse(record, "it has another host already");
      record.host = change.host;
      record.scheduled_at = at;
      return record;
    case ProcessStatus::running:
    case ProcessStatus::draining:
    case ProcessStatus::stopping:
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      break;
  }
  return refuse(record, "no host can be assigned");
}

Result<ProcessRecord> on(ProcessRecord record, const ProcessBooted& change, Timestamp at) {
  switch (record.status) {
    case ProcessStatus::starting:
      if (record.host.empty()) return refuse(record, "it cannot boot without a host");
      if (change.ports.empty()) return refuse(record, "it cannot boot without a port");
      if (record.booted_at && record.ports == change.ports) return record;
      // Other ports than before: the host has begun anew, as it does after a restart of its own.
      record.ports = change.ports;
      record.booted_at = at;
      return record;
    case ProcessStatus::running:
    case ProcessStatus::draining:
      // Clients know the ports by now, so they cannot change any more.
      if (record.ports == change.ports) return record;
      return refuse(record, "its ports cannot change");
    case ProcessStatus::stopping:
      return record;
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      break;
  }
  return refuse(record, "it has ended and cannot boot");
}

Result<ProcessRecord> on(ProcessRecord record, const ProcessRunning&, Timestamp at) {
  switch (record.status) {
    case ProcessStatus::starting:
      if (!record.booted_at) return refuse(record, "it cannot run before it has booted");
      record.status = ProcessStatus::running;
      record.started_at = at;
      return record;
    case ProcessStatus::running:
    case ProcessStatus::draining:
    case ProcessStatus::stopping:
      return record;
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      break;
  }
  return refuse(record, "it has ended and cannot run");
}

Result<ProcessRecord> on(ProcessRecord record, const DrainProcess&, Timestamp) {
  switch (record.status) {
    case ProcessStatus::running:
      record.status = ProcessStatus::draining;
      return record;
    case ProcessStatus::draining:
      return record;
    case ProcessStatus::starting:
    case ProcessStatus::stopping:
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      break;
  }
  return refuse(record, "only a running process can be drained");
}

Result<ProcessRecord> on(ProcessRecord record, const StopProcess& change, Timestamp at) {
  if (!is_stop_reason(change.reason))
    return refuse(record, "no stop can be ordered for that reason");
  switch (record.status) {
    case ProcessStatus::starting:
    case ProcessStatus::running:
    case ProcessStatus::draining: {
      const bool reserved = record.reserved();
      record.stopping_at = at;
      record.stop_reason = change.reason;
      // Nothing runs anywhere, so nothing will report an end.
      if (reserved)
        return ended(std::move(record), change.reason, "stopped before it had a host", at);
      record.status = ProcessStatus::stopping;
      return record;
    }
    case ProcessStatus::stopping:
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      return record;
  }
  return refuse(record, "it cannot be stopped");
}

Result<ProcessRecord> on(ProcessRecord record, const ProcessEnded& change, Timestamp at) {
  if (change.reason == ExitReason::none) return refuse(record, "it cannot end without a reason");
  switch (record.status) {
    case ProcessStatus::starting: {
      if (record.host.empty() && !ends_reserved(change.reason)) {
        return refuse(record, "it has no host and cannot have run");
      }
      // An exit with code 0 before the port was bound is no success: nobody could ever connect.
      const ExitReason reason =
          change.reason == ExitReason::exited ? ExitReason::start_failed : change.reason;
      return ended(std::move(record), reason, change.summary, at);
    }
    case ProcessStatus::running:
    case ProcessStatus::draining:
      return ended(std::move(record), change.reason, change.summary, at);
    case ProcessStatus::stopping: {
      const ExitReason reason = record.stop_reason;
      return ended(std::move(record), reason, change.summary, at);
    }
    case ProcessStatus::stopped:
    case ProcessStatus::failed:
      return record;
  }
  return refuse(record, "it cannot end");
}

}  // namespace

const char* to_string(ProcessStatus status) noexcept {
  switch (status) {
    case ProcessStatus::starting:
      return "starting";
    case ProcessStatus::running:
      return "running";
    case ProcessStatus::draining:
      return "draining";
    case ProcessStatus::stopping:
      return "stopping";
    case ProcessStatus::stopped:
      return "stopped";
    case ProcessStatus::failed:
      return "failed";
  }
  return "unknown";
}

std::optional<ProcessStatus> parse_process_status(std::string_view text) noexcept {
  for (int i = 0; i < process_status_count; ++i) {
    const auto status = static_cast<ProcessStatus>(i);
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

const char* to_string(ExitReason reason) noexcept {
  switch (reason) {
    case ExitReason::none:
      return "none";
    case ExitReason::exited:
      return "exited";
    case ExitReason::ordered:
      return "ordered";
    case ExitReason::idle:
      return "idle";
    case ExitReason::crashed:
      return "crashed";
    case ExitReason::start_timeout:
      return "start_timeout";
    case ExitReason::start_failed:
      return "start_failed";
    case ExitReason::host_lost:
      return "host_lost";
    case ExitReason::unneeded:
      return "unneeded";
    case ExitReason::no_capacity:
      return "no_capacity";
  }
  return "unknown";
}

Result<ProcessRecord> apply(const ProcessRecord& record, const ProcessChange& change,
                            Timestamp now) {
  const Timestamp at = not_before_record(record, now);
  return std::visit([&](const auto& one) { return on(record, one, at); }, change);
}

bool end_destroys_rooms(ExitReason reason) noexcept {
  switch (reason) {
    case ExitReason::exited:
    case ExitReason::ordered:
    case ExitReason::idle:
    case ExitReason::unneeded:
    case ExitReason::no_capacity:
      return true;
    case ExitReason::none:
    case ExitReason::crashed:
    case ExitReason::start_timeout:
    case ExitReason::start_failed:
    case ExitReason::host_lost:
      return false;
  }
  return false;
}

}  // namespace innkeeper::domain
