#include "tests/actors/region_fixture.hpp"

// A room from create to destroy, on processes of fake hosts.
namespace innkeeper::actors::testing {

using domain::EndReason;
using domain::ErrorCode;
using domain::ExitReason;
using domain::ProcessStatus;
using domain::RoomState;
using domain::RoomStatus;

TEST_CASE("a room is scheduling while its process starts, and active once that runs") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  const auto created = w.ok(w.create());
  REQUIRE(created.process);
  CHECK_FALSE(created.active);
  CHECK_FALSE(created.exposed_port);
  CHECK(domain::is_valid_room_id(created.room.str()));
  CHECK(created.room.str().starts_with(domain::region_tag(seattle)));
  CHECK(w.ok(w.info(created.room)).status == RoomStatus::scheduling);
  REQUIRE(host->starts.size() == 1);
  CHECK(host->starts[0].process == *created.process);
  CHECK(host->starts[0].app == app);
  CHECK(host->starts[0].initial_room == created.room);
  CHECK(host->starts[0].region == seattle);
  CHECK(host->starts[0].epoch == w.epoch());
  CHECK_FALSE(host->starts[0].app_secret.empty());

  w.boot(*created.process);
  CHECK(w.ok(w.info(created.room)).status == RoomStatus::scheduling);
  CHECK_FALSE(w.ok(w.process(*created.process)).started_at);
  CHECK(w.ok(w.process(*created.process)).ports.empty());

  w.start(*created.process);
  CHECK(w.ok(w.info(created.room)).status == RoomStatus::active);
  const auto info = w.ok(w.connect(created.room));
  CHECK(info.active);
  REQUIRE(info.exposed_port);
  CHECK(info.exposed_port->host == "host-1.example.org");
  CHECK(info.process == created.process);
  CHECK(w.ok(w.process(*created.process)).status == ProcessStatus::running);
}

TEST_CASE("the first room's config goes to the process that is started for it") {
  World w;
  const auto host = w.add_host("host-1", room_for(1));
  w.ok(w.create({.app = app, .region = seattle, .room = domain::RoomId("a"), .config = "{\"map\":1}"}));
  REQUIRE(host->starts.size() == 1);
  CHECK(host->starts[0].initial_room_config == "{\"map\":1}");
  CHECK(w.ok(w.info(domain::RoomId("a"))).config == "{\"map\":1}");
}

TEST_CASE("rooms are packed onto one process until it is full") {
  World w{{.rooms_per_process = 3}};
  const auto host = w.add_host("host-1", room_for(4));
  const auto first = w.active_room();
  for (int i = 0; i < 2; ++i) CHECK(w.ok(w.create()).process == first.process);
  CHECK(w.ok(w.create()).process != first.process);
  CHECK(host->starts.size() == 2);
  CHECK(w.ok(w.rooms(*first.process)).size() == 3);
  CHECK(w.ok(w.process(*first.process)).rooms_allocated == 3);
}

TEST_CASE("the spread policy takes the emptiest process") {
  World w{{.policy = {.placement = domain::PlacementPolicy::spread}, .rooms_per_process = 3}};
  w.add_host("host-1", room_for(4));
  const auto first = w.active_room();
  const auto second = w.ok(w.launch());
  w.start(second.id);
  CHECK(w.ok(w.create()).process == second.id);
}

TEST_CASE("rooms that are created at once fill a process before the next is started") {
  World w;
  const auto host = w.add_host("host-1", room_for(4));
  std::vector<Reply<domain::ConnectionInfo>> replies;
  for (int i = 0; i < 8; ++i) replies.push_back(w.create());
  w.step();
  std::map<domain::ProcessId, int> rooms;
  for (const auto& reply : replies) ++rooms[*w.ok(reply).process];
  CHECK(rooms.size() == 4);
  for (const auto& [process, n] : rooms) CHECK(n == 2);
  CHECK(host->starts.size() == 4);
}

TEST_CASE("rooms of different apps never share a process") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto one = w.active_room();
  const auto other = w.ok(w.create({.app = other_app, .region = seattle}));
  CHECK(other.process != one.process);
}

TEST_CASE("a room can be suspended and resumed, and its allocations tell the story") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room().room;
  w.advance(1s);
  w.ok(w.suspend(room));
  auto view = w.ok(w.info(room));
  CHECK(view.status == RoomStatus::suspended);
  CHECK_FALSE(view.current);
  REQUIRE(view.allocations.size() == 1);
  CHECK(view.allocations[0].unscheduled_at == w.now());
  w.advance(1s);
  const auto resumed = w.ok(w.resume(room));
  CHECK(resumed.active);
  view = w.ok(w.info(room));
  CHECK(view.status == RoomStatus::active);
  REQUIRE(view.allocations.size() == 2);
  CHECK(view.allocations[1].scheduled_at == w.now());
  CHECK(view.current->id == view.allocations[1].id);
  // Both succeed and change nothing.
  CHECK(w.ok(w.resume(room)).process == resumed.process);
  w.ok(w.suspend(room));
  w.ok(w.suspend(room));
  CHECK(w.ok(w.info(room)).allocations.size() == 2);
}

