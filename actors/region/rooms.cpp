#include <utility>

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/limits.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/room_actor.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

using domain::ErrorCode;
using domain::RoomState;

domain::Error no_such_room() { return {.code = ErrorCode::not_found, .message = "room not found"}; }
domain::Error no_such_app() { return {.code = ErrorCode::not_found, .message = "app not found"}; }

std::string key_index(const domain::AppId& app, const std::string& key) {
  return app.str() + '\n' + key;
}

// Message numbers wrap around; `a` has been reached when it is not ahead of `b`.
bool reached(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(b - a) >= 0; }

}  // namespace

bool RegionScheduler::runs(const RoomEntry& room) {
  return room.process != nullptr && room.process->endpoint != nullptr;
}

RegionScheduler::RoomEntry* RegionScheduler::find(const domain::AppId& app,
                                                  const domain::RoomId& id) const {
  auto* room = directory_.room(id);
  if (room == nullptr) return nullptr;
  const auto deployment = catalog_->by_key.find(static_cast<std::uint32_t>(room->record->deployment));
  if (deployment == catalog_->by_key.end() || deployment->second->app != app) return nullptr;
  return room;
}

room_actor& RegionScheduler::awake(RoomEntry& room) {
  if (!room.actor) {
    RoomSeed seed{.context = context_,
                  .deployment = catalog_->find(room.record->deployment),
                  .record = room.record,
                  .endpoint = room.process != nullptr ? room.process->endpoint : nullptr};
    room.actor = self_->spawn<caf::lazy_init>(run_room, std::move(seed));
    room.sent = 0;
    ++room_actors_;
    self_->monitor(room.actor);
  }
  return room.actor;
}

void RegionScheduler::passivate(RoomEntry& room, std::uint32_t handled) {
  const bool needed = !room.committed || room.record->current() != nullptr ||
                      room.reserved != nullptr || handled != room.sent;
  if (needed || !room.actor) return;
  self_->demonitor(room.actor.address());
  room.actor = nullptr;
  --room_actors_;
}

// Why no change can be handed to the room now; nothing when it can.
std::optional<domain::Error> RegionScheduler::cannot_change(const RoomEntry& room) const {
  if (stopped_) return unavailable();
  if (room.recovering)
    return domain::Error{.code = ErrorCode::overloaded,
                         .message = "the room is being recovered; try again",
                         .retry_after_s = 1};
  if (!room.actor && room.record->state == RoomState::destroyed) return no_such_room();
  return std::nullopt;
}

caf::result<domain::ConnectionInfo> RegionScheduler::create(domain::CreateRoom& command) {
  StageTimer timer{metrics(), "scheduler", timed_calls_};
  if (stopped_) return wire::to_caf(unavailable());
  const auto* app = catalog_->find_app(command.app);
  if (app == nullptr) return wire::to_caf(no_such_app());
  const auto deployment =
      command.deployment ? catalog_->find(command.app, *command.deployment) : app->latest();
  if (!deployment)
    return wire::to_caf({.code = ErrorCode::not_found,
                         .message = "names no deployment of this app",
                         .field = "deploymentId"});
  std::string index;
  if (!command.idempotency_key.empty()) {
    index = key_index(command.app, command.idempotency_key);
    if (keys_.contains(index)) return repeat_create(index, command);
  }
  if (command.room && directory_.room(*command.room) != nullptr)
    return wire::to_caf({.code = ErrorCode::refused,
                         .message = "\"" + command.room->str() + "\" is already taken",
                         .field = "roomId"});
  const auto at = now();
  auto id = command.room ? std::move(*command.room) : ids_->room_id(at);
  auto placed = place(deployment, id);
  if (!placed) return wire::to_caf(placed.error());

  const domain::Placement placement{.allocation = ids_->allocation_id(at),
                                    .process = placed->process->record.id,
                                    .reason = placed->reason};
  auto& room = directory_.add_room(std::make_shared<const domain::RoomRecord>(domain::make_room(
      std::move(id), deployment->key, std::move(command.config), placement, at)));
  room.reserved = placed->process;
  room.reserved_by = 1;
  placed->process->rooms.insert(&room);
  index_->occupy(placement.process);
  if (placed->process->record.reserved()) enqueue(room);

  auto birth = std::make_shared<RoomBirth>();
  const auto& endpoint = placed->process->endpoint;
  if (!index.empty()) {
    auto key = std::make_shared<Idempotent>();
    key->digest = command.request_digest;
    key->created_at = at;
    key->answer = {.room = room.record->id, .active = endpoint != nullptr, .process = placement.process};
    if (endpoint) {
      key->answer.exposed_port = endpoint->default_port;
      key->answer.additional_ports = endpoint->additional_ports;
    }
    birth->idempotency.push_back({{.region = deps_.lease->region,
                                   .app = command.app,
                                   .key = command.idempotency_key,
                                   .request_digest = key->digest,
                                   .answer = key->answer,
                                   .created_at = at}});
    creations_[&room] = {.idempotency_index = index};
    remember_key(index, std::move(key));
  }
  RoomSeed seed{
      .context = context_, .deployment = deployment, .record = room.record, .endpoint = endpoint};
  room.actor = self_->spawn<caf::lazy_init>(run_room, std::move(seed));
  room.sent = 1;
  ++room_actors_;
  self_->monitor(room.actor);
  return self_->delegate(room.actor, create_atom::value,
                         std::shared_ptr<const RoomBirth>{std::move(birth)});
}

