#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/deployment.hpp"
#include "actors/domain/process.hpp"

// What passes between a region's scheduler and its hosts. Every type here can cross a network: it is
// default-constructible, comparable, and serialised by an `inspect` (actors/wire/inspect.hpp).
namespace innkeeper::wire {

inline constexpr std::uint32_t protocol_version = 1;

// The answer of a command that has nothing to tell but that it is done, and durable.
struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};

// Scheduler to host: run this process. Repeating it for a process that the host knows is harmless.
struct StartProcess {
  domain::ProcessId process;
  domain::AppId app;
  std::string app_secret;  // never logged
  domain::DeploymentId deployment_id;
  domain::DeploymentSpec spec;
  domain::RegionName region;
  std::optional<domain::RoomId> initial_room;
  std::optional<std::string> initial_room_config;
  std::uint64_t epoch = 0;  // of the region's leader; a host ignores orders of an older one
  friend bool operator==(const StartProcess&, const StartProcess&) = default;
};

// Scheduler to host: stop this process; SIGTERM, grace, SIGKILL. Stopping an unknown one is harmless.
struct StopProcess {
  domain::ProcessId process;
  std::uint64_t epoch = 0;
  friend bool operator==(const StopProcess&, const StopProcess&) = default;
};

// What a host knows of one process.
enum class ProcessPhase : std::uint8_t { booted, running, ended };
struct ProcessReport {
  domain::ProcessId process;
  ProcessPhase phase = ProcessPhase::booted;
  std::vector<domain::ExposedPort> ports;  // default first; empty when it ended without ever having any
  domain::ExitReason exit_reason = domain::ExitReason::none;  // set when ended
  std::string exit_summary;
  std::int64_t pid = 0;  // of the server process; 0 when unknown
  friend bool operator==(const ProcessReport&, const ProcessReport&) = default;
};

// Host to scheduler: here I am, this is what I can carry, and this is all that I know of.
// A process that is in the store as being on this host and is not listed here is gone.
struct HostRegistration {
  domain::HostName host;
  std::uint64_t incarnation = 0;  // random, new at each start of the host's node
  std::uint32_t protocol = protocol_version;
  domain::RegionName region;
  domain::Resources capacity;
  std::vector<ProcessReport> processes;
  friend bool operator==(const HostRegistration&, const HostRegistration&) = default;
};

// Scheduler to host, the answer: processes that no record knows and that the host must stop.
struct HostAccepted {
  std::uint64_t epoch = 0;
  std::vector<domain::ProcessId> stop;
  friend bool operator==(const HostAccepted&, const HostAccepted&) = default;
};

}  // namespace innkeeper::wire
