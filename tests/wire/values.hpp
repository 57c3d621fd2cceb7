#pragma once

#include <tuple>
#include <vector>

#include "actors/wire/inspect.hpp"

// A value of every type that crosses nodes, in which no member has its default: what an `inspect` forgets
// shows. `members` names all members of a type, so that a new one does not compile until it is here.
namespace innkeeper::wire::testing {

[[nodiscard]] inline domain::Timestamp at(std::int64_t ms) {
  return domain::Timestamp(domain::Duration(1'750'000'000'000 + ms));
}

// Every member of `x`, as a tuple of references; the compiler counts them.
[[nodiscard]] inline auto members(const Done&) { return std::tie(); }
[[nodiscard]] inline auto members(const domain::Resources& x) {
  const auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
[[nodiscard]] inline auto members(const domain::ContainerPort& x) {
  const auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
[[nodiscard]] inline auto members(const domain::ExposedPort& x) {
  const auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
[[nodiscard]] inline auto members(const domain::DeploymentSpec& x) {
  const auto& [a, b, c, d, e, f, g, h, i, j] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
[[nodiscard]] inline auto members(const StartProcess& x) {
  const auto& [a, b, c, d, e, f, g, h, i] = x;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
[[nodiscard]] inline auto members(const StopProcess& x) {
  const auto& [a, b] = x;
  return std::tie(a, b);
}
[[nodiscard]] inline auto members(const ProcessReport& x) {
  const auto& [a, b, c, d, e, f] = x;
  return std::tie(a, b, c, d, e, f);
}
[[nodiscard]] inline auto members(const HostRegistration& x) {
  const auto& [a, b, c, d, e, f] = x;
  return std::tie(a, b, c, d, e, f);
}
[[nodiscard]] inline auto members(const HostAccepted& x) {
  const auto& [a, b] = x;
  return std::tie(a, b);
}
[[nodiscard]] inline auto members(const domain::ProcessId& x) {
  const auto& [a, b] = x;
  return std::tie(a, b);
}
[[nodiscard]] inline auto members(const domain::CreateRoom& x) {
  const auto& [a, b, c, d, e, f, g] = x;
  return std::tie(a, b, c, d, e, f, g);
}
[[nodiscard]] inline auto members(const domain::ConnectionInfo& x) {
  const auto& [a, b, c, d, e] = x;
  return std::tie(a, b, c, d, e);
}
[[nodiscard]] inline auto members(const domain::AllocationView& x) {
  const auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
[[nodiscard]] inline auto members(const domain::RoomView& x) {
  const auto& [a, b, c, d, e, f] = x;
  return std::tie(a, b, c, d, e, f);
}
[[nodiscard]] inline auto members(const domain::ProcessView& x) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}
[[nodiscard]] inline auto members(const domain::ProcessFilter& x) {
  const auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
[[nodiscard]] inline auto members(const domain::MetricSample& x) {
  const auto& [a, b] = x;
  return std::tie(a, b);
}
[[nodiscard]] inline auto members(const domain::ProcessMetrics& x) {
  const auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
[[nodiscard]] inline auto members(const domain::ProcessCandidate& x) {
  const auto& [a, b, c, d, e] = x;
  return std::tie(a, b, c, d, e);
}
[[nodiscard]] inline auto members(const domain::HostCandidate& x) {
  const auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
[[nodiscard]] inline auto members(const domain::PlacementExplanation& x) {
  const auto& [a, b, c, d, e, f] = x;
  return std::tie(a, b, c, d, e, f);
}
[[nodiscard]] inline auto members(const domain::RoomExplanation& x) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
}

// Equality by members, for the types that have no operator as well.
template <class T>
[[nodiscard]] bool same(const T& a, const T& b);

template <class T>
[[nodiscard]] bool same_value(const T& a, const T& b) {
  if constexpr (std::equality_comparable<T>)
    return a == b;
  else
    return same(a, b);
}
template <class T>
[[nodiscard]] bool same_value(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_value(a[i], b[i])) return false;
  return true;
}
template <class... Ts>
[[nodiscard]] bool same_members(const std::tuple<const Ts&...>& a, const std::tuple<const Ts&...>& b) {
  return std::apply(
      [&](const auto&... x) {
        return std::apply([&](const auto&... y) { return (same_value(x, y) && ...); }, b);
      },
      a);
}
template <class T>
[[nodiscard]] bool same(const T& a, const T& b) {
  if constexpr (requires { members(a); })
    return same_members(members(a), members(b));
  else
    return same_value(a, b);
}

// How many members have the value that a default-constructed one has.
template <class T>
[[nodiscard]] std::size_t members_at_default(const T& x) {
  const T fresh{};
  return std::apply(
      [&](const auto&... member) {
        return std::apply(
            [&](const auto&... initial) {
              return (std::size_t{0} + ... + (same_value(member, initial) ? 1U : 0U));
            },
            members(fresh));
      },
      members(x));
}

[[nodiscard]] inline domain::ProcessId process_id(std::uint64_t n) {
  return {.hi = 0x0190A1B2C3D47000ULL + n, .lo = 0xFEDCBA9876543210ULL - n};
}
[[nodiscard]] inline std::vector<domain::ExposedPort> ports() {
  return {{.name = "default", .host = "2001:db8::1", .port = 65'535, .transport = domain::Transport::tls},
          {.name = "query", .host = "play.example.org", .port = 1, .transport = domain::Transport::udp}};
}
[[nodiscard]] inline domain::DeploymentSpec spec() {
  domain::DeploymentSpec x;
  x.command = {"/usr/games/server", "--port={port}", "", "two words"};
  x.default_port = {.name = "main", .port = 8'303, .transport = domain::Transport::udp};
  x.additional_ports = {{.name = "query", .port = 27'016, .transport = domain::Transport::tls}};
  x.rooms_per_process = 10'000;
  x.requested_cpu_millis = 1'750;
  x.requested_memory_mb = 4'000'000'000U;
  x.idle_timeout_enabled = false;
  x.env = {{"MODE", "dm"}, {"EMPTY", ""}, {"UNICODE", "\xC5\xBC\xC3\xB3\xC5\x82w"}};
  x.build_tag = "build-1.2";
  x.deployment_tag = "canary";
  return x;
}
[[nodiscard]] inline StartProcess start_process() {
  return {.process = process_id(1),
          .app = domain::AppId("app-1"),
          .app_secret = std::string("with\0zero", 9),
          .deployment_id = domain::DeploymentId("dep-1"),
          .spec = spec(),
          .region = domain::RegionName("Seattle"),
          .initial_room = domain::RoomId("room-1"),
          .initial_room_config = "{\"a\":\"\\u0000\"}",
          .epoch = 0xFFFF'FFFF'FFFF'FFFEULL};
}
[[nodiscard]] inline StopProcess stop_process() { return {.process = process_id(2), .epoch = 77}; }
[[nodiscard]] inline ProcessReport report() {
  return {.process = process_id(3),
          .phase = ProcessPhase::ended,
          .ports = ports(),
          .exit_reason = domain::ExitReason::no_capacity,
          .exit_summary = "killed by signal 11",
          .pid = -1};
}
[[nodiscard]] inline HostRegistration registration() {
  return {.host = domain::HostName("node-7"),
          .incarnation = 0x8000'0000'0000'0001ULL,
          .protocol = 4'000'000'000U,
          .region = domain::RegionName("Frankfurt"),
          .capacity = {.cpu_millis = 1, .memory_mb = 2, .ports = 3},
          .processes = {report(), {}}};
}
[[nodiscard]] inline HostAccepted accepted() {
  return {.epoch = 5, .stop = {process_id(4), process_id(5)}};
}
[[nodiscard]] inline domain::CreateRoom create_room() {
  return {.app = domain::AppId("app-1"),
          .region = domain::RegionName("Seattle"),
          .room = domain::RoomId("chosen_ID-1"),
          .config = "",
          .deployment = domain::DeploymentId("dep-1"),
          .idempotency_key = "key",
          .request_digest = std::string(64, 'f')};
}
[[nodiscard]] inline domain::ConnectionInfo connection_info() {
  return {.room = domain::RoomId("room-1"),
          .active = true,
          .process = process_id(6),
          .exposed_port = ports()[0],
          .additional_ports = {ports()[1]}};
}
[[nodiscard]] inline domain::AllocationView allocation() {
  return {.id = {.hi = 1, .lo = 2}, .process = process_id(7), .scheduled_at = at(1), .unscheduled_at = at(2)};
}
[[nodiscard]] inline domain::RoomView room_view() {
  return {.app = domain::AppId("app-1"),
          .room = domain::RoomId("room-1"),
          .config = "config",
          .status = domain::RoomStatus::destroyed,
          .current = allocation(),
          .allocations = {allocation(), {}}};
}
[[nodiscard]] inline domain::ProcessView process_view() {
  return {.app = domain::AppId("app-1"),
          .deployment = domain::DeploymentId("dep-1"),
          .deployment_key = domain::DeploymentKey{4'294'967'295U},
          .id = process_id(8),
          .region = domain::RegionName("Seattle"),
          .status = domain::ProcessStatus::failed,
          .rooms_per_process = 9,
          .rooms_allocated = 8,
          .exit_summary = "gone",
          .ports = ports(),
          .created_at = at(1),
          .scheduled_at = at(2),
          .booted_at = at(3),
          .started_at = at(4),
          .stopping_at = at(5),
          .terminated_at = at(6)};
}
[[nodiscard]] inline domain::ProcessFilter filter() {
  return {.app = domain::AppId("app-1"),
          .statuses = {domain::ProcessStatus::draining, domain::ProcessStatus::starting},
          .regions = {domain::RegionName("A"), domain::RegionName("B")},
          .before = at(-1'750'000'000'001)};
}
[[nodiscard]] inline domain::ProcessMetrics process_metrics() {
  return {.cpu = {{.at = at(1), .value = 0.25}, {.at = at(2), .value = -1e300}},
          .memory = {{.at = at(3), .value = 1e18}},
          .active_connections = {{.at = at(4), .value = 3}}};
}
[[nodiscard]] inline domain::PlacementExplanation placement() {
  return {.policy = domain::PlacementPolicy::spread,
          .wanted = {.cpu_millis = 4, .memory_mb = 5, .ports = 6},
          .processes = {{.id = process_id(9),
                         .phase = domain::ProcessPhase::closed,
                         .used = 1,
                         .slots = 2,
                         .verdict = domain::Verdict::closed}},
          .processes_total = 11,
          .hosts = {{.name = domain::HostName("node-1"),
                     .free = {.cpu_millis = 7, .memory_mb = 8, .ports = 9},
                     .verdict = domain::Verdict::host_away}},
          .hosts_total = 12};
}
[[nodiscard]] inline domain::RoomExplanation explanation() {
  return {.room = domain::RoomId("room-1"),
          .app = domain::AppId("app-1"),
          .deployment = domain::DeploymentId("dep-1"),
          .region = domain::RegionName("Seattle"),
          .status = domain::RoomStatus::suspended,
          .summary = "It waits.",
          .current = allocation(),
          .placed_because = "It fitted.",
          .ended_because = "It crashed.",
          .process = process_view(),
          .host = domain::HostName("node-1"),
          .queue_position = 3,
          .gives_up_at = at(9),
          .placement = placement()};
}

}  // namespace innkeeper::wire::testing
