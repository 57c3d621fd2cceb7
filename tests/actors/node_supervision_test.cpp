#include "tests/actors/node_world.hpp"

#include <csignal>
#include <vector>

#include <sys/resource.h>

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

// What the node does when its schedulers, its host and its store end or fail.
namespace innkeeper::actors::testing {

using domain::ErrorCode;
using domain::RoomId;
using domain::RoomStatus;

namespace {

domain::CreateRoom room_named(const std::string& id) {
  return {.app = app, .region = seattle, .room = RoomId{id}};
}

// A disk that takes nothing more, for the whole program.
class FullDisk {
 public:
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &usual_);
  }
  ~FullDisk() { heal(); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  void fill() const {
    rlimit none = usual_;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &none);
  }
  void heal() const { setrlimit(RLIMIT_FSIZE, &usual_); }

 private:
  rlimit usual_{};
};

}  // namespace

TEST_CASE("a scheduler that ends with an error is started again under a higher epoch, and counted") {
  NodeWorld w;
  const auto room = w.active_room("mine");
  const auto before = w.scheduler();
  const auto epoch = w.epoch();
  w.kill(caf::actor_cast<caf::actor>(before));
  w.replaced(before, epoch);
  CHECK(w.restarts("region_scheduler") == 1);
  // The host told it of everything that runs, and nothing was started or stopped.
  {
    const std::lock_guard lock(w.machine->mutex);
    REQUIRE(w.machine->registrations.back().processes.size() == 1);
    CHECK(w.machine->registrations.back().processes.front().process == room.process);
    CHECK(w.machine->starts.size() == 1);
    CHECK(w.machine->stops.empty());
  }
  const auto again = w.ask<domain::ConnectionInfo>(connect_atom::value, app, room.room, std::uint32_t{0});
  REQUIRE(again);
  CHECK(*again == room);
}

TEST_CASE("a scheduler that ends again and again comes back each time, and every epoch is higher") {
  NodeWorld w;
  w.active_room("mine");
  for (int i = 0; i < 5; ++i) {
    const auto before = w.scheduler();
    const auto epoch = w.epoch();
    w.kill(caf::actor_cast<caf::actor>(before));
    w.replaced(before, epoch);
  }
  CHECK(w.restarts("region_scheduler") == 5);
  const auto info = w.ask<domain::RoomView>(info_atom::value, app, RoomId{"mine"});
  REQUIRE(info);
  CHECK(info->status == RoomStatus::active);
}

