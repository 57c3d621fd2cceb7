#pragma once

#include <string>
#include <vector>

#include "tests/store/support/records.hpp"

// Records in which every field has a value that is not its default: what is forgotten on the way to
// disk and back shows. The golden file of the first schema holds the same ones.
namespace innkeeper::store::testing {

[[nodiscard]] inline domain::App full_app() {
  return {.id = echo_app,
          .name = "écho \"quoted\"",
          .org_id = "org-1",
          .secret = "s3cret/+=",
          .created_by = "admin@example.org",
          .created_at = at(1'700'000'000'001)};
}

[[nodiscard]] inline domain::Deployment full_deployment() {
  domain::Deployment deployment;
  deployment.id = domain::DeploymentId("dep-6d4c6a71-2d75-4b42-94e1-f312f57f33c5");
  deployment.app = echo_app;
  domain::DeploymentSpec& spec = deployment.spec;
  spec.command = {"/usr/games/server", "--port={port}", "", "two words", "\"\\\n\t"};
  spec.default_port.port = 8303;
  spec.default_port.transport = domain::Transport::udp;
  spec.additional_ports = {{.name = "query", .port = 27'016, .transport = domain::Transport::tls},
                           {.name = "rcon", .port = 65'535, .transport = domain::Transport::tcp}};
  spec.rooms_per_process = 10'000;
  spec.requested_cpu_millis = 1'750;
  spec.requested_memory_mb = 4'000'000'000U;
  spec.idle_timeout_enabled = false;
  spec.env = {{"MODE", "dm"}, {"EMPTY", ""}, {"UNICODE", "żółw 🐢"}};
  spec.build_tag = "build-1.2";
  spec.deployment_tag = "canary";
  deployment.created_at = at(1'700'000'000'002);
  deployment.created_by = "somebody";
  return deployment;
}

[[nodiscard]] inline domain::ProcessRecord full_process() {
  domain::ProcessRecord process;
  process.id = {.hi = 0xFFEEDDCCBBAA9988ULL, .lo = 0x7766554433221100ULL};
  process.deployment = domain::DeploymentKey{4'294'967'295U};
  process.host = domain::HostName("node-7");
  process.status = domain::ProcessStatus::failed;
  process.exit_reason = domain::ExitReason::no_capacity;
  process.attempt = 255;
  process.ports = {{.name = "default",
                    .host = "2001:db8::1",
                    .port = 65'535,
                    .transport = domain::Transport::tls},
                   {.name = "query",
                    .host = "play.example.org",
                    .port = 1,
                    .transport = domain::Transport::udp}};
  process.exit_summary = "killed by signal 11 (\"Segmentation fault\")";
  process.initial_room = room_id(7);
  process.created_at = at(1'700'000'000'003);
  process.scheduled_at = at(1'700'000'000'004);
  process.booted_at = at(1'700'000'000'005);
  process.started_at = at(1'700'000'000'006);
  process.stopping_at = at(1'700'000'000'007);
  process.terminated_at = at(1'700'000'000'008);
  process.stop_reason = domain::ExitReason::idle;
  return process;
}

[[nodiscard]] inline domain::RoomRecord full_room() {
  domain::RoomRecord room;
  room.id = domain::RoomId("Chosen_room-1");
  room.deployment = domain::DeploymentKey{4'294'967'295U};
  room.state = domain::RoomState::suspended;
  room.config = std::string("{\"a\":\"\\u0000\"}\0after", 19);
  room.created_at = at(1'700'000'000'009);
  room.destroyed_at = at(1'700'000'000'010);
  for (std::uint64_t i = 0; i < 10; ++i) {
    domain::Allocation stay = allocation(i);
    stay.unscheduled_at = at(1'700'000'001'000 + static_cast<std::int64_t>(i));
    stay.placed = static_cast<domain::PlacementReason>(i % 4);
    stay.ended = static_cast<domain::EndReason>(i);
    room.allocations.push_back(stay);
  }
  return room;
}

[[nodiscard]] inline IdempotencyRecord full_idempotency() {
  return {
      .region = seattle,
      .app = echo_app,
      .key = "anything a client sends: \"✓\"",
      .request_digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
      .answer = {.room = room_id(8),
                 .active = true,
                 .process = full_process().id,
                 .exposed_port = full_process().ports.front(),
                 .additional_ports = {full_process().ports.back(), full_process().ports.front()}},
      .created_at = at(1'700'000'000'011)};
}

[[nodiscard]] inline std::vector<Change> full_changes() {
  return {PutApp{full_app()}, InsertDeployment{full_deployment()},
          PutProcess{.region = seattle, .app = echo_app, .process = full_process()},
          insert(full_room()), PutIdempotency{full_idempotency()}};
}

}  // namespace innkeeper::store::testing
