#include <utility>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/limits.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {

namespace limits = domain::limits;
using domain::ProcessStatus;

void RegionScheduler::serve_all_waiting() {
  std::vector<domain::DeploymentKey> queues;
  for (const auto& [deployment, queue] : waiting_) queues.push_back(deployment);
  for (const auto deployment : queues) serve_waiting(deployment);
}

void RegionScheduler::fire_timers() {
  const auto at = now();
  while (!timers_.empty() && timers_.begin()->first <= at) {
    const auto timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    auto* process = directory_.process(timer.process);
    if (process == nullptr) continue;
    switch (timer.kind) {
      case Timer::Kind::start:
        break;  // start_reserved, which follows, finds it
      case Timer::Kind::idle: {
        process->idle_armed = false;
        if (!process->rooms.empty() || process->record.status != ProcessStatus::running) break;
        const auto due = process->idle_since + deps_.timeouts.idle;
        if (due <= at) {
          order_stop(*process, domain::ExitReason::idle);
        } else {
          process->idle_armed = true;
          arm(due, timer);
        }
        break;
      }
    }
  }
}

void RegionScheduler::forget_oldest_key() {
  const auto& [created_at, index] = keys_by_age_.front();
  // The key may have been used anew after a create that failed.
  const auto key = keys_.find(index);
  if (key != keys_.end() && key->second->created_at == created_at) keys_.erase(key);
  keys_by_age_.pop_front();
}

// Removes what was kept long enough: destroyed rooms, ended processes, idempotency keys. An id stays taken
// until its row is gone.
void RegionScheduler::purge() {
  if (purging_) return;
  const auto kept_from = now() - deps_.policy.destroyed_retention;
  std::vector<domain::RoomId> rooms;
  while (!tombstones_.empty() && tombstones_.front().first <= kept_from &&
         rooms.size() < limits::purge_batch) {
    const auto* room = directory_.room(tombstones_.front().second);
    if (room != nullptr && room->actor) break;  // somebody asks about it right now
    if (room != nullptr) rooms.push_back(room->record->id);
    tombstones_.pop_front();
  }
  std::vector<domain::ProcessId> processes;
  while (!ended_.empty() && ended_.front().first <= kept_from && processes.size() < limits::purge_batch) {
    const auto* process = directory_.process(ended_.front().second);
    if (process != nullptr && !process->rooms.empty()) break;
    if (process != nullptr) processes.push_back(process->record.id);
    ended_.pop_front();
  }
  bool keys = false;
  const auto keys_from = now() - limits::idempotency_retention;
  while (!keys_by_age_.empty() && keys_by_age_.front().first <= keys_from) {
    forget_oldest_key();
    keys = true;
  }
  if (rooms.empty() && processes.empty() && !keys) return;
  store::Mutation mutation;
  if (!rooms.empty()) mutation.push_back(store::DeleteRooms{rooms});
  if (!processes.empty()) mutation.push_back(store::DeleteProcesses{processes});
  if (keys)
    mutation.push_back(
        store::DeleteIdempotencyBefore{.region = deps_.lease->region, .moment = keys_from});
  purging_ = true;
  self_->request(deps_.store, caf::infinite, commit_atom::value, deps_.lease,
                 MutationPtr{std::make_shared<store::Mutation>(std::move(mutation))})
      .then(
          [this, rooms, processes](wire::Done) {
            purging_ = false;
            log::event("store.purged", {{"region", region()},
                                        {"rooms", static_cast<std::uint64_t>(rooms.size())},
                                        {"processes", static_cast<std::uint64_t>(processes.size())}});
            for (const auto& id : rooms) {
              auto* room = directory_.room(id);
              if (room == nullptr) continue;
              if (const auto deployment = catalog_->find(room->record->deployment))
                --totals_[deployment->app].destroyed;
              if (room->actor) --room_actors_;
              directory_.remove_room(*room);
            }
            for (const auto& id : processes)
              if (auto* process = directory_.process(id)) directory_.remove_process(*process);
          },
          [this](const caf::error& error) { failed(wire::from_caf(error).message); });
}

void RegionScheduler::publish_metrics() {
  const auto at = now();
  if (at - published_ < std::chrono::seconds(1)) return;
  published_ = at;
  auto& m = metrics();
  for (const auto& [id, entry] : catalog_->apps) {
    const auto& app = id.str();
    std::uint64_t active = 0;
    std::uint64_t scheduling = 0;
    directory_.for_each_open(
        id, [&](const ProcessEntry& p) { (p.endpoint ? active : scheduling) += p.rooms.size(); });
    const auto& totals = totals_[id];
    m.set_rooms(region(), app, "active", active);
    m.set_rooms(region(), app, "scheduling", scheduling);
    m.set_rooms(region(), app, "suspended", totals.suspended);
    m.set_rooms(region(), app, "destroyed", totals.destroyed);
    for (int i = 0; i < domain::process_status_count; ++i) {
      const auto status = static_cast<ProcessStatus>(i);
      m.set_processes(region(), app, domain::to_string(status), directory_.count(id, status));
    }
    domain::PlacementIndex::SlotTotals slots;
    std::uint64_t waiting = 0;
    auto oldest = at;
    for (const auto& deployment : entry.deployments) {
      const auto of = index_->slot_totals(deployment->key);
      slots.used += of.used;
      slots.free += of.free;
      const auto queue = waiting_.find(deployment->key);
      if (queue == waiting_.end()) continue;
      waiting += queue->second.size();
      oldest = std::min(oldest, queue->second.begin()->second->turn->since);
    }
    m.set_slots(region(), app, slots.used, slots.free);
    m.set_queue(region(), app, waiting, std::chrono::duration<double>(at - oldest).count());
  }
  m.set_room_actors(region(), room_actors_);
  for (const auto& [host_name, host] : hosts_) {
    if (!index_->has_host(host_name)) continue;
    const auto free = index_->free_on(host_name);
    const auto& all = host.capacity;
    const auto used = [](std::uint32_t capacity, std::uint32_t left) {
      return capacity > left ? static_cast<double>(capacity - left) : 0.0;
    };
    m.set_host(host_name.str(), "cpu", all.cpu_millis / 1000.0, used(all.cpu_millis, free.cpu_millis) / 1000);
    m.set_host(host_name.str(), "memory", all.memory_mb * 1048576.0,
               used(all.memory_mb, free.memory_mb) * 1048576);
    m.set_host(host_name.str(), "ports", all.ports, used(all.ports, free.ports));
  }
}

}  // namespace innkeeper::actors
