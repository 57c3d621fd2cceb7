#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/deployment.hpp"
#include "actors/domain/ids.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/time.hpp"

// What goes into the runner and what comes out: plain values.
namespace innkeeper::runner {

// Run this process.
struct Order {
  domain::ProcessId process;
  domain::AppId app;
  std::string app_secret;  // goes into the environment of the process and nowhere else
  domain::DeploymentId deployment;
  domain::DeploymentSpec spec;
  domain::RegionName region;
  std::optional<domain::RoomId> initial_room;
  std::optional<std::string> initial_room_config;
};

// `booted` from the moment that the order is accepted and ports are taken; the pid is 0 until the
// command was executed. `ended` is final.
enum class Phase : std::uint8_t { booted, running, ended };

// What is known of one process. Reports of a process never go back in phase.
struct Report {
  domain::ProcessId process;
  Phase phase = Phase::booted;
  std::vector<domain::ExposedPort> ports;  // default first; empty when there were none to give
  domain::ExitReason exit_reason = domain::ExitReason::none;
  std::string exit_summary;
  std::int64_t pid = 0;
  domain::Resources resources;  // what it takes from the host
  friend bool operator==(const Report&, const Report&) = default;
};

// A process of this host that no record knows; it is being stopped.
struct UnknownProcess {
  std::string process_id;  // as its environment says
  std::int64_t pid = 0;
  std::string directory;
};

struct TlsFiles {
  std::string cert_file;
  std::string key_file;
};

struct RunnerOptions {
  std::string directory;  // where processes have their directories; made when missing
  std::string node;       // name of the node, shown in the environment of processes
  std::string shim;       // the program innkeeper-shim, absolute
  std::string public_address = "127.0.0.1";
  std::string private_address;  // empty: the first address of the machine that is not loopback
  std::uint16_t port_first = 20'000;
  std::uint16_t port_last = 20'999;
  std::uint64_t log_bytes = 10ULL * 1024 * 1024;  // for each process
  domain::Duration start_timeout = std::chrono::seconds(100);
  domain::Duration stop_grace = std::chrono::seconds(30);
  domain::Duration retention = std::chrono::hours(72);  // directories of ended processes
  std::size_t retained_max = 2'000;  // so many of them at most; the oldest give way
  bool limit_memory = true;          // RLIMIT_DATA, see README.md
  std::optional<TlsFiles> tls;
  std::function<domain::Timestamp()> now;  // wall clock; empty: the system's
  // Called on the runner's threads. They must not throw and must not call back into the runner.
  std::function<void(const UnknownProcess&)> on_unknown;
  std::function<void(const std::string& what)> on_problem;  // for the log: disk errors and the like
};

}  // namespace innkeeper::runner
