// What every implementation of the store has to do.

#include <algorithm>

#include "actors/domain/limits.hpp"
#include "tests/store/support/checks.hpp"
#include "tests/store/support/full_records.hpp"
#include "tests/store/support/place.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;

namespace {

// A place of each kind in turn: each test case runs once for each.
std::unique_ptr<StorePlace> any_place() {
  const auto kind = GENERATE(from_range(store_kinds()));
  return kind.make_place();
}

domain::RoomRecord load(Store& store, const domain::RoomId& id) {
  const auto room = must(store.load_room(id));
  if (!room) FAIL("room " + id.str() + " is not there");
  return *room;
}

bool has_room(Store& store, const domain::RoomId& id) {
  return must(store.load_room(id)) != nullptr;
}

std::vector<domain::RoomId> ids_of(const RegionSnapshot& snapshot) {
  std::vector<domain::RoomId> ids;
  for (const auto& room : snapshot.rooms) ids.push_back(room->id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// A history of `count` stays, of which the record holds the newest `held`.
domain::RoomRecord with_history(std::uint64_t number, std::size_t count, std::size_t held) {
  domain::RoomRecord record = room(number);
  record.allocations.clear();
  for (std::size_t i = count - held; i < count; ++i) {
    record.allocations.push_back(allocation(number * 1'000'000 + i));
  }
  return record;
}

}  // namespace

TEST_CASE("a new store is empty") {
  const auto place = any_place();
  const auto store = must(place->open());
  const auto snapshot = must(store->load_region(seattle));
  CHECK(snapshot.rooms.empty());
  CHECK(snapshot.processes.empty());
  CHECK(snapshot.idempotency.empty());
  CHECK(must(store->load_catalog()).apps.empty());
  CHECK(must(store->load_room(room_id(1))) == nullptr);
}

TEST_CASE("every field comes back as it was, also after the store was opened again") {
  const auto place = any_place();
  auto store = must(place->open());
  commit_all(*store, {full_changes()});
  const bool again = GENERATE(false, true);
  if (again) {
    store.reset();
    store = must(place->open());
  }
  const auto snapshot = must(store->load_region(seattle));
  REQUIRE(snapshot.rooms.size() == 1);
  CHECK(*snapshot.rooms.front() == full_room());
  CHECK(load(*store, full_room().id) == full_room());
  REQUIRE(snapshot.processes.size() == 1);
  CHECK(snapshot.processes.front() == full_process());
  REQUIRE(snapshot.idempotency.size() == 1);
  const IdempotencyRecord& record = snapshot.idempotency.front();
  CHECK(record.region == seattle);
  CHECK(record.app == full_idempotency().app);
  CHECK(record.key == full_idempotency().key);
  CHECK(record.request_digest == full_idempotency().request_digest);
  CHECK(record.answer == full_idempotency().answer);
  CHECK(record.created_at == full_idempotency().created_at);

  const auto catalog = must(store->load_catalog());
  REQUIRE(catalog.apps.size() == 1);
  const auto& entry = catalog.apps.begin()->second;
  CHECK(entry.app == full_app());
  REQUIRE(entry.deployments.size() == 1);
  domain::Deployment expected = full_deployment();
  expected.key = domain::DeploymentKey{1};
  CHECK(*entry.deployments.front() == expected);
  CHECK(catalog.by_key.at(1) == entry.deployments.front());
}

TEST_CASE("every value of every enumeration comes back") {
  const auto place = any_place();
  const auto store = must(place->open());
  Mutation mutation;
  for (int i = 0; i < domain::room_state_count; ++i) {
    auto record = room(static_cast<std::uint64_t>(i));
    record.state = static_cast<domain::RoomState>(i);
    mutation.emplace_back(insert(record));
  }
  std::vector<domain::ProcessRecord> processes;
  for (int i = 0; i < domain::exit_reason_count; ++i) {
    domain::ProcessRecord process = full_process();
    process.id.lo += static_cast<std::uint64_t>(i);
    process.status = static_cast<domain::ProcessStatus>(i % domain::process_status_count);
    process.exit_reason = static_cast<domain::ExitReason>(i);
    process.stop_reason = static_cast<domain::ExitReason>(domain::exit_reason_count - 1 - i);
    process.ports.front().transport = static_cast<domain::Transport>(i % 3);
    processes.push_back(process);
    mutation.emplace_back(PutProcess{.region = seattle, .app = echo_app, .process = process});
  }
  commit_all(*store, {mutation});
  const auto snapshot = must(store->load_region(seattle));
  for (int i = 0; i < domain::room_state_count; ++i) {
    CHECK(load(*store, room_id(static_cast<std::uint64_t>(i))).state ==
          static_cast<domain::RoomState>(i));
  }
  CHECK(snapshot.processes == processes);
}

TEST_CASE("configs of any kind come back, and none differs from empty") {
  const auto place = any_place();
  const auto store = must(place->open());
  std::string turtles;
  for (std::size_t i = 0; i < domain::limits::config_code_points; ++i)
    turtles += "\xF0\x9F\x90\xA2";
  const std::vector<std::optional<std::string>> configs = {std::nullopt,
                                                           "",
                                                           "{}",
                                                           turtles,
                                                           std::string("\0", 1),
                                                           "' \" \\ \n ; DROP TABLE rooms; --",
                                                           std::string(100'000, 'x')};
  for (std::size_t i = 0; i < configs.size(); ++i) {
    auto record = room(i);
    record.config = configs[i];
    commit_all(*store, {{insert(record)}});
    CHECK(load(*store, record.id).config == configs[i]);
  }
  CHECK(must(store->load_region(seattle)).rooms.size() == configs.size());
}

TEST_CASE("records without any optional part come back without it") {
  const auto place = any_place();
  const auto store = must(place->open());
  domain::RoomRecord bare;
  bare.id = room_id(1);
  domain::ProcessRecord reserved;
  reserved.id = {.hi = 0, .lo = 1};
  IdempotencyRecord record = full_idempotency();
  record.answer = {.room = room_id(1),
                   .active = false,
                   .process = {},
                   .exposed_port = {},
                   .additional_ports = {}};
  record.request_digest.clear();
  commit_all(*store,
             {{insert(bare), PutProcess{.region = seattle, .app = echo_app, .process = reserved},
               PutIdempotency{record}}});
  const auto snapshot = must(store->load_region(seattle));
  CHECK(*snapshot.rooms.at(0) == bare);
  CHECK(snapshot.processes.at(0) == reserved);
  CHECK(snapshot.idempotency.at(0).answer == record.answer);
  CHECK(snapshot.idempotency.at(0).request_digest.empty());
}

TEST_CASE("a region gets its own rooms and processes only") {
  const auto place = any_place();
  const auto store = must(place->open());
  const domain::RegionName tokyo{"Tokyo"};
  Mutation mutation;
  std::vector<domain::RoomId> of_seattle;
  std::vector<domain::RoomId> of_tokyo;
  // Chosen ids lie between each other, generated ones in long runs, some rooms have no allocation.
  for (std::uint64_t i = 0; i < 300; ++i) {
    const bool first = i % 3 != 0;
    auto chosen = room(i, "mix0");
    if (i % 7 == 0) chosen.allocations.clear();
    if (i % 5 == 0) chosen.allocations.push_back(allocation(i + 5'000));
    auto generated = room(i, first ? "sea0" : "tok0");
    (first ? of_seattle : of_tokyo).push_back(chosen.id);
    (first ? of_seattle : of_tokyo).push_back(generated.id);
    mutation.emplace_back(insert(chosen, first ? seattle : tokyo));
    mutation.emplace_back(insert(generated, first ? seattle : tokyo));
  }
  domain::ProcessRecord process = full_process();
  mutation.emplace_back(PutProcess{.region = tokyo, .app = echo_app, .process = process});
  commit_all(*store, {mutation});
  std::sort(of_seattle.begin(), of_seattle.end());
  std::sort(of_tokyo.begin(), of_tokyo.end());

  const auto snapshot = must(store->load_region(seattle));
  CHECK(ids_of(snapshot) == of_seattle);
  CHECK(snapshot.processes.empty());
  const auto other = must(store->load_region(tokyo));
  CHECK(ids_of(other) == of_tokyo);
  CHECK(other.processes.size() == 1);
  for (const auto& loaded : {snapshot, other}) {
    for (const auto& record : loaded.rooms) CHECK(*record == load(*store, record->id));
  }
  CHECK(must(store->load_region(domain::RegionName("Atlantis"))).rooms.empty());
}

TEST_CASE("a room id that is taken is refused by name, whoever has it") {
  const auto place = any_place();
  const auto store = must(place->open());
  commit_all(*store, {{insert(room(1))}, {insert(destroyed(room(2)))}});
  auto record = room(1);
  auto tombstone = room(2);
  std::vector<Mutation> mutations;
  for (const auto& taken : {record, tombstone}) {
    mutations.push_back({InsertRoom{.region = domain::RegionName("Tokyo"),
                                    .app = domain::AppId("app-other"),
                                    .room = share(taken)}});
  }
  // Within one batch, and with the batch going on after it.
  mutations.push_back({insert(room(3))});
  mutations.push_back({insert(room(3))});
  mutations.push_back({insert(room(4))});
  const auto outcomes = must(commit(*store, mutations));
  const std::vector<std::pair<std::size_t, domain::RoomId>> refused = {
      {0, room_id(1)}, {1, room_id(2)}, {3, room_id(3)}};
  for (const auto& [i, id] : refused) {
    const auto error = error_of(outcomes.at(i));
    CHECK(error.code == domain::ErrorCode::refused);
    CHECK(error.field == "roomId");
    CHECK(error.message == "\"" + id.str() + "\" is already taken");
  }
  must(outcomes.at(2));
  must(outcomes.at(4));
  CHECK(load(*store, room_id(1)) == room(1));
  CHECK(load(*store, room_id(2)) == destroyed(room(2)));
  CHECK(has_room(*store, room_id(3)));
  CHECK(has_room(*store, room_id(4)));
}

TEST_CASE("a mutation that is refused leaves nothing behind, wherever the refused change stands") {
  const auto place = any_place();
  const auto store = must(place->open());
  commit_all(*store, {{PutApp{full_app()}, InsertDeployment{full_deployment()}},
                      {insert(room(1))},
                      {insert(destroyed(room(9)))}});
  const PutProcess process{.region = seattle, .app = echo_app, .process = full_process()};
  const Change taken = insert(room(1));
  const Change missing = UpdateRoom{.room = share(room(77)), .allocations_from = 0};
  const Change fresh = insert(room(2));
  auto app = full_app();
  app.name = "renamed";
  const std::vector<Mutation> mutations = {
      {taken, process, idempotency(1)},
      {process, idempotency(1), taken},
      {process, missing},
      {fresh, taken},
      {fresh, process, missing},
      {DeleteRooms{{room_id(9)}}, taken},
      {fresh, DeleteRooms{{room_id(9)}}, process, idempotency(1), missing},
      {PutApp{app}, InsertDeployment{full_deployment()}},
      {fresh, InsertDeployment{full_deployment()}},
  };
  for (const Mutation& mutation : mutations) {
    const auto outcomes = must(
        commit(*store, {{UpdateRoom{.room = share(room(1)), .allocations_from = 1}}, mutation}));
    must(outcomes.at(0));
    const auto error = error_of(outcomes.at(1));
    CHECK(error.code != domain::ErrorCode::unavailable);
    CHECK_FALSE(error.message.empty());
    const auto snapshot = must(store->load_region(seattle));
    CHECK(ids_of(snapshot) == std::vector<domain::RoomId>{room_id(1), room_id(9)});
    CHECK(snapshot.processes.empty());
    CHECK(snapshot.idempotency.empty());
    CHECK(must(store->load_catalog()).apps.at(echo_app).app == full_app());
  }
  // The same ones without the refused part are accepted.
  commit_all(*store, {{fresh, process, idempotency(1), DeleteRooms{{room_id(9)}}}});
  CHECK(ids_of(must(store->load_region(seattle))) ==
        std::vector<domain::RoomId>{room_id(1), room_id(2)});
}

TEST_CASE("a store that is reopened while it is well goes on as before") {
  const auto place = any_place();
  const auto store = must(place->open());
  commit_all(*store, {{insert(room(1))}});
  must(store->reopen());
  CHECK(has_room(*store, room_id(1)));
  commit_all(*store, {{insert(room(2))}});
  CHECK(has_room(*store, room_id(2)));
}

TEST_CASE("an empty batch and an empty mutation are accepted") {
  const auto place = any_place();
  const auto store = must(place->open());
  CHECK(must(store->commit({})).empty());
  commit_all(*store, {{}, {insert(room(1))}, {}});
  CHECK(has_room(*store, room_id(1)));
}

TEST_CASE("the changes of a batch have the effect of their order") {
  const auto place = any_place();
  const auto store = must(place->open());
  auto changed = room(1);
  changed.state = domain::RoomState::suspended;
  changed.allocations.back().ended = domain::EndReason::suspended;
  auto again = room(2);
  again.config = "the second life";
  again.allocations.clear();
  domain::ProcessRecord process = full_process();
  auto late = idempotency(1);
  const auto outcomes = must(
      commit(*store, {{insert(room(1))},
                      {UpdateRoom{.room = share(changed), .allocations_from = 0}},
                      {UpdateRoom{.room = share(room(3)), .allocations_from = 0}},
                      {insert(room(3))},
                      {insert(destroyed(room(2)))},
                      {DeleteRooms{{room_id(2)}}},
                      {UpdateRoom{.room = share(room(2)), .allocations_from = 0}},
                      {insert(again)},
                      {insert(again)},
                      {PutProcess{.region = seattle, .app = echo_app, .process = process}},
                      {DeleteProcesses{{process.id}}},
                      {late},
                      {DeleteIdempotencyBefore{.region = seattle, .moment = at(1'750'000'900'000)}},
                      {late}}));
  const std::vector<std::size_t> refused{2, 6, 8};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    INFO(i);
    const bool expected = std::find(refused.begin(), refused.end(), i) == refused.end();
    CHECK(outcomes[i].has_value() == expected);
  }
  CHECK(load(*store, room_id(1)) == changed);
  CHECK(load(*store, room_id(2)) == again);
  CHECK(load(*store, room_id(3)) == room(3));
  const auto snapshot = must(store->load_region(seattle));
  CHECK(snapshot.processes.empty());
  CHECK(snapshot.idempotency.size() == 1);
}

TEST_CASE("a room may be created, changed and used by others in one mutation") {
  const auto place = any_place();
  const auto store = must(place->open());
  auto changed = room(1);
  changed.config = "changed";
  changed.allocations.push_back(allocation(50));
  commit_all(*store,
             {{insert(room(1)), UpdateRoom{.room = share(changed), .allocations_from = 1}}});
  CHECK(load(*store, room_id(1)) == changed);
}

TEST_CASE("an update changes the room and the allocations from the given one on") {
  const auto place = any_place();
  const auto store = must(place->open());
  auto record = room(1);
  commit_all(*store, {{insert(record)}});
  record.state = domain::RoomState::suspended;
  record.config = "changed";
  record.allocations.back().unscheduled_at = at(5);
  record.allocations.back().ended = domain::EndReason::process_crashed;
  commit_all(*store, {{UpdateRoom{.room = share(record), .allocations_from = 0}}});
  CHECK(load(*store, record.id) == record);
  record.state = domain::RoomState::allocated;
  record.allocations.push_back(allocation(100));
  commit_all(*store, {{UpdateRoom{.room = share(record), .allocations_from = 1}}});
  CHECK(load(*store, record.id) == record);
  record.allocations.back().unscheduled_at = at(6);
  record.allocations.back().ended = domain::EndReason::moved_to_free_slot;
  record.allocations.push_back(allocation(101));
  commit_all(*store, {{UpdateRoom{.room = share(record), .allocations_from = 1}}});
  CHECK(load(*store, record.id) == record);
  record.config.reset();
  commit_all(*store, {{UpdateRoom{.room = share(record), .allocations_from = 3}}});
  CHECK(load(*store, record.id) == record);
  record = destroyed(record);
  commit_all(*store, {{UpdateRoom{.room = share(record), .allocations_from = 2}}});
  CHECK(load(*store, record.id) == record);
  const auto outcomes =
      must(commit(*store, {{UpdateRoom{.room = share(record), .allocations_from = 9}}}));
  CHECK(error_of(outcomes.front()).code == domain::ErrorCode::internal);
}

TEST_CASE(
    "only the newest allocations of a room are loaded, and new ones go after those that are not") {
  const auto place = any_place();
  const auto store = must(place->open());
  constexpr std::size_t bound = domain::limits::allocations_per_room;
  // One by one, as a room that is suspended and resumed over and over writes them.
  auto record = with_history(1, 1, 1);
  Mutation mutation{insert(record)};
  const std::size_t total = 3 * bound + 17;
  for (std::size_t count = 2; count <= total; ++count) {
    const std::size_t held = std::min(count, bound);
    record = with_history(1, count, held);
    record.state = domain::RoomState::allocated;
    mutation.emplace_back(UpdateRoom{.room = share(record), .allocations_from = held - 2});
  }
  const auto next = with_history(2, 1, 1);
  mutation.emplace_back(insert(next));
  commit_all(*store, {mutation});
  CHECK(record.allocations.size() == bound);
  CHECK(load(*store, record.id) == record);
  const auto snapshot = must(store->load_region(seattle));
  REQUIRE(snapshot.rooms.size() == 2);
  CHECK(*snapshot.rooms.front() == record);
  CHECK(*snapshot.rooms.back() == next);
}

TEST_CASE("a process is written over by its newer state") {
  const auto place = any_place();
  const auto store = must(place->open());
  domain::ProcessRecord process;
  process.id = full_process().id;
  commit_all(*store, {{PutProcess{.region = seattle, .app = echo_app, .process = process}}});
  commit_all(*store, {{PutProcess{.region = seattle, .app = echo_app, .process = full_process()}}});
  CHECK(must(store->load_region(seattle)).processes == std::vector{full_process()});
}

TEST_CASE("purged rooms and processes are gone, and their ids free again") {
  const auto place = any_place();
  const auto store = must(place->open());
  std::vector<Mutation> mutations;
  DeleteRooms purge;
  for (std::uint64_t i = 0; i < 50; ++i) {
    auto record = i % 2 == 0 ? destroyed(room(i)) : room(i);
    mutations.push_back({insert(record)});
    purge.rooms.push_back(record.id);
  }
  purge.rooms.emplace_back("never-was");
  mutations.push_back({PutProcess{.region = seattle, .app = echo_app, .process = full_process()}});
  commit_all(*store, mutations);
  commit_all(*store, {{purge}, {DeleteProcesses{{full_process().id, {.hi = 1, .lo = 1}}}}});
  const auto snapshot = must(store->load_region(seattle));
  CHECK(snapshot.processes.empty());
  // A room that is not destroyed is never purged.
  CHECK(snapshot.rooms.size() == 25);
  for (const auto& record : snapshot.rooms) CHECK(record->allocations.size() == 1);
  // A new room of that id has none of the old one's allocations.
  auto record = room(0);
  record.allocations.clear();
  commit_all(*store, {{insert(record)}});
  CHECK(load(*store, record.id) == record);
}

TEST_CASE("idempotency keys are loaded oldest first and dropped by age in their region") {
  const auto place = any_place();
  const auto store = must(place->open());
  std::vector<Mutation> mutations;
  for (std::uint64_t i = 0; i < 100; ++i) mutations.push_back({idempotency((i * 37) % 100)});
  auto elsewhere = idempotency(3);
  elsewhere.record.region = domain::RegionName("Tokyo");
  mutations.push_back({elsewhere});
  commit_all(*store, mutations);
  auto keys = must(store->load_region(seattle)).idempotency;
  REQUIRE(keys.size() == 100);
  CHECK(std::is_sorted(keys.begin(), keys.end(),
                       [](const auto& a, const auto& b) { return a.created_at < b.created_at; }));
  commit_all(
      *store,
      {{DeleteIdempotencyBefore{.region = seattle, .moment = idempotency(40).record.created_at}}});
  keys = must(store->load_region(seattle)).idempotency;
  REQUIRE(keys.size() == 60);
  CHECK(keys.front().created_at == idempotency(40).record.created_at);
  CHECK(must(store->load_region(domain::RegionName("Tokyo"))).idempotency.size() == 1);
}

TEST_CASE("deployments get numbers that grow, and belong to an app") {
  const auto place = any_place();
  auto store = must(place->open());
  auto second = full_deployment();
  second.id = domain::DeploymentId("dep-2");
  commit_all(*store, {{PutApp{full_app()}, InsertDeployment{full_deployment()}},
                      {InsertDeployment{second}}});
  auto orphan = full_deployment();
  orphan.app = domain::AppId("app-unknown");
  const auto outcomes =
      must(commit(*store, {{InsertDeployment{orphan}}, {InsertDeployment{second}}}));
  CHECK(error_of(outcomes.at(0)).code == domain::ErrorCode::refused);
  CHECK(error_of(outcomes.at(1)).field == "deploymentId");

  store.reset();
  store = must(place->open());
  auto numbered = full_deployment();
  numbered.id = domain::DeploymentId("dep-7");
  numbered.key = domain::DeploymentKey{7};
  auto next = full_deployment();
  next.id = domain::DeploymentId("dep-8");
  auto app = full_app();
  app.secret = "new secret";
  commit_all(*store, {{InsertDeployment{numbered}}, {InsertDeployment{next}}, {PutApp{app}}});
  const auto catalog = must(store->load_catalog());
  const auto& entry = catalog.apps.at(echo_app);
  CHECK(entry.app == app);
  std::vector<std::uint32_t> keys;
  for (const auto& deployment : entry.deployments) {
    keys.push_back(static_cast<std::uint32_t>(deployment->key));
  }
  CHECK(keys == std::vector<std::uint32_t>{1, 2, 7, 8});
  CHECK(catalog.by_key.size() == 4);
}

TEST_CASE("the size of what is kept can be read") {
  const auto place = any_place();
  const auto store = must(place->open());
  const auto before = store->size();
  CHECK(before.database > 0);
  std::vector<Mutation> mutations;
  for (std::uint64_t i = 0; i < 100; ++i) mutations.push_back({insert(room(i))});
  commit_all(*store, mutations);
  const auto after = store->size();
  CHECK(after.database + after.wal > before.database + before.wal);
}
