#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/placement.hpp"
#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"

// What the gateway asks of a region, and what it gets back: plain values without a wire format.
namespace innkeeper::domain {

struct CreateRoom {
  AppId app;
  RegionName region;
  std::optional<RoomId> room;              // chosen by the client
  std::optional<std::string> config;
  std::optional<DeploymentId> deployment;  // absent: the latest
  std::string idempotency_key;             // empty: none
  std::string request_digest;              // SHA-256 of what the key stands for; empty without a key
  friend bool operator==(const CreateRoom&, const CreateRoom&) = default;
};

// Where a room is, for clients that want to connect. `exposed_port` is set exactly when `active`.
struct ConnectionInfo {
  RoomId room;
  bool active = false;
  std::optional<ProcessId> process;
  std::optional<ExposedPort> exposed_port;
  std::vector<ExposedPort> additional_ports;  // empty unless active
  friend bool operator==(const ConnectionInfo&, const ConnectionInfo&) = default;
};

struct AllocationView {
  AllocationId id;
  ProcessId process;
  Timestamp scheduled_at{};
  std::optional<Timestamp> unscheduled_at;
  friend bool operator==(const AllocationView&, const AllocationView&) = default;
};

struct RoomView {
  AppId app;
  RoomId room;
  std::optional<std::string> config;
  RoomStatus status = RoomStatus::scheduling;
  std::optional<AllocationView> current;
  std::vector<AllocationView> allocations;  // oldest first; empty in lists
  friend bool operator==(const RoomView&, const RoomView&) = default;
};

struct ProcessView {
  AppId app;
  DeploymentId deployment;
  DeploymentKey deployment_key{};
  ProcessId id;
  RegionName region;
  ProcessStatus status = ProcessStatus::starting;
  std::uint32_t rooms_per_process = 1;
  std::uint32_t rooms_allocated = 0;
  std::string exit_summary;         // empty until it has ended
  std::vector<ExposedPort> ports;   // empty unless it runs; default first
  Timestamp created_at{};
  std::optional<Timestamp> scheduled_at;
  std::optional<Timestamp> booted_at;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> stopping_at;
  std::optional<Timestamp> terminated_at;
  friend bool operator==(const ProcessView&, const ProcessView&) = default;
};

struct ProcessFilter {
  AppId app;
  std::vector<ProcessStatus> statuses;   // empty: all
  std::vector<RegionName> regions;       // empty: all
  std::optional<Timestamp> before;       // createdAt, exclusive
  friend bool operator==(const ProcessFilter&, const ProcessFilter&) = default;
};

// One metric of a process over time, oldest first.
struct MetricSample {
  Timestamp at{};
  double value = 0;
  friend bool operator==(const MetricSample&, const MetricSample&) = default;
};
struct ProcessMetrics {
  std::vector<MetricSample> cpu;                 // cores in use
  std::vector<MetricSample> memory;              // bytes resident, all processes of the group
  std::vector<MetricSample> active_connections;  // established TCP connections on its ports
  friend bool operator==(const ProcessMetrics&, const ProcessMetrics&) = default;
};

// Why a room is where it is, or why it waits. Texts are whole sentences for people.
struct RoomExplanation {
  RoomId room;
  AppId app;
  DeploymentId deployment;
  RegionName region;
  RoomStatus status = RoomStatus::scheduling;
  std::string summary;                      // the answer in one sentence
  std::optional<AllocationView> current;
  std::string placed_because;               // empty without a current allocation
  std::string ended_because;                // why the last allocation ended; empty while it lasts
  std::optional<ProcessView> process;       // of the current allocation
  std::optional<HostName> host;
  std::optional<std::uint64_t> queue_position;  // 1 is next; set while it waits for capacity
  std::optional<Timestamp> gives_up_at;         // when the scheduling timeout destroys it
  PlacementExplanation placement;           // what a room of this deployment would get now
};

}  // namespace innkeeper::domain