caf::result<domain::ConnectionInfo> RegionScheduler::repeat_create(const std::string& index,
                                                                   const domain::CreateRoom& command) {
  auto& key = *keys_.at(index);
  if (key.digest != command.request_digest)
    return wire::to_caf({.code = ErrorCode::invalid,
                         .message = "was used with another request",
                         .field = "Idempotency-Key"});
  if (key.committed) return key.answer;
  auto promise = self_->make_response_promise<domain::ConnectionInfo>();
  key.waiters.push_back(promise);
  return promise;
}

bool RegionScheduler::knows_key(const domain::AppId& app, const std::string& key) const {
  return keys_.contains(key_index(app, key));
}

void RegionScheduler::remember_key(const std::string& index, std::shared_ptr<Idempotent> entry) {
  keys_by_age_.emplace_back(entry->created_at, index);
  keys_.insert_or_assign(index, std::move(entry));
  if (keys_by_age_.size() > domain::limits::idempotency_keys_per_region) {
    forget_oldest_key();
  }
}

caf::result<domain::RoomView> RegionScheduler::info(const domain::AppId& app, const domain::RoomId& id) {
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  if (!room->actor) return view_of(*room->record, app, runs(*room), true);
  ++room->sent;
  return self_->delegate(room->actor, info_atom::value);
}

caf::result<wire::Done> RegionScheduler::destroy(const domain::AppId& app, const domain::RoomId& id) {
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  if (auto no = cannot_change(*room)) return wire::to_caf(*no);
  auto& actor = awake(*room);
  ++room->sent;
  return self_->delegate(actor, destroy_atom::value);
}

caf::result<wire::Done> RegionScheduler::suspend(const domain::AppId& app, const domain::RoomId& id) {
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  if (auto no = cannot_change(*room)) return wire::to_caf(*no);
  if (!room->actor && room->record->state == RoomState::suspended) return wire::Done{};
  auto& actor = awake(*room);
  ++room->sent;
  return self_->delegate(actor, suspend_atom::value);
}

caf::result<wire::Done> RegionScheduler::update(const domain::AppId& app, const domain::RoomId& id,
                                                std::string& config) {
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  if (auto no = cannot_change(*room)) return wire::to_caf(*no);
  auto& actor = awake(*room);
  ++room->sent;
  return self_->delegate(actor, update_atom::value, std::move(config));
}

// A slot for a suspended room; the room then has `reserved` set and the next message sent to it must carry
// the slot.
domain::Result<Slot> RegionScheduler::resume_slot(RoomEntry& room) {
  const auto deployment = catalog_->find(room.record->deployment);
  auto placed = place(deployment, room.record->id);
  if (placed) return take_slot(room, *placed);
  if (room.sent == 0) passivate(room, 0);  // it was woken for nothing
  return std::move(placed).error();
}

