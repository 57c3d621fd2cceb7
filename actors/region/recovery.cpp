#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/region_scheduler.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {

using domain::ProcessPhase;
using domain::ProcessStatus;
using domain::RoomState;

// Rebuilds everything from what is committed. Rooms whose process ended while nobody looked are handled as
// they would have been then; processes that should run are `known` until their host has registered.
void RegionScheduler::load(const store::RegionSnapshot& snapshot) {
  const auto start = std::chrono::steady_clock::now();
  load_processes(snapshot);
  directory_.reserve(snapshot.rooms.size());
  std::vector<RoomEntry*> waiting;
  for (const auto& record : snapshot.rooms) load_room(record, waiting);
  std::sort(waiting.begin(), waiting.end(), [](const RoomEntry* a, const RoomEntry* b) {
    return std::tie(a->record->allocations.back().scheduled_at, a->record->id) <
           std::tie(b->record->allocations.back().scheduled_at, b->record->id);
  });
  for (auto* room : waiting) enqueue(*room);
  std::sort(tombstones_.begin(), tombstones_.end());
  std::sort(ended_.begin(), ended_.end());
  for (const auto& record : snapshot.idempotency) {
    auto key = std::make_shared<Idempotent>();
    key->digest = record.request_digest;
    key->answer = record.answer;
    key->created_at = record.created_at;
    key->committed = true;
    remember_key(record.app.str() + '\n' + record.key, std::move(key));
  }
  loaded_ = true;

  // From here on as in normal operation.
  std::vector<RoomEntry*> without;
  directory_.rooms().for_each([&](RoomEntry& room) {
    if (room.record->current() != nullptr &&
        (room.process == nullptr || room.process->rooms_leave ||
         domain::is_final(room.process->record.status)))
      without.push_back(&room);
  });
  for (auto* room : without) {
    if (room->process != nullptr)
      room_lost_process(*room, *room->process);
    else
      room_without_process(*room, room->record->current()->process, domain::EndReason::host_lost);
  }
  // What a slot that became free sets off may not have been done any more.
  std::vector<ProcessEntry*> empty;
  for (const auto& [id, process] : directory_.processes())
    if (process->rooms.empty() &&
        (process->record.status == ProcessStatus::running || process->record.reserved()))
      empty.push_back(process.get());
  for (auto* process : empty) became_empty(*process);
  serve_all_waiting();
  const auto took = std::chrono::steady_clock::now() - start;
  log::event("region.recovered",
             {{"region", region()},
              {"rooms", static_cast<std::uint64_t>(snapshot.rooms.size())},
              {"processes", static_cast<std::uint64_t>(snapshot.processes.size())},
              {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}});
}

void RegionScheduler::load_processes(const store::RegionSnapshot& snapshot) {
  const auto at = now();
  for (const auto& record : snapshot.processes) {
    const auto deployment = catalog_->find(record.deployment);
    if (!deployment) continue;
    auto& process = directory_.add_process(record, deployment);
    process.idle_since = at;
    if (domain::is_final(record.status)) {
      ended_.emplace_back(record.terminated_at.value_or(at), record.id);
      continue;
    }
    std::optional<domain::HostName> host;
    if (!record.host.empty()) {
      host = record.host;
      if (hosts_.emplace(record.host, Host{.away_since = at}).second)
        index_->add_host(record.host, {}, false);
    }
    auto phase = ProcessPhase::starting;
    if (record.reserved()) {
      phase = ProcessPhase::reserved;
      reserved_[deployment->app].emplace(std::pair{record.created_at, record.id}, &process);
      process.asked_for = !record.initial_room;
    } else if (record.status == ProcessStatus::running) {
      phase = ProcessPhase::running;
      process.endpoint = endpoint_of(record);
    } else if (record.status != ProcessStatus::starting) {
      phase = ProcessPhase::closed;
      process.rooms_leave = record.status == ProcessStatus::stopping;
      if (record.status == ProcessStatus::draining) process.endpoint = endpoint_of(record);
    }
    index_->add_process(record.id, record.deployment, deployment->spec.rooms_per_process,
                        deployment->resources(), phase, host);
    process.indexed = true;
  }
}

void RegionScheduler::load_room(const RoomRecordPtr& record, std::vector<RoomEntry*>& waiting) {
  auto& room = directory_.add_room(record);
  room.committed = true;
  const auto* current = record->current();
  for (const auto& allocation : record->allocations)
    if (&allocation != current)
      if (auto* process = directory_.process(allocation.process)) process->former.insert(&room);
  if (const auto deployment = catalog_->find(record->deployment)) {
    auto& totals = totals_[deployment->app];
    if (record->state == RoomState::suspended) ++totals.suspended;
    if (record->state == RoomState::destroyed) ++totals.destroyed;
  }
  if (record->state == RoomState::destroyed)
    tombstones_.emplace_back(record->destroyed_at.value_or(record->created_at), record->id);
  if (current == nullptr) return;
  auto* process = directory_.process(current->process);
  if (process == nullptr) return;
  room.process = process;
  process->rooms.insert(&room);
  if (process->indexed) index_->occupy(current->process);
  if (process->record.reserved()) waiting.push_back(&room);
  awake(room);
}

}  // namespace innkeeper::actors
