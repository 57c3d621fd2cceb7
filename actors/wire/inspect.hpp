#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "actors/domain/api.hpp"
#include "actors/wire/messages.hpp"

// How each message type is serialised by CAF 0.17: one `inspect` a type, all members in order. New members
// go at the end, so that an older reader ignores them (docs/decisions: wire compatibility). A test
// round-trips every type with values that differ from the defaults.
namespace innkeeper::wire {

// A std::optional inside an `inspect`: a flag, then the value. CAF 0.17 knows only its own optional.
template <class T>
struct Opt {
  std::optional<T>& value;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, Opt& x) {
    using R = typename Inspector::result_type;
    if constexpr (std::is_void_v<R>) {
      if (x.value) f(*x.value);
    } else if constexpr (Inspector::reads_state) {
      bool has = x.value.has_value();
      return has ? f(has, *x.value) : f(has);
    } else {
      bool has = false;
      if (auto err = f(has)) return err;
      if (!has) {
        x.value.reset();
        return R{};
      }
      x.value.emplace();
      return f(*x.value);
    }
  }
};
template <class T>
Opt<T> opt(std::optional<T>& value) {
  return Opt<T>{value};
}

#define INNKEEPER_INSPECT(Type, ...)                                       \
  template <class Inspector>                                               \
  typename Inspector::result_type inspect(Inspector& f, Type& x) {         \
    return f(__VA_ARGS__);                                                 \
  }

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Done&) {
  return f();
}
INNKEEPER_INSPECT(StartProcess, x.process, x.app, x.app_secret, x.deployment_id, x.spec, x.region,
                  opt(x.initial_room), opt(x.initial_room_config), x.epoch)
INNKEEPER_INSPECT(StopProcess, x.process, x.epoch)
INNKEEPER_INSPECT(ProcessReport, x.process, x.phase, x.ports, x.exit_reason, x.exit_summary, x.pid)
INNKEEPER_INSPECT(HostRegistration, x.host, x.incarnation, x.protocol, x.region, x.capacity, x.processes)
INNKEEPER_INSPECT(HostAccepted, x.epoch, x.stop)

}  // namespace innkeeper::wire

namespace innkeeper::domain {

using wire::opt;

INNKEEPER_INSPECT(CreateRoom, x.app, x.region, opt(x.room), opt(x.config), opt(x.deployment),
                  x.idempotency_key, x.request_digest)
INNKEEPER_INSPECT(ConnectionInfo, x.room, x.active, opt(x.process), opt(x.exposed_port),
                  x.additional_ports)
INNKEEPER_INSPECT(AllocationView, x.id, x.process, x.scheduled_at, opt(x.unscheduled_at))
INNKEEPER_INSPECT(RoomView, x.app, x.room, opt(x.config), x.status, opt(x.current), x.allocations)
INNKEEPER_INSPECT(ProcessView, x.app, x.deployment, x.deployment_key, x.id, x.region, x.status,
                  x.rooms_per_process, x.rooms_allocated, x.exit_summary, x.ports, x.created_at,
                  opt(x.scheduled_at), opt(x.booted_at), opt(x.started_at), opt(x.stopping_at),
                  opt(x.terminated_at))
INNKEEPER_INSPECT(ProcessFilter, x.app, x.statuses, x.regions, opt(x.before))
INNKEEPER_INSPECT(MetricSample, x.at, x.value)
INNKEEPER_INSPECT(ProcessMetrics, x.cpu, x.memory, x.active_connections)
INNKEEPER_INSPECT(ProcessCandidate, x.id, x.phase, x.used, x.slots, x.verdict)
INNKEEPER_INSPECT(HostCandidate, x.name, x.free, x.verdict)
INNKEEPER_INSPECT(PlacementExplanation, x.policy, x.wanted, x.processes, x.processes_total, x.hosts,
                  x.hosts_total)
INNKEEPER_INSPECT(RoomExplanation, x.room, x.app, x.deployment, x.region, x.status, x.summary,
                  opt(x.current), x.placed_because, x.ended_because, opt(x.process), opt(x.host),
                  opt(x.queue_position), opt(x.gives_up_at), x.placement)

#undef INNKEEPER_INSPECT

}  // namespace innkeeper::domain