caf::result<domain::ConnectionInfo> RegionScheduler::resume(const domain::AppId& app,
                                                            const domain::RoomId& id) {
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  if (auto no = cannot_change(*room)) return wire::to_caf(*no);
  auto& actor = awake(*room);
  if (room->record->state == RoomState::suspended && room->reserved == nullptr) {
    auto slot = resume_slot(*room);
    if (!slot) return wire::to_caf(slot.error());
    return self_->delegate(actor, resume_atom::value, std::move(slot).value());
  }
  // Without a slot: the room says where it is, or asks again once it is suspended.
  ++room->sent;
  return self_->delegate(actor, resume_atom::value, Slot{});
}

caf::result<domain::ConnectionInfo> RegionScheduler::connect(const domain::AppId& app,
                                                             const domain::RoomId& id,
                                                             std::uint32_t wait_ms) {
  StageTimer timer{metrics(), "scheduler", timed_calls_};
  auto* room = find(app, id);
  if (room == nullptr) return wire::to_caf(no_such_room());
  const auto state = room->record->state;
  if (!room->actor && state == RoomState::destroyed) return wire::to_caf(no_such_room());
  if (!room->actor && room->recovering) return wire::to_caf(*cannot_change(*room));
  if (state == RoomState::suspended && room->reserved == nullptr) {
    if (!deps_.policy.connection_info_resumes)
      return wire::to_caf({.code = ErrorCode::refused, .message = "room is suspended"});
    if (auto no = cannot_change(*room)) return wire::to_caf(*no);
    awake(*room);
    auto slot = resume_slot(*room);
    if (!slot) return wire::to_caf(slot.error());
    // The resume is settled before the question that follows it is looked at.
    caf::anon_send(room->actor, resume_atom::value, std::move(slot).value());
  }
  auto& actor = awake(*room);
  ++room->sent;
  return self_->delegate(actor, connect_atom::value, wait_ms);
}

void RegionScheduler::settled(const domain::RoomId& id, const RoomRecordPtr& record,
                              std::uint32_t handled) {
  auto* room = directory_.room(id);
  if (room == nullptr) return;
  if (!record) {
    creation_refused(*room);
    return;
  }
  const auto before = std::exchange(room->record, record);
  const bool first = !std::exchange(room->committed, true);
  note_state(*before, *record, first);
  const auto* current = record->current();
  auto* target = current != nullptr ? directory_.process(current->process) : nullptr;

  auto* left = room->process != target ? room->process : nullptr;
  if (room->reserved != nullptr && reached(room->reserved_by, handled)) {
    auto* reserved = std::exchange(room->reserved, nullptr);
    if (reserved == target)
      room->process = target;
    else
      leave(*reserved, *room);
  }
  if (left != nullptr) {
    if (room->process == left) room->process = nullptr;
    left->former.insert(room);
    leave(*left, *room);
  }
  if (first) creation_settled(*room);

  const bool waits = target != nullptr && target->record.reserved();
  if (room->queued() && !waits && room->reserved == nullptr) {
    dequeue(*room);
    serve_waiting(record->deployment);  // it may have held up those behind it
  }
  if ((target == nullptr || target->endpoint) && !room->queued()) room->turn.reset();
  if (!room->queued() && waits && room->reserved == nullptr) enqueue(*room);
  // Its process ended, or was told to stop, while this commit was under way.
  if (target != nullptr && room->process == target &&
      (domain::is_final(target->record.status) || target->rooms_leave))
    room_lost_process(*room, *target);
  else if (target != nullptr && room->process == target && waits)
    serve_waiting(record->deployment);
  passivate(*room, handled);
}

