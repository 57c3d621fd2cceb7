#pragma once

#include <memory>
#include <vector>

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"

namespace innkeeper::actors {

// What a room starts with: its record, committed or about to be (then `create` is its first message), and
// where its process can be reached, if that runs.
struct RoomSeed {
  RegionContextPtr context;
  std::shared_ptr<const domain::Deployment> deployment;
  RoomRecordPtr record;
  EndpointPtr endpoint;
};

// State and behaviour of one room. The rules are domain::apply; this class carries messages, commits, and
// tells the scheduler what has been committed before it tells the client.
class RoomBehavior {
 public:
  static inline const char* name = "room";

  RoomBehavior() = default;
  ~RoomBehavior() { refuse_waiters(); }
  RoomBehavior(const RoomBehavior&) = delete;
  RoomBehavior& operator=(const RoomBehavior&) = delete;

  void start(room_actor::pointer self, RoomSeed seed);

  caf::result<domain::ConnectionInfo> create(const RoomBirth& birth);
  caf::result<domain::RoomView> info();
  caf::result<wire::Done> change(const domain::RoomCommand& command);
  caf::result<domain::ConnectionInfo> resume(const Slot& slot);
  caf::result<domain::ConnectionInfo> connect(std::uint32_t wait_ms);
  void move(const MoveOrder& order);
  void end(const domain::EndAllocation& order);
  void runs(const EndpointPtr& endpoint);
  void scheduler_down();

 private:
  struct Waiter {
    caf::typed_response_promise<domain::ConnectionInfo> promise;
    domain::Timestamp deadline;
  };

  // Makes `next` durable; then it is the room's record, the scheduler knows, and `done` is called. When that
  // fails the record stays and `failed` is called.
  template <class Done, class Failed>
  void commit(RoomRecordPtr next, store::Mutation mutation, Done done, Failed failed);
  template <class Done, class Failed>
  void commit_change(domain::RoomRecord next, Done done, Failed failed);
  void tell_scheduler();
  void tell_failure(const domain::Error& error);
  void answer_waiters();
  void refuse_waiters();  // they may try again
  [[nodiscard]] bool active() const;
  [[nodiscard]] bool exists() const;  // there is such a room: created, not destroyed
  [[nodiscard]] domain::ConnectionInfo connection_info() const;
  [[nodiscard]] domain::Timestamp now() const { return seed_.context->environment.now(); }

  room_actor::pointer self_ = nullptr;
  RoomSeed seed_;
  std::unique_ptr<std::vector<Waiter>> waiters_;  // most rooms never have any
  std::uint32_t handled_ = 0;                     // messages of the scheduler's
  bool stillborn_ = false;                        // its creation was refused
};

room_actor::behavior_type run_room(room_actor::stateful_pointer<RoomBehavior> self, RoomSeed seed);

// A room as clients see it; `allocations` only when asked for.
[[nodiscard]] domain::RoomView view_of(const domain::RoomRecord& room, const domain::AppId& app,
                                       bool process_runs, bool with_allocations);

}  // namespace innkeeper::actors
