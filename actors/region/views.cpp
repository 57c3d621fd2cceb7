#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/limits.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/room_actor.hpp"
#include "actors/wire/errors.hpp"

namespace innkeeper::actors {
namespace {

using domain::EndReason;
using domain::ErrorCode;
using domain::PlacementReason;

std::string because(PlacementReason reason) {
  switch (reason) {
    case PlacementReason::running_process:
      return "The process was running and had a free slot; the placement policy preferred it.";
    case PlacementReason::starting_process:
      return "The process was being started and had a free slot; no running one had.";
    case PlacementReason::new_process:
      return "No process had a free slot, so a new one was started on the host that fitted best.";
    case PlacementReason::reserved_process:
      return "No process had a free slot and no host had room for another one, so a process was "
             "reserved that starts when there is room.";
  }
  return {};
}

// Why a stay ended whose process is not known any more, or has not ended yet.
std::string because(EndReason reason) {
  switch (reason) {
    case EndReason::none:
      return {};
    case EndReason::destroyed:
      return "The room was destroyed by a command.";
    case EndReason::suspended:
      return "The room was suspended by a command.";
    case EndReason::moved_to_free_slot:
      return "A slot became free elsewhere before the reserved process could be started.";
    case EndReason::process_stopped:
      return "The process was stopped by a command, or exited with code 0.";
    case EndReason::process_idle:
      return "The process was stopped because it had had no room for the idle time.";
    case EndReason::process_crashed:
      return "The process crashed.";
    case EndReason::process_start_failed:
      return "The process did not start.";
    case EndReason::host_lost:
      return "The process's host was lost.";
    case EndReason::no_capacity:
      return "There was no capacity for the room within the scheduling timeout.";
  }
  return {};
}

// The same when the process is known: with how that ended.
std::string because(EndReason reason, const domain::ProcessRecord& process) {
  if (!domain::is_final(process.status) || process.exit_summary.empty()) return because(reason);
  const auto with_summary = [&](const char* what) { return what + (": " + process.exit_summary) + "."; };
  switch (reason) {
    case EndReason::none:
    case EndReason::destroyed:
    case EndReason::suspended:
    case EndReason::moved_to_free_slot:
    case EndReason::process_idle:
      break;
    case EndReason::process_stopped:
      return process.exit_reason == domain::ExitReason::exited
                 ? with_summary("The process ended by itself")
                 : with_summary("The process was stopped by a command");
    case EndReason::process_crashed:
      return with_summary("The process crashed");
    case EndReason::process_start_failed:
      return with_summary("The process did not start");
    case EndReason::host_lost:
      return with_summary("The process was lost");
    case EndReason::no_capacity:
      if (process.scheduled_at) return with_summary("The host had no capacity for the process after all");
      break;
  }
  return because(reason);
}

}  // namespace

domain::ProcessView RegionScheduler::view(const ProcessEntry& process) const {
  const auto& r = process.record;
  domain::ProcessView out{.app = process.deployment->app,
                          .deployment = process.deployment->id,
                          .deployment_key = r.deployment,
                          .id = r.id,
                          .region = deps_.lease->region,
                          .status = r.status,
                          .rooms_per_process = process.deployment->spec.rooms_per_process,
                          .exit_summary = r.exit_summary,
                          .created_at = r.created_at,
                          .scheduled_at = r.scheduled_at,
                          .booted_at = r.booted_at,
                          .started_at = r.started_at,
                          .stopping_at = r.stopping_at,
                          .terminated_at = r.terminated_at};
  out.rooms_allocated = static_cast<std::uint32_t>(std::count_if(
      process.rooms.begin(), process.rooms.end(), [&](const RoomEntry* room) {
        return room->process == &process || (!room->committed && room->reserved == &process);
      }));
  if (process.endpoint) {
    out.ports = r.ports;
  } else if (r.status == domain::ProcessStatus::running) {
    // Its port is bound, but that is not on disk yet: status and port become visible together.
    out.status = domain::ProcessStatus::starting;
    out.started_at.reset();
  }
  return out;
}

caf::result<domain::ProcessView> RegionScheduler::process_info(const domain::AppId& app,
                                                               domain::ProcessId id) {
  const auto* process = directory_.process(id);
  if (process == nullptr || process->deployment->app != app)
    return wire::to_caf({.code = ErrorCode::not_found, .message = "process not found"});
  return view(*process);
}

std::vector<domain::ProcessView> RegionScheduler::latest(const domain::ProcessFilter& filter) const {
  std::vector<domain::ProcessView> out;
  for (const auto* process : directory_.latest(filter, domain::limits::latest_processes))
    out.push_back(view(*process));
  return out;
}

std::uint64_t RegionScheduler::count(const domain::ProcessFilter& filter) const {
  return directory_.count(filter);
}

// Answered from the committed records, not by asking each room, so that the list is of one moment and never
// longer than the process has slots.
caf::result<std::vector<domain::RoomView>> RegionScheduler::rooms_of(const domain::AppId& app,
                                                                     domain::ProcessId id, bool active) {
  const auto* process = directory_.process(id);
  if (process == nullptr || process->deployment->app != app)
    return wire::to_caf({.code = ErrorCode::not_found, .message = "process not found"});
  std::vector<const RoomEntry*> rooms;
  const auto& from = active ? process->rooms : process->former;
  std::copy_if(from.begin(), from.end(), std::back_inserter(rooms), [&](const RoomEntry* room) {
    return room->committed && (room->process == process) == active;
  });
  std::sort(rooms.begin(), rooms.end(), [](const RoomEntry* a, const RoomEntry* b) {
    if (a->record->created_at != b->record->created_at)
      return a->record->created_at > b->record->created_at;
    return a->record->id > b->record->id;
  });
  std::vector<domain::RoomView> out;
  out.reserve(rooms.size());
  for (const auto* room : rooms) out.push_back(view_of(*room->record, app, runs(*room), false));
  return out;
}

std::uint64_t RegionScheduler::queue_position(const RoomEntry& room) const {
  const auto queue = waiting_.find(room.record->deployment);
  if (queue == waiting_.end()) return 0;
  const auto place = queue->second.find(room.turn->number);
  return 1 + static_cast<std::uint64_t>(std::distance(queue->second.begin(), place));
}

std::string RegionScheduler::sentence(const RoomEntry& room, const domain::RoomExplanation& x) const {
  switch (x.status) {
    case domain::RoomStatus::active:
      return "The room is active on process " + to_string(x.current->process) + " on host " +
             room.process->record.host.str() + ".";
    case domain::RoomStatus::suspended:
      return "The room is suspended: it is on no process until it is resumed.";
    case domain::RoomStatus::destroyed:
      return "The room is destroyed; it is shown until its retention is over.";
    case domain::RoomStatus::scheduling:
      break;
  }
  if (x.queue_position && room.process != nullptr && room.process->not_before > now())
    return "The room waits a moment before its process is started again, because the last start failed.";
  if (x.queue_position && hosts_.empty())
    return "The room waits for capacity: no process of its deployment has a free slot, and no host serves the "
           "region. It is number " +
           std::to_string(*x.queue_position) + " in the queue.";
  if (x.queue_position)
    return "The room waits for capacity: no process of its deployment has a free slot, and no host has "
           "room for one more. It is number " +
           std::to_string(*x.queue_position) + " in the queue.";
  if (room.process != nullptr && room.process->record.reserved())
    return "The room has waited for capacity, and its turn has just ended: it is being placed or given up.";
  return "The room's process is being started; the room becomes active when the process has bound its port.";
}

caf::result<domain::RoomExplanation> RegionScheduler::explain(const domain::RoomId& id) {
  const auto* room = directory_.room(id);
  const auto deployment = room != nullptr ? catalog_->find(room->record->deployment) : nullptr;
  if (!deployment) return wire::to_caf({.code = ErrorCode::not_found, .message = "room not found"});
  const auto& record = *room->record;
  const auto shown = view_of(record, deployment->app, runs(*room), false);
  domain::RoomExplanation x{.room = id,
                            .app = deployment->app,
                            .deployment = deployment->id,
                            .region = deps_.lease->region,
                            .status = shown.status,
                            .current = shown.current};
  // Why the last stay ended, or when it lasts the one before: that is why the room is not where it was.
  auto ended = record.allocations.rbegin();
  if (const auto* current = record.current()) {
    x.placed_because = because(current->placed);
    ++ended;
  }
  if (ended != record.allocations.rend()) {
    const auto* process = directory_.process(ended->process);
    x.ended_because = process != nullptr ? because(ended->ended, process->record) : because(ended->ended);
  }
  if (room->process != nullptr) {
    x.process = view(*room->process);
    if (!room->process->record.host.empty()) x.host = room->process->record.host;
  }
  if (room->queued()) {
    x.queue_position = queue_position(*room);
    x.gives_up_at = room->turn->since + deps_.timeouts.scheduling;
  }
  // A destroyed room is never placed again.
  if (record.state != domain::RoomState::destroyed)
    x.placement = index_->explain(deployment->key, deployment->resources());
  x.summary = sentence(*room, x);
  return x;
}

}  // namespace innkeeper::actors
