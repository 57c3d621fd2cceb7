#include <utility>

#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/assert.hpp"
#include "actors/domain/limits.hpp"
#include "actors/region/commit.hpp"
#include "actors/region_scheduler.hpp"

namespace innkeeper::actors {

using domain::ProcessPhase;

// Where the next room of the deployment goes. While rooms of it wait, newcomers queue up behind them.
domain::Result<RegionScheduler::PlacedOn> RegionScheduler::place(
    const std::shared_ptr<const domain::Deployment>& deployment, const std::optional<domain::RoomId>& room,
    std::uint8_t attempt, domain::Timestamp not_before) {
  const auto queue = waiting_.find(deployment->key);
  const bool others_wait = queue != waiting_.end() && !queue->second.empty();
  const auto choice = index_->choose(deployment->key);
  if (choice && choice->phase != ProcessPhase::reserved && !others_wait) {
    const auto reason = choice->phase == ProcessPhase::running ? domain::PlacementReason::running_process
                                                               : domain::PlacementReason::starting_process;
    return PlacedOn{directory_.process(choice->process), reason};
  }
  if (others_wait && waiting_count_ >= domain::limits::waiting_rooms_per_region)
    return domain::Error{.code = domain::ErrorCode::overloaded,
                         .message = "too many rooms wait for capacity",
                         .retry_after_s = 5};
  if (choice && choice->phase == ProcessPhase::reserved)
    return PlacedOn{directory_.process(choice->process), domain::PlacementReason::reserved_process};
  const auto earlier = reserved_.find(deployment->app);
  const bool app_waits = earlier != reserved_.end() && !earlier->second.empty();
  auto& process = new_process(deployment, room, attempt, not_before);
  if (not_before <= now() && !app_waits) {
    if (const auto host = index_->choose_host(deployment->resources())) {
      start_on(process, *host);
      return PlacedOn{&process, domain::PlacementReason::new_process};
    }
  }
  commit(process, [](ProcessEntry&) {});
  return PlacedOn{&process, domain::PlacementReason::reserved_process};
}

// Holds the slot for the room until it has settled the message that is sent to it next.
Slot RegionScheduler::take_slot(RoomEntry& room, const PlacedOn& placed) {
  INNKEEPER_ASSERT(room.reserved == nullptr && room.actor);
  auto& process = *placed.process;
  room.reserved = &process;
  room.reserved_by = ++room.sent;
  process.rooms.insert(&room);
  index_->occupy(process.record.id);
  if (process.record.reserved() && !room.queued()) enqueue(room);
  return {.placement = {.allocation = ids_->allocation_id(now()),
                        .process = process.record.id,
                        .reason = placed.reason},
          .endpoint = process.endpoint};
}

void RegionScheduler::leave(ProcessEntry& process, RoomEntry& room) {
  if (process.rooms.erase(&room) == 0) return;
  if (process.indexed) index_->release(process.record.id);
  if (process.rooms.empty()) became_empty(process);
  if (process.indexed) serve_waiting(process.record.deployment);
}

void RegionScheduler::became_empty(ProcessEntry& process) {
  process.idle_since = now();
  if (process.rooms_leave)
    for (auto& waiter : std::exchange(process.stop_waiters, {})) waiter.deliver(wire::Done{});
  if (process.record.reserved()) {
    if (!process.asked_for) order_stop(process, domain::ExitReason::unneeded);
    return;
  }
  const bool reap = process.deployment->spec.idle_timeout_enabled &&
                    process.record.status == domain::ProcessStatus::running;
  if (reap && !std::exchange(process.idle_armed, true))
    arm(process.idle_since + deps_.timeouts.idle,
        {.kind = Timer::Kind::idle, .process = process.record.id});
}

void RegionScheduler::enqueue(RoomEntry& room) {
  // A room whose start failed keeps its place before those that came later.
  if (!room.turn) {
    // After a restart of ours the stay on a reserved process tells how long it has waited already.
    const auto since = room.process != nullptr && room.committed
                           ? room.record->allocations.back().scheduled_at
                           : now();
    room.turn = std::make_unique<region::Turn>(region::Turn{.number = ++next_turn_, .since = since});
  }
  room.turn->queued = true;
  waiting_[room.record->deployment].emplace(room.turn->number, &room);
  ++waiting_count_;
}

void RegionScheduler::dequeue(RoomEntry& room) {
  const auto queue = waiting_.find(room.record->deployment);
  INNKEEPER_ASSERT(queue != waiting_.end());
  waiting_count_ -= queue->second.erase(room.turn->number);
  room.turn->queued = false;
  if (queue->second.empty()) waiting_.erase(queue);
}

// Gives free slots to the rooms that wait, in the order in which they came. A room that has not settled yet
// holds up those behind it for the moment that takes.
void RegionScheduler::serve_waiting(domain::DeploymentKey deployment) {
  if (stopped_) return;
  for (auto queue = waiting_.find(deployment); queue != waiting_.end();
       queue = waiting_.find(deployment)) {
    const auto choice = index_->choose(deployment, ProcessPhase::starting);
    if (!choice || choice->phase == ProcessPhase::reserved) return;
    auto& room = *queue->second.begin()->second;
    if (!room.committed || room.reserved != nullptr || room.process == nullptr || room.recovering) return;
    dequeue(room);
    const auto reason = choice->phase == ProcessPhase::running ? domain::PlacementReason::running_process
                                                               : domain::PlacementReason::starting_process;
    if (const auto app = catalog_->find(deployment)) {
      const auto waited = now() - room.turn->since;
      metrics().queue_waited(region(), app->app.str(), std::chrono::duration<double>(waited).count());
    }
    send_move(room, room.process->record.id, domain::EndReason::moved_to_free_slot,
              {directory_.process(choice->process), reason});
  }
}

void RegionScheduler::give_up_waiting() {
  const auto oldest = now() - deps_.timeouts.scheduling;
  std::vector<RoomEntry*> late;
  for (const auto& [deployment, queue] : waiting_) {
    for (const auto& [number, room] : queue) {
      if (!room->committed || room->reserved != nullptr || room->process == nullptr) continue;
      if (room->turn->since > oldest) break;
      late.push_back(room);
    }
  }
  for (auto* room : late) {
    dequeue(*room);
    send_end(*room, *room->process, domain::EndReason::no_capacity, domain::RoomState::destroyed);
  }
  // Processes that were asked for without a room.
  std::vector<ProcessEntry*> unplaced;
  for (const auto& [app, processes] : reserved_)
    for (const auto& [key, process] : processes)
      if (process->asked_for && process->rooms.empty() && process->record.created_at <= oldest)
        unplaced.push_back(process);
  for (auto* process : unplaced)
    end_process(*process, domain::ExitReason::no_capacity, "no host had room for it in time");
}

void RegionScheduler::send_move(RoomEntry& room, domain::ProcessId from, domain::EndReason reason,
                                const PlacedOn& to) {
  auto& actor = awake(room);
  auto slot = take_slot(room, to);
  self_->send(actor, move_atom::value,
              MoveOrder{.from = from, .reason = reason, .slot = std::move(slot)});
}

void RegionScheduler::send_end(RoomEntry& room, const ProcessEntry& from, domain::EndReason reason,
                               domain::RoomState outcome) {
  auto& actor = awake(room);
  ++room.sent;
  self_->send(actor, end_atom::value,
              domain::EndAllocation{.from = from.record.id, .reason = reason, .outcome = outcome});
}

}  // namespace innkeeper::actors
