#include "tests/actors/simulation/room_history.hpp"

#include <catch2/catch.hpp>

// The ledger's own test: each rule of it is broken once.
namespace innkeeper::actors::testing {
namespace {

using domain::EndReason;
using domain::RoomState;
using Kind = Change::Kind;

const domain::ProcessId process{1, 1};

domain::RoomRecord record(RoomState state, EndReason ended = EndReason::none) {
  const domain::Timestamp at{std::chrono::milliseconds(1)};
  auto room = domain::make_room(domain::RoomId("mine"), domain::DeploymentKey{1}, "first",
                                {.allocation = domain::AllocationId{1, 2}, .process = process}, at);
  room.state = state;
  if (ended != EndReason::none) room.allocations.back().unscheduled_at = at;
  room.allocations.back().ended = ended;
  return room;
}

// A created room, and what came after it; each is answered before the next is sent.
RoomHistory after(std::vector<Change> changes) {
  RoomHistory history{{{.kind = Kind::create, .config = "first"}}, {}};
  history.changes.front().outcome = Outcome::acknowledged;
  for (auto& change : changes) history.changes.push_back(std::move(change));
  std::uint64_t moment = 0;
  for (auto& change : history.changes) {
    change.sent = ++moment;
    change.answered = ++moment;
  }
  return history;
}

Change was(Kind kind, Outcome outcome, std::optional<std::string> config = {}) {
  return {.kind = kind, .config = std::move(config), .outcome = outcome};
}

}  // namespace

TEST_CASE("a ledger takes what agrees with what clients were told") {
  const auto allocated = record(RoomState::allocated);
  const auto suspended = record(RoomState::suspended, EndReason::suspended);
  CHECK(contradictions(after({}), &allocated).empty());
  CHECK(contradictions(after({was(Kind::suspend, Outcome::acknowledged)}), &suspended).empty());
  CHECK(contradictions(after({was(Kind::suspend, Outcome::acknowledged), was(Kind::resume, Outcome::acknowledged)}),
                       &allocated)
            .empty());
  // Without a clear answer both may be.
  CHECK(contradictions(after({was(Kind::suspend, Outcome::unknown)}), &suspended).empty());
  CHECK(contradictions(after({was(Kind::suspend, Outcome::unknown)}), &allocated).empty());
  CHECK(contradictions(after({was(Kind::update, Outcome::unknown, "second")}), &allocated).empty());
  CHECK(contradictions(RoomHistory{}, nullptr).empty());
}

TEST_CASE("a ledger finds what was acknowledged and is not there") {
  const auto allocated = record(RoomState::allocated);
  CHECK(contradictions(after({}), nullptr).size() == 1);
  CHECK(contradictions(after({was(Kind::destroy, Outcome::acknowledged)}), &allocated).size() == 1);
  CHECK(contradictions(after({was(Kind::suspend, Outcome::acknowledged)}), &allocated).size() == 1);
  CHECK(contradictions(after({was(Kind::update, Outcome::acknowledged, "second")}), &allocated).size() == 1);
  auto elsewhere = after({was(Kind::resume, Outcome::acknowledged)});
  elsewhere.changes.back().info = domain::ConnectionInfo{.room = allocated.id, .process = domain::ProcessId{9, 9}};
  CHECK(contradictions(elsewhere, &allocated).size() == 1);
  auto denied = after({was(Kind::update, Outcome::refused, "second")});
  denied.changes.back().not_found = true;
  CHECK(contradictions(denied, &allocated).size() == 1);
}

TEST_CASE("a ledger finds what was refused and is there") {
  auto changed = record(RoomState::allocated);
  changed.config = "second";
  CHECK(contradictions(after({was(Kind::update, Outcome::refused, "second")}), &changed).size() == 1);
  const auto suspended = record(RoomState::suspended, EndReason::suspended);
  CHECK(contradictions(after({was(Kind::suspend, Outcome::refused)}), &suspended).size() == 1);
  const auto destroyed = record(RoomState::destroyed, EndReason::destroyed);
  CHECK(contradictions(after({was(Kind::destroy, Outcome::refused)}), &destroyed).size() == 1);
  auto refused = after({});
  refused.changes.front().outcome = Outcome::refused;
  const auto allocated = record(RoomState::allocated);
  CHECK_FALSE(contradictions(refused, &allocated).empty());
}

}  // namespace innkeeper::actors::testing
