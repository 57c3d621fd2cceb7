#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/domain/deployment.hpp"
#include "actors/domain/ids.hpp"
#include "actors/domain/result.hpp"

namespace innkeeper::domain {

// Design 5. `stopped` and `failed` are final.
enum class ProcessStatus : std::uint8_t { starting, running, draining, stopping, stopped, failed };
inline constexpr int process_status_count = 6;
[[nodiscard]] const char* to_string(ProcessStatus status) noexcept;
[[nodiscard]] std::optional<ProcessStatus> parse_process_status(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_final(ProcessStatus status) noexcept {
  return status == ProcessStatus::stopped || status == ProcessStatus::failed;
}

// Why a process ended; also the `reason` label of innkeeper_process_exits_total.
enum class ExitReason : std::uint8_t {
  none,           // it has not ended
  exited,         // by itself with code 0
  ordered,        // stopped by a command
  idle,           // stopped because it had no room for the idle time
  crashed,        // by itself with another code, or by a signal that we did not send
  start_timeout,  // did not bind its port in time
  start_failed,   // the command could not be executed, or no port was free
  host_lost,      // its host went away, or it was gone after a restart
  unneeded,       // was reserved and never started
  no_capacity,    // was reserved, and no host had room for it in time
};
inline constexpr int exit_reason_count = 10;
[[nodiscard]] const char* to_string(ExitReason reason) noexcept;

// A public port of a process, as clients see it.
struct ExposedPort {
  std::string name;
  std::string host;
  std::uint16_t port = 0;
  Transport transport = Transport::tcp;
  friend bool operator==(const ExposedPort&, const ExposedPort&) = default;
  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, ExposedPort& x) {
    return f(x.name, x.host, x.port, x.transport);
  }
};

// Everything that is kept of one process. Written only by the scheduler of its region.
struct ProcessRecord {
  ProcessId id;
  DeploymentKey deployment{};
  HostName host;  // empty while it is reserved, that is, while no host has been chosen
  ProcessStatus status = ProcessStatus::starting;
  ExitReason exit_reason = ExitReason::none;
  std::uint8_t attempt = 1;        // which try at a start this is for its rooms
  std::vector<ExposedPort> ports;  // default port first; set from `booted` on
  std::string exit_summary;        // for people, set when it has ended
  std::optional<RoomId> initial_room;
  Timestamp created_at{};
  std::optional<Timestamp> scheduled_at;   // a host was chosen
  std::optional<Timestamp> booted_at;      // the command was executed
  std::optional<Timestamp> started_at;     // the port was bound
  std::optional<Timestamp> stopping_at;    // a stop was ordered
  std::optional<Timestamp> terminated_at;  // it ended
  ExitReason stop_reason = ExitReason::none;  // why a stop was ordered
  friend bool operator==(const ProcessRecord&, const ProcessRecord&) = default;
  [[nodiscard]] bool reserved() const noexcept {
    return host.empty() && status == ProcessStatus::starting;
  }
};

// What can happen to a process. Times are given by the caller.
struct AssignHost { HostName host; };
struct ProcessBooted { std::vector<ExposedPort> ports; };
struct ProcessRunning {};
struct DrainProcess {};
struct StopProcess { ExitReason reason = ExitReason::ordered; };  // ordered, idle or unneeded
struct ProcessEnded { ExitReason reason = ExitReason::crashed; std::string summary; };
using ProcessChange =
    std::variant<AssignHost, ProcessBooted, ProcessRunning, DrainProcess, StopProcess, ProcessEnded>;

// The record after `change`, or `refused` when the lifecycle does not allow it (design 5). A change that
// brings nothing new (a second stop, a repeated report) returns the record unchanged.
// An end after an ordered stop is `stopped` with the stop's reason, whatever the exit code.
//  - A stop of a reserved process is final at once: nothing runs that could report an end.
//  - A reserved process ends only as ordered, unneeded (`stopped`) or no_capacity (`failed`).
//  - An exit with code 0 before the port was bound is `failed` with `start_failed`.
//  - ProcessRunning needs a ProcessBooted before it, since clients are told its ports. While it starts, a
//    second boot with other ports replaces the first: its host has begun anew.
//  - Reports of life while it is stopping change nothing; after the end they are `refused`, so that the
//    caller knows of a process that should not be there.
// A `now` before the record's own times counts as the latest of them.
[[nodiscard]] Result<ProcessRecord> apply(const ProcessRecord& record, const ProcessChange& change,
                                          Timestamp now);

// True when the end of the process destroys its rooms; otherwise the failure policy decides.
[[nodiscard]] bool end_destroys_rooms(ExitReason reason) noexcept;

}  // namespace innkeeper::domain