TEST_CASE("requests in flight when a scheduler ends are answered, and what was acknowledged is there") {
  NodeWorld w;
  const auto stays = w.active_room("stays");
  {
    const std::lock_guard lock(w.machine->mutex);
    w.machine->starts_hang = true;
  }
  w.active_room("fills");
  const auto hangs = w.ask<domain::ConnectionInfo>(create_atom::value, room_named("hangs"));
  REQUIRE(hangs);
  const auto before = w.scheduler();
  const auto epoch = w.epoch();
  // One that waits for a room, many that wait for the disk, and some behind them.
  auto waits = w.send(connect_atom::value, app, RoomId{"hangs"}, std::uint32_t{60'000});
  auto created = w.send(create_atom::value, room_named("created"));
  auto updated = w.send(update_atom::value, app, stays.room, std::string{"new"});
  auto launched = w.send(launch_atom::value, app);
  auto stopped = w.send(stop_atom::value, app, *hangs->process);
  w.kill(caf::actor_cast<caf::actor>(before));
  const auto answers = [](const auto& result) {
    if (!result) CHECK(result.error().code != ErrorCode::timeout);
    return result.has_value();
  };
  answers(w.await<domain::ConnectionInfo>(waits));
  const bool was_created = answers(w.await<domain::ConnectionInfo>(created));
  const bool was_updated = answers(w.await<wire::Done>(updated));
  const auto process = w.await<domain::ProcessView>(launched);
  const bool was_stopped = answers(w.await<wire::Done>(stopped));
  w.replaced(before, epoch);
  if (was_created) CHECK(w.ask<domain::RoomView>(info_atom::value, app, RoomId{"created"}));
  if (was_updated) CHECK(w.ask<domain::RoomView>(info_atom::value, app, stays.room)->config == "new");
  if (answers(process)) CHECK(w.ask<domain::ProcessView>(process_atom::value, app, process->id));
  if (was_stopped)
    CHECK(w.ask<domain::RoomView>(info_atom::value, app, RoomId{"hangs"})->status == RoomStatus::destroyed);
}

TEST_CASE("a host that ends is started again, and its processes are adopted with their rooms") {
  NodeWorld w;
  const auto room = w.active_room("mine");
  caf::actor host;
  std::size_t registrations = 0;
  {
    const std::lock_guard lock(w.machine->mutex);
    host = caf::actor_cast<caf::actor>(w.machine->actor);
    registrations = w.machine->registrations.size();
  }
  w.kill(host);
  w.eventually("a new registration", [&] {
    const std::lock_guard lock(w.machine->mutex);
    return w.machine->epochs.size() > registrations;
  });
  w.eventually("the node is ready", [&] { return w.ready(); });
  CHECK(w.restarts("host") == 1);
  CHECK(*w.ask<domain::ConnectionInfo>(connect_atom::value, app, room.room, std::uint32_t{0}) == room);
  const std::lock_guard lock(w.machine->mutex);
  CHECK(w.machine->actor != host);
  CHECK(w.machine->registrations.back().processes.size() == 1);
  CHECK(w.machine->starts.size() == 1);
  CHECK(w.machine->stops.empty());
}

TEST_CASE("a region that waits for a host that it knows is not ready, and answers all the same") {
  NodeWorld w;
  const auto room = w.active_room("mine");
  {
    const std::lock_guard lock(w.machine->mutex);
    w.machine->keeps_away = true;
  }
  const auto before = w.scheduler();
  w.kill(caf::actor_cast<caf::actor>(before));
  w.eventually("a new scheduler", [&] { return w.scheduler() != before; });
  CHECK_FALSE(w.ready());
  const auto info = w.ask<domain::RoomView>(info_atom::value, app, room.room);
  REQUIRE(info);
  CHECK(info->status == RoomStatus::active);
  CHECK_FALSE(w.ready());
  const auto epoch = w.epoch();
  {
    const std::lock_guard lock(w.machine->mutex);
    w.machine->keeps_away = false;
    w.kill(caf::actor_cast<caf::actor>(w.machine->actor));
  }
  w.eventually("the host is attached", [&] { return w.ready() && w.epoch() > epoch; });
  CHECK(*w.ask<domain::ConnectionInfo>(connect_atom::value, app, room.room, std::uint32_t{0}) == room);
}

TEST_CASE("a commit that fails ends no actor: the region is loaded anew under a higher epoch when the disk works") {
  NodeWorld w;
  const FullDisk disk;
  const auto room = w.active_room("mine");
  const auto before = w.scheduler();
  const auto epoch = w.epoch();
  disk.fill();
  const auto lost = w.ask<wire::Done>(update_atom::value, app, room.room, std::string{"lost"});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code == ErrorCode::unavailable);
  disk.heal();
  w.replaced(before, epoch);
  w.eventually("a change that is kept", [&] {
    return w.ask<wire::Done>(update_atom::value, app, room.room, std::string{"kept"}).has_value();
  });
  const auto info = w.ask<domain::RoomView>(info_atom::value, app, room.room);
  REQUIRE(info);
  CHECK(info->config == "kept");
  CHECK(info->status == RoomStatus::active);
  CHECK(w.restarts("region_scheduler") == 0);
}

TEST_CASE("a node whose store actor ends has failed, says so, and answers what it is asked") {
  NodeWorld w;
  w.active_room("mine");
  CHECK_FALSE(w.node->failure());
  w.kill(caf::actor_cast<caf::actor>(w.node->store()));
  w.eventually("the failure to be told", [&] { return w.failures == 1; });
  REQUIRE(w.node->failure());
  CHECK(w.node->failure()->find("store actor") != std::string::npos);
  CHECK_FALSE(w.ready());
  const auto refused = w.ask<domain::ConnectionInfo>(create_atom::value, room_named("other"));
  CHECK_FALSE(refused);
  w.node->stop();
  w.start();
  const auto info = w.ask<domain::RoomView>(info_atom::value, app, RoomId{"mine"});
  REQUIRE(info);
  CHECK(info->status == RoomStatus::active);
}

TEST_CASE("an orderly stop answers what is in flight, ends every actor and leaves processes alone") {
  NodeWorld w;
  const auto room = w.active_room("mine");
  const auto scheduler = w.scheduler();
  std::vector<decltype(w.send(create_atom::value, room_named("x")))> creates;
  for (int i = 0; i < 20; ++i) creates.push_back(w.send(create_atom::value, room_named("late-" + std::to_string(i))));
  caf::actor host;
  {
    const std::lock_guard lock(w.machine->mutex);
    host = caf::actor_cast<caf::actor>(w.machine->actor);
  }
  w.client->monitor(scheduler);
  w.client->monitor(host);
  const auto epoch = w.epoch();
  w.node->stop();
  std::vector<std::string> acknowledged;
  for (auto& create : creates) {
    const auto created = w.await<domain::ConnectionInfo>(create);
    if (created) acknowledged.push_back(created->room.str());
    if (!created) CHECK(created.error().code != ErrorCode::timeout);
  }
  for (int i = 0; i < 2; ++i)
    w.client->receive([](const caf::down_msg& down) { CHECK(down.reason == caf::exit_reason::user_shutdown); },
                      caf::after(std::chrono::seconds(20)) >> [] { FAIL("an actor did not end"); });
  CHECK(w.node->routing()->table()->regions.empty());
  CHECK_FALSE(w.ready());
  CHECK(w.restarts("region_scheduler") == 0);
  CHECK(w.restarts("host") == 0);
  {
    const std::lock_guard lock(w.machine->mutex);
    CHECK(w.machine->stops.empty());
    CHECK(w.machine->processes.contains(*room.process));
  }
  w.node->stop();  // a second time is harmless
  // The next node has all of it, and its epochs are higher still.
  w.start();
  CHECK(w.epoch() > epoch);
  CHECK(*w.ask<domain::ConnectionInfo>(connect_atom::value, app, room.room, std::uint32_t{0}) == room);
  for (const auto& id : acknowledged) CHECK(w.ask<domain::RoomView>(info_atom::value, app, RoomId{id}));
}

TEST_CASE("a node whose file another one holds says so and does not start") {
  NodeWorld w;
  w.active_room("mine");
  const auto second = w.make_node();
  const auto started = second->start(std::chrono::seconds(20));
  REQUIRE_FALSE(started);
  CHECK(started.error().code == ErrorCode::unavailable);
  CHECK_FALSE(started.error().message.empty());
  CHECK_FALSE(second->routing()->table()->ready);
  // The first one goes on.
  CHECK(w.ready());
  CHECK(w.ask<domain::RoomView>(info_atom::value, app, RoomId{"mine"}));
}

}  // namespace innkeeper::actors::testing
