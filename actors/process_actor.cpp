#include "actors/process_actor.hpp"

#include <utility>

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/exceptions.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

wire::ProcessPhase to_wire(runner::Phase phase) {
  switch (phase) {
    case runner::Phase::booted:
      return wire::ProcessPhase::booted;
    case runner::Phase::running:
      return wire::ProcessPhase::running;
    case runner::Phase::ended:
      break;
  }
  return wire::ProcessPhase::ended;
}

void log_change(const wire::ProcessReport& before, const wire::ProcessReport& now) {
  const auto id = to_string(now.process);
  if (before.pid == 0 && now.pid != 0)
    log::event("process.started", {{"process", id}, {"pid", now.pid}});
  if (before.phase != now.phase && now.phase == wire::ProcessPhase::running) {
    const auto port = now.ports.empty() ? std::uint16_t{0} : now.ports.front().port;
    log::event("process.running",
               {{"process", id}, {"pid", now.pid}, {"port", static_cast<int>(port)}});
  }
}

}  // namespace

wire::ProcessReport to_wire(const runner::Report& report) {
  return {.process = report.process,
          .phase = to_wire(report.phase),
          .ports = report.ports,
          .exit_reason = report.exit_reason,
          .exit_summary = report.exit_summary,
          .pid = report.pid};
}

process_actor::behavior_type run_process(process_actor::stateful_pointer<ProcessState> self,
                                         ProcessDeps deps) {
  self->set_exception_handler(log_exception);
  self->state.deps = std::move(deps);
  const auto& d = self->state.deps;
  // The runner must not keep the actor alive, and calls from its own thread.
  const caf::actor_addr address(self->address());
  d.runner->watch(d.process, [address](const runner::Report& report) {
    if (const auto handle = caf::actor_cast<process_actor>(address)) {
      caf::anon_send(handle, report_atom::value, to_wire(report));
    }
  });
  return {
      [self](stop_atom) { self->state.deps.runner->stop(self->state.deps.process); },
      [self](report_atom, const wire::ProcessReport& report) {
        auto& state = self->state;
        if (report == state.last) return;
        if (!std::exchange(state.deps.known, false)) log_change(state.last, report);
        state.last = report;
        self->send(state.deps.host, report_atom::value, report);
        if (report.phase == wire::ProcessPhase::ended) self->quit();
      },
  };
}

}  // namespace innkeeper::actors