TEST_CASE("connection info resumes a suspended room, unless that is not wanted") {
  for (const bool resumes : {true, false}) {
    World w{{.policy = {.connection_info_resumes = resumes}}};
    w.add_host("host-1", room_for(4));
    const auto room = w.active_room().room;
    w.ok(w.suspend(room));
    if (resumes) {
      CHECK(w.ok(w.connect(room)).active);
    } else {
      const auto error = w.error(w.connect(room));
      CHECK(error.code == ErrorCode::refused);
      CHECK(error.message == "room is suspended");
      CHECK(w.ok(w.info(room)).status == RoomStatus::suspended);
    }
  }
}

TEST_CASE("a destroyed room can be read, and nothing else") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room("chosen").room;
  w.ok(w.update(room, "config"));
  w.ok(w.destroy(room));
  const auto view = w.ok(w.info(room));
  CHECK(view.status == RoomStatus::destroyed);
  CHECK_FALSE(view.config);
  CHECK(view.allocations.size() == 1);
  CHECK(w.error(w.destroy(room)).code == ErrorCode::not_found);
  CHECK(w.error(w.suspend(room)).code == ErrorCode::not_found);
  CHECK(w.error(w.resume(room)).code == ErrorCode::not_found);
  CHECK(w.error(w.connect(room)).code == ErrorCode::not_found);
  CHECK(w.error(w.connect(room, 1000)).code == ErrorCode::not_found);
  CHECK(w.error(w.update(room, "x")).code == ErrorCode::not_found);
  CHECK(w.error(w.create("chosen")).code == ErrorCode::refused);
}

TEST_CASE("a suspended room can be destroyed, and says that this is why it ended") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room().room;
  w.ok(w.suspend(room));
  w.ok(w.destroy(room));
  CHECK(w.stored_room(room)->allocations.back().ended == EndReason::destroyed);
}

TEST_CASE("a config can be changed in every state but destroyed") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto created = w.ok(w.create());
  w.ok(w.update(created.room, "scheduling"));
  CHECK(w.ok(w.info(created.room)).config == "scheduling");
  w.start(*created.process);
  w.ok(w.update(created.room, "active"));
  CHECK(w.ok(w.info(created.room)).config == "active");
  w.ok(w.suspend(created.room));
  w.ok(w.update(created.room, "suspended"));
  CHECK(w.ok(w.info(created.room)).config == "suspended");
  w.ok(w.resume(created.room));
  CHECK(w.ok(w.info(created.room)).config == "suspended");
}

TEST_CASE("what is unknown, or of another app, is not found") {
  World w;
  w.add_host("host-1", room_for(4));
  const auto room = w.active_room();
  CHECK(w.error(w.info(domain::RoomId("nobody"))).code == ErrorCode::not_found);
  CHECK(w.error(w.destroy(domain::RoomId("nobody"))).code == ErrorCode::not_found);
  CHECK(w.error(w.connect(domain::RoomId("nobody"))).code == ErrorCode::not_found);
  CHECK(w.error(w.explain(domain::RoomId("nobody"))).code == ErrorCode::not_found);
  CHECK(w.error(w.process({1, 2})).code == ErrorCode::not_found);
  CHECK(w.error(w.stop({1, 2})).code == ErrorCode::not_found);
  CHECK(w.error(w.rooms({1, 2})).code == ErrorCode::not_found);
  const auto foreign = w.request<wire::Done>(w.scheduler, destroy_atom::value, other_app, room.room);
  CHECK(w.error(foreign).code == ErrorCode::not_found);
  const auto stopped = w.request<wire::Done>(w.scheduler, stop_atom::value, other_app, *room.process);
  CHECK(w.error(stopped).code == ErrorCode::not_found);
  CHECK(w.error(w.create({.app = domain::AppId("app-9"), .region = seattle})).code == ErrorCode::not_found);
  const auto odd = w.error(
      w.create({.app = app, .region = seattle, .deployment = domain::DeploymentId("dep-of-nobody")}));
  CHECK(odd.code == ErrorCode::not_found);
  CHECK(odd.field == "deploymentId");
}

TEST_CASE("a slot is free from the moment that destroy or suspend is answered") {
  World w{{.rooms_per_process = 1}};
  w.add_host("host-1", room_for(1));
  auto room = w.active_room();
  const auto process = room.process;
  for (int i = 0; i < 6; ++i) {
    // The next create is sent at the very moment of the answer.
    Reply<domain::ConnectionInfo> next;
    const auto gone = i % 2 == 0 ? w.destroy(room.room) : w.suspend(room.room);
    while (!gone->has_value()) REQUIRE(w.run_one(0));
    REQUIRE(gone->value());
    next = w.create();
    room = w.ok(next);
    CHECK(room.process == process);
    CHECK(room.active);
  }
}

