#pragma once

#include <memory>

#include <caf/stateful_actor.hpp>

#include "actors/interfaces.hpp"
#include "actors/runner/runner.hpp"

namespace innkeeper::actors {

struct ProcessDeps {
  domain::ProcessId process;
  std::shared_ptr<runner::Runner> runner;
  host_actor host;
  bool known = false;  // it was there before this actor: where it stands is no news for the log
};

struct ProcessState {
  static inline const char* name = "process";
  ProcessDeps deps;
  wire::ProcessReport last;
};

// The runner's word as the message that hosts and schedulers exchange.
[[nodiscard]] wire::ProcessReport to_wire(const runner::Report& report);

// Watches a process that the runner knows, ordered just now or adopted, and passes on to the host
// what is new.
process_actor::behavior_type run_process(process_actor::stateful_pointer<ProcessState> self,
                                         ProcessDeps deps);

}  // namespace innkeeper::actors
