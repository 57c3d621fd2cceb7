#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include <caf/stateful_actor.hpp>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"
#include "actors/runner/runner.hpp"
#include "config/settings.hpp"

namespace innkeeper::actors {

struct HostDeps {
  Environment environment;
  domain::HostName name;
  domain::RegionName region;
  domain::Resources capacity;
  std::uint64_t incarnation = 0;  // random, the same for all host actors of one start of the node
  std::shared_ptr<runner::Runner> runner;  // outlives the actor, which may be started again
};

// The runner of this node's host role: in `data_dir/processes`, with ports, timeouts and TLS of the
// settings. Adopts what runs; tells the log and the metrics of it, and of what goes wrong later.
// `shim` is the path of innkeeper-shim; empty: beside the running program. `unavailable` when it cannot be
// executed: no room could ever become active.
[[nodiscard]] domain::Result<std::shared_ptr<runner::Runner>> open_runner(
    const config::Settings& settings, const Environment& environment, const std::string& shim = {});

// What the host of these settings is made of.
[[nodiscard]] HostDeps host_deps(const config::Settings& settings, const Environment& environment,
                                 std::shared_ptr<runner::Runner> runner);

// The host: passes orders to the runner, has one process actor for each process, and reports to the
// scheduler that it is attached to.
//
// Nothing that ended is lost: the runner keeps each end on disk until the scheduler has answered
// its report. Until then the end is in every registration, and is reported again at each tick.
class HostState {
 public:
  static inline const char* name = "host";
  using Self = host_actor::stateful_pointer<HostState>;

  void start(Self self, HostDeps deps);
  void start_process(const wire::StartProcess& order);
  void stop_process(const wire::StopProcess& order);
  [[nodiscard]] domain::ProcessMetrics metrics(domain::ProcessId process) const;
  void process_reported(const wire::ProcessReport& report);
  void attach(const caf::actor& scheduler);
  void tick();

 private:
  [[nodiscard]] bool obey(std::uint64_t epoch);
  void watch(domain::ProcessId process, bool known);
  void process_down(const caf::down_msg& message);
  void register_with_scheduler();
  void accepted(const wire::HostAccepted& answer);
  void report(const wire::ProcessReport& report);

  Self self_ = nullptr;
  HostDeps deps_;
  std::uint64_t epoch_ = 0;  // the highest that was seen
  caf::actor scheduler_;
  std::uint64_t attachment_ = 0;  // counts attach messages, so that late answers are told apart
  bool registered_ = false;
  bool registering_ = false;
  std::unordered_map<domain::ProcessId, process_actor> processes_;
  std::unordered_map<caf::actor_addr, domain::ProcessId> by_address_;
  std::set<domain::ProcessId> in_flight_;  // ends whose report has not been answered
};

host_actor::behavior_type run_host(HostState::Self self, HostDeps deps);

}  // namespace innkeeper::actors