void RegionScheduler::creation_settled(RoomEntry& room) {
  const auto& deployment = room.record->deployment;
  if (const auto found = catalog_->find(deployment)) {
    metrics().room_created(region(), found->app.str());
    if (log::enabled(log::Level::debug))
      log::event("room.created", {{"region", region()},
                                  {"app", found->app.str()},
                                  {"room", room.record->id.str()}});
    if (runs(room)) {
      const auto took = now() - room.record->created_at;
      metrics().create_to_active(region(), found->app.str(), std::chrono::duration<double>(took).count());
    }
  }
  const auto creation = creations_.find(&room);
  if (creation == creations_.end()) return;
  if (const auto key = keys_.find(creation->second.idempotency_index); key != keys_.end()) {
    key->second->committed = true;
    for (auto& waiter : std::exchange(key->second->waiters, {})) waiter.deliver(key->second->answer);
  }
  creations_.erase(creation);
}

void RegionScheduler::creation_refused(RoomEntry& room) {
  if (const auto creation = creations_.find(&room); creation != creations_.end()) {
    if (const auto key = keys_.find(creation->second.idempotency_index); key != keys_.end()) {
      const auto entry = key->second;
      keys_.erase(key);
      for (auto& waiter : entry->waiters)
        waiter.deliver(wire::to_caf({.code = ErrorCode::overloaded,
                                     .message = "the request that this one repeats failed; try again",
                                     .retry_after_s = 1}));
    }
    creations_.erase(creation);
  }
  if (room.queued()) dequeue(room);
  if (auto* process = std::exchange(room.reserved, nullptr)) leave(*process, room);
  if (room.actor) --room_actors_;
  directory_.remove_room(room);
}

void RegionScheduler::note_state(const domain::RoomRecord& before, const domain::RoomRecord& after,
                                 bool first) {
  if (!first && before.state == after.state) return;
  const auto deployment = catalog_->find(after.deployment);
  if (!deployment) return;
  auto& totals = totals_[deployment->app];
  if (!first && before.state == RoomState::suspended) --totals.suspended;
  if (after.state == RoomState::suspended) ++totals.suspended;
  if (after.state == RoomState::destroyed) {
    ++totals.destroyed;
    const auto reason = after.allocations.empty() ? domain::EndReason::destroyed
                                                  : after.allocations.back().ended;
    metrics().room_destroyed(region(), deployment->app.str(), domain::to_string(reason));
    if (reason == domain::EndReason::no_capacity || reason == domain::EndReason::process_start_failed)
      log::event("room.scheduling_failed", {{"region", region()},
                                            {"app", deployment->app.str()},
                                            {"room", after.id.str()},
                                            {"reason", domain::to_string(reason)}});
    else if (log::enabled(log::Level::debug))
      log::event("room.destroyed", {{"region", region()},
                                    {"app", deployment->app.str()},
                                    {"room", after.id.str()},
                                    {"reason", domain::to_string(reason)}});
    tombstones_.emplace_back(*after.destroyed_at, after.id);
  }
}

// A room's actor broke. What it had sent to the store may yet be committed, so the record is read again,
// behind whatever is queued there, before the room is started anew.
void RegionScheduler::recover_room(RoomEntry& room) {
  metrics().actor_restarted("room");
  log::event("actor.restarted", {{"actor", "room"}, {"room", room.record->id.str()}});
  --room_actors_;
  room.actor = nullptr;
  room.recovering = true;
  self_->request(deps_.store, caf::infinite, load_atom::value, room.record->id)
      .then(
          [this, id = room.record->id](const RoomRecordPtr& record) {
            auto* entry = directory_.room(id);
            if (entry == nullptr) return;
            entry->recovering = false;
            // Nothing that was sent to the old actor is under way any more.
            entry->reserved_by = 0;
            settled(id, record, 0);
            entry = directory_.room(id);
            if (entry != nullptr && entry->record->current() != nullptr) awake(*entry);
          },
          [this](const caf::error& error) { failed(wire::from_caf(error).message); });
}

caf::actor RegionScheduler::room_handle(const domain::RoomId& id) const {
  const auto* room = directory_.room(id);
  return room != nullptr && room->actor ? caf::actor_cast<caf::actor>(room->actor) : caf::actor{};
}

}  // namespace innkeeper::actors