TEST_CASE("an ordered stop destroys the rooms, and is answered when they and the process are on disk") {
  World w;
  const auto host = w.add_host("host-1", room_for(1));
  const auto one = w.active_room();
  const auto two = w.ok(w.create());
  const auto stopped = w.stop(*one.process);
  while (!stopped->has_value()) REQUIRE(w.run_one(0));
  REQUIRE(stopped->value());
  CHECK(w.stored_process(*one.process).status == ProcessStatus::stopping);
  for (const auto& id : {one.room, two.room}) {
    CHECK(w.stored_room(id)->state == RoomState::destroyed);
    CHECK(w.stored_room(id)->allocations.back().ended == EndReason::process_stopped);
  }
  w.step();
  CHECK(host->was_stopped(*one.process));
  w.ok(w.stop(*one.process));
  w.end(*one.process, ExitReason::crashed);
  CHECK(w.stored_process(*one.process).status == ProcessStatus::stopped);
  CHECK(w.stored_process(*one.process).exit_reason == ExitReason::ordered);
  w.ok(w.stop(*one.process));
}

TEST_CASE("a stop is not answered before it is on disk, even if the last room has just left by itself") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  const auto destroyed = w.destroy(room.room);
  // The room's commit is on its way when the stop is ordered.
  const auto first = w.stop(*room.process);
  const auto second = w.stop(*room.process);
  for (;;) {
    if (first->has_value() || second->has_value()) {
      REQUIRE(w.stored_process(*room.process).status == ProcessStatus::stopping);
      break;
    }
    REQUIRE(w.run_one(0));
  }
  w.step();
  CHECK(destroyed->value());
  CHECK(first->value());
  CHECK(second->value());
}

TEST_CASE("a process that exits with code 0 destroys its rooms") {
  World w;
  w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  w.end(*room.process, ExitReason::exited);
  CHECK(w.ok(w.info(room.room)).status == RoomStatus::destroyed);
  CHECK(w.stored_room(room.room)->allocations.back().ended == EndReason::process_stopped);
  CHECK(w.ok(w.process(*room.process)).status == ProcessStatus::stopped);
}

TEST_CASE("a process without rooms is stopped after the idle time, and not before") {
  World w;
  const auto host = w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  w.ok(w.destroy(room.room));
  w.jump(4min);
  CHECK_FALSE(host->was_stopped(*room.process));
  const auto again = w.ok(w.create());  // it is used once more
  CHECK(again.process == room.process);
  w.ok(w.destroy(again.room));
  w.jump(4min);
  CHECK_FALSE(host->was_stopped(*room.process));
  w.jump(1min + 1s);
  CHECK(host->was_stopped(*room.process));
  w.end(*room.process, ExitReason::exited);
  CHECK(w.stored_process(*room.process).exit_reason == ExitReason::idle);
}

TEST_CASE("a process of a deployment that does not time out stays without rooms") {
  World w{{.idle_timeout_enabled = false}};
  const auto host = w.add_host("host-1", room_for(1));
  const auto room = w.active_room();
  w.ok(w.destroy(room.room));
  w.jump(24h);
  CHECK(host->stops.empty());
}

TEST_CASE("a process that was asked for starts without a room and takes the next ones") {
  World w;
  const auto host = w.add_host("host-1", room_for(2));
  const auto launched = w.ok(w.launch());
  CHECK(launched.status == ProcessStatus::starting);
  CHECK(launched.scheduled_at);
  REQUIRE(host->was_started(launched.id));
  CHECK_FALSE(host->starts[0].initial_room);
  CHECK(w.ok(w.create()).process == launched.id);
  w.start(launched.id);
  w.jump(10min);
  CHECK(host->stops.empty());
}

TEST_CASE("the list of a process's rooms is never longer than its slots while many come and go") {
  World w{{.rooms_per_process = 3}};
  w.add_host("host-1", room_for(1));
  const auto process = *w.active_room().process;
  innkeeper::testing::Random random(1);
  std::vector<domain::RoomId> rooms;
  std::vector<Reply<domain::ConnectionInfo>> created;
  std::vector<Reply<std::vector<domain::RoomView>>> lists;
  for (int i = 0; i < 400; ++i) {
    if (random.chance(40)) {
      const auto id = "r" + std::to_string(i);
      rooms.emplace_back(id);
      created.push_back(w.create(id));
    } else if (!rooms.empty() && random.chance(60)) {
      const auto at = random.below(rooms.size());
      static_cast<void>(w.destroy(rooms[at]));
      rooms.erase(rooms.begin() + static_cast<std::ptrdiff_t>(at));
    }
    lists.push_back(w.rooms(process));
    for (auto n = random.below(6); n > 0; --n) w.run_one(random.bits());
  }
  w.step();
  for (const auto& list : lists) {
    REQUIRE(list->has_value());
    REQUIRE(list->value());
    CHECK(list->value().value().size() <= 3);
  }
  for (const auto& reply : created) REQUIRE(reply->has_value());
}

}  // namespace innkeeper::actors::testing
