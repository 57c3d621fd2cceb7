#include "actors/room_actor.hpp"

#include <algorithm>
#include <utility>

#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/limits.hpp"
#include "actors/exceptions.hpp"
#include "actors/wire/errors.hpp"

namespace innkeeper::actors {
namespace {

using domain::ErrorCode;

caf::error no_such_room() {
  return wire::to_caf({.code = ErrorCode::not_found, .message = "room not found"});
}

caf::error try_again() {
  return wire::to_caf({.code = ErrorCode::overloaded,
                       .message = "the room is being recovered; try again",
                       .retry_after_s = 1});
}

// The answer to a change, which the callbacks of its commit share. When the room dies before the store has
// answered they are dropped, and a dropped promise alone would leave the client without an answer.
template <class T>
class Answer {
 public:
  explicit Answer(caf::typed_response_promise<T> promise) : promise_(std::move(promise)) {}
  ~Answer() {
    if (!given_) promise_.deliver(try_again());
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  template <class Value>
  void give(Value&& value) {
    given_ = true;
    promise_.deliver(std::forward<Value>(value));
  }

 private:
  caf::typed_response_promise<T> promise_;
  bool given_ = false;
};

template <class T>
std::shared_ptr<Answer<T>> answer_with(const caf::typed_response_promise<T>& promise) {
  return std::make_shared<Answer<T>>(promise);
}

// One counter for all rooms of a thread: single rooms see too few messages for one in sixteen.
thread_local std::uint32_t timed_calls = 0;

}  // namespace

void RoomBehavior::start(room_actor::pointer self, RoomSeed seed) {
  self_ = self;
  seed_ = std::move(seed);
}

bool RoomBehavior::exists() const {
  return !stillborn_ && seed_.record->state != domain::RoomState::destroyed;
}

bool RoomBehavior::active() const {
  const auto* current = seed_.record->current();
  return current != nullptr && seed_.endpoint && seed_.endpoint->process == current->process;
}

domain::ConnectionInfo RoomBehavior::connection_info() const {
  domain::ConnectionInfo info{.room = seed_.record->id};
  if (const auto* current = seed_.record->current()) info.process = current->process;
  if (active()) {
    info.active = true;
    info.exposed_port = seed_.endpoint->default_port;
    info.additional_ports = seed_.endpoint->additional_ports;
  }
  return info;
}

void RoomBehavior::tell_scheduler() {
  self_->send(seed_.context->scheduler, settled_atom::value, seed_.record->id,
              stillborn_ ? RoomRecordPtr{} : seed_.record, handled_);
}

void RoomBehavior::tell_failure(const domain::Error& error) {
  if (error.code == ErrorCode::unavailable)
    self_->send(seed_.context->scheduler, failed_atom::value, error.message);
}

template <class Done, class Failed>
void RoomBehavior::commit(RoomRecordPtr next, store::Mutation mutation, Done done, Failed failed) {
  self_->request(seed_.context->store, caf::infinite, commit_atom::value, seed_.context->lease,
                 MutationPtr{std::make_shared<store::Mutation>(std::move(mutation))})
      .await(
          [this, next = std::move(next), done = std::move(done)](wire::Done) mutable {
            seed_.record = next;
            // The scheduler hears of a free slot before the client hears of the success, so that whoever
            // was told that a room is gone finds its slot free.
            tell_scheduler();
            answer_waiters();
            done();
          },
          [this, failed = std::move(failed)](const caf::error& error) mutable {
            tell_failure(wire::from_caf(error));
            failed(error);
          });
}

template <class Done, class Failed>
void RoomBehavior::commit_change(domain::RoomRecord next, Done done, Failed failed) {
  const auto from = domain::first_changed_allocation(*seed_.record, next);
  auto record = std::make_shared<const domain::RoomRecord>(std::move(next));
  store::Mutation mutation;
  mutation.push_back(store::UpdateRoom{.room = record, .allocations_from = from});
  commit(std::move(record), std::move(mutation), std::move(done), std::move(failed));
}

caf::result<domain::ConnectionInfo> RoomBehavior::create(const RoomBirth& birth) {
  StageTimer timer{*seed_.context->environment.metrics, "room", timed_calls};
  ++handled_;
  store::Mutation mutation;
  mutation.reserve(1 + birth.idempotency.size());
  mutation.push_back(store::InsertRoom{.region = seed_.context->lease->region,
                                       .app = seed_.deployment->app,
                                       .room = seed_.record});
  for (const auto& put : birth.idempotency) mutation.push_back(put);
  auto promise = self_->make_response_promise<domain::ConnectionInfo>();
  const auto answer = answer_with(promise);
  commit(
      seed_.record, std::move(mutation), [this, answer] { answer->give(connection_info()); },
      [this, answer](const caf::error& error) {
        stillborn_ = true;
        tell_scheduler();
        answer->give(error);
      });
  return promise;
}

caf::result<domain::RoomView> RoomBehavior::info() {
  ++handled_;
  if (stillborn_) return no_such_room();
  if (!seed_.record->current()) tell_scheduler();
  return view_of(*seed_.record, seed_.deployment->app, active(), true);
}

caf::result<wire::Done> RoomBehavior::change(const domain::RoomCommand& command) {
  ++handled_;
  if (stillborn_) return no_such_room();
  auto next = domain::apply(*seed_.record, command, now());
  if (!next) {
    tell_scheduler();
    return wire::to_caf(next.error());
  }
  if (*next == *seed_.record) {
    tell_scheduler();
    return wire::Done{};
  }
  auto promise = self_->make_response_promise<wire::Done>();
  const auto answer = answer_with(promise);
  commit_change(
      std::move(next).value(), [answer] { answer->give(wire::Done{}); },
      [answer](const caf::error& error) { answer->give(error); });
  return promise;
}

caf::result<domain::ConnectionInfo> RoomBehavior::resume(const Slot& slot) {
  ++handled_;
  if (stillborn_) return no_such_room();
  if (slot.placement.process.nil() && seed_.record->state == domain::RoomState::suspended) {
    // Suspended since the scheduler sent this here without a slot; now it will find one.
    tell_scheduler();
    return self_->delegate(seed_.context->scheduler, resume_atom::value, seed_.deployment->app,
                           seed_.record->id);
  }
  auto next = domain::apply(*seed_.record, domain::ResumeRoom{slot.placement}, now());
  if (!next) {
    tell_scheduler();
    return wire::to_caf(next.error());
  }
  if (*next == *seed_.record) {
    tell_scheduler();
    return connection_info();
  }
  if (slot.endpoint) seed_.endpoint = slot.endpoint;
  auto promise = self_->make_response_promise<domain::ConnectionInfo>();
  const auto answer = answer_with(promise);
  commit_change(
      std::move(next).value(), [this, answer] { answer->give(connection_info()); },
      [answer](const caf::error& error) { answer->give(error); });
  return promise;
}

caf::result<domain::ConnectionInfo> RoomBehavior::connect(std::uint32_t wait_ms) {
  StageTimer timer{*seed_.context->environment.metrics, "room", timed_calls};
  ++handled_;
  if (!exists()) {
    tell_scheduler();
    return no_such_room();
  }
  if (seed_.record->state == domain::RoomState::suspended) {
    // Suspended since the scheduler sent this here. It learns so first, and then decides about a resume.
    tell_scheduler();
    return self_->delegate(seed_.context->scheduler, connect_atom::value, seed_.deployment->app,
                           seed_.record->id, wait_ms);
  }
  if (wait_ms == 0 || active()) return connection_info();
  if (!waiters_) {
    waiters_ = std::make_unique<std::vector<Waiter>>();
    // A promise keeps the actor that holds it alive. Rooms end with the scheduler that has their handles;
    // one that holds promises has to be told.
    self_->monitor(seed_.context->scheduler);
  }
  if (waiters_->size() >= domain::limits::waiters_per_room) {
    // Those that have given up by now were answered by their gateway.
    std::erase_if(*waiters_, [moment = now()](const Waiter& w) { return w.deadline < moment; });
    if (waiters_->size() >= domain::limits::waiters_per_room)
      return wire::to_caf({.code = ErrorCode::overloaded,
                           .message = "too many requests wait for this room",
                           .retry_after_s = 1});
  }
  auto promise = self_->make_response_promise<domain::ConnectionInfo>();
  waiters_->push_back({promise, now() + std::chrono::milliseconds(wait_ms)});
  return promise;
}

void RoomBehavior::move(const MoveOrder& order) {
  ++handled_;
  auto next = stillborn_ ? domain::Result<domain::RoomRecord>{domain::Error{}}
                         : domain::apply(*seed_.record,
                                         domain::MoveRoom{.from = order.from,
                                                          .reason = order.reason,
                                                          .placement = order.slot.placement},
                                         now());
  if (!next) {
    tell_scheduler();
    return;
  }
  if (order.slot.endpoint) seed_.endpoint = order.slot.endpoint;
  commit_change(std::move(next).value(), [] {}, [](const caf::error&) {});
}

void RoomBehavior::end(const domain::EndAllocation& order) {
  ++handled_;
  auto next = stillborn_ ? domain::Result<domain::RoomRecord>{domain::Error{}}
                         : domain::apply(*seed_.record, order, now());
  if (!next) {
    tell_scheduler();
    return;
  }
  commit_change(std::move(next).value(), [] {}, [](const caf::error&) {});
}

void RoomBehavior::runs(const EndpointPtr& endpoint) {
  ++handled_;
  const auto* current = seed_.record->current();
  if (current != nullptr && current->process == endpoint->process) seed_.endpoint = endpoint;
  answer_waiters();
  if (current == nullptr) tell_scheduler();
}

void RoomBehavior::refuse_waiters() {
  if (const auto waiting = std::exchange(waiters_, nullptr))
    for (auto& waiter : *waiting) waiter.promise.deliver(try_again());
}

void RoomBehavior::scheduler_down() {
  refuse_waiters();
  self_->quit();
}

void RoomBehavior::answer_waiters() {
  if (!waiters_ || waiters_->empty()) return;
  const bool waits_on = exists() && seed_.record->current() != nullptr && !active();
  if (waits_on) return;
  const auto answered = std::exchange(waiters_, nullptr);
  self_->demonitor(seed_.context->scheduler.address());
  for (auto& waiter : *answered) {
    // Suspended while they waited: their next question schedules the room again, if the policy is so.
    if (active() || (exists() && seed_.context->connection_info_resumes))
      waiter.promise.deliver(connection_info());
    else if (exists())
      waiter.promise.deliver(
          wire::to_caf({.code = ErrorCode::refused, .message = "room is suspended"}));
    else
      waiter.promise.deliver(no_such_room());
  }
}

domain::RoomView view_of(const domain::RoomRecord& room, const domain::AppId& app, bool process_runs,
                         bool with_allocations) {
  const auto view = [](const domain::Allocation& a) {
    return domain::AllocationView{.id = a.id,
                                  .process = a.process,
                                  .scheduled_at = a.scheduled_at,
                                  .unscheduled_at = a.unscheduled_at};
  };
  domain::RoomView out{.app = app,
                       .room = room.id,
                       .config = room.config,
                       .status = domain::room_status(room.state, process_runs)};
  if (const auto* current = room.current()) out.current = view(*current);
  if (with_allocations) {
    out.allocations.reserve(room.allocations.size());
    std::transform(room.allocations.begin(), room.allocations.end(),
                   std::back_inserter(out.allocations), view);
  }
  return out;
}

room_actor::behavior_type run_room(room_actor::stateful_pointer<RoomBehavior> self, RoomSeed seed) {
  auto* room = &self->state;
  room->start(self, std::move(seed));
  self->set_exception_handler(log_exception);
  self->set_down_handler([room](const caf::down_msg&) { room->scheduler_down(); });
  return {
      [room](create_atom, const std::shared_ptr<const RoomBirth>& birth) { return room->create(*birth); },
      [room](info_atom) { return room->info(); },
      [room](destroy_atom) { return room->change(domain::DestroyRoom{}); },
      [room](suspend_atom) { return room->change(domain::SuspendRoom{}); },
      [room](resume_atom, const Slot& slot) { return room->resume(slot); },
      [room](update_atom, std::string& config) {
        return room->change(domain::UpdateConfig{std::move(config)});
      },
      [room](connect_atom, std::uint32_t wait_ms) { return room->connect(wait_ms); },
      [room](move_atom, const MoveOrder& order) { room->move(order); },
      [room](end_atom, const domain::EndAllocation& order) { room->end(order); },
      [room](runs_atom, const EndpointPtr& endpoint) { room->runs(endpoint); },
  };
}

}  // namespace innkeeper::actors
