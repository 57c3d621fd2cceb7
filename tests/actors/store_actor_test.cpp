#include "tests/actors/region_fixture.hpp"

// The only door to the store: batches, leases, failures.
namespace innkeeper::actors::testing {

using domain::ErrorCode;

namespace {

MutationPtr new_room(const World& w, std::uint64_t n, const domain::RegionName& region = seattle) {
  const auto key = w.catalog->find_app(app)->latest()->key;
  auto record = domain::make_room(domain::RoomId("store-" + std::to_string(n)), key, {},
                                  {.allocation = {n, 1}, .process = {n, 2}}, w.now());
  record = domain::apply(record, domain::SuspendRoom{}, w.now()).value();
  return std::make_shared<store::Mutation>(
      store::Mutation{store::InsertRoom{.region = region,
                                        .app = app,
                                        .room = std::make_shared<const domain::RoomRecord>(record)}});
}
LeasePtr lease_of(const domain::RegionName& region, std::uint64_t epoch) {
  return std::make_shared<Lease>(Lease{.region = region, .epoch = epoch});
}

// A world whose scheduler does not look.
struct Quiet : World {
  Quiet() { kill_region(); }
  Reply<wire::Done> commit(std::uint64_t n, const LeasePtr& by) {
    return request<wire::Done>(store, commit_atom::value, by, new_room(*this, n));
  }
  Reply<SnapshotPtr> load(const LeasePtr& by) { return request<SnapshotPtr>(store, load_atom::value, by); }
  Reply<std::uint64_t> probe() { return request<std::uint64_t>(store, probe_atom::value); }
};

}  // namespace

TEST_CASE("what is in the mailbox together is committed together") {
  Quiet w;
  const auto before = w.faults->commits;
  std::vector<Reply<wire::Done>> replies;
  for (std::uint64_t i = 0; i < 100; ++i) replies.push_back(w.commit(i, w.lease()));
  w.run();
  for (const auto& reply : replies) CHECK(reply->value());
  CHECK(w.faults->commits == before + 1);
}

TEST_CASE("a batch that is full is committed without waiting for more") {
  Quiet w;
  const auto before = w.faults->commits;
  for (std::uint64_t i = 0; i < 1100; ++i) static_cast<void>(w.commit(i, w.lease()));
  w.run();
  CHECK(w.faults->commits == before + 3);
}

TEST_CASE("a mutation that is refused does not hurt the others of its batch") {
  Quiet w;
  const auto one = w.commit(1, w.lease());
  const auto again = w.commit(1, w.lease());
  const auto two = w.commit(2, w.lease());
  w.run();
  CHECK(one->value());
  REQUIRE_FALSE(again->value());
  CHECK(again->value().error().code == ErrorCode::refused);
  CHECK(two->value());
  CHECK(w.stored().rooms.size() == 2);
}

TEST_CASE("an old lease cannot write, once a newer one has loaded the region") {
  Quiet w;
  const auto old = lease_of(seattle, 10);
  const auto fresh = lease_of(seattle, 11);
  REQUIRE(w.ok(w.load(old)));
  REQUIRE(w.ok(w.commit(1, old)) == wire::Done{});
  REQUIRE(w.ok(w.load(fresh)));
  CHECK(w.error(w.commit(2, old)).code == ErrorCode::unavailable);
  CHECK(w.ok(w.commit(3, fresh)) == wire::Done{});
  // A read by the old one gives it nothing back.
  static_cast<void>(w.get(w.load(old)));
  CHECK(w.error(w.commit(4, old)).code == ErrorCode::unavailable);
  CHECK(w.ok(w.commit(5, fresh)) == wire::Done{});
}

TEST_CASE("a load sees what was queued before it") {
  Quiet w;
  const auto lease = w.lease();
  static_cast<void>(w.commit(1, lease));
  const auto loaded = w.load(lease);
  w.run();
  CHECK(loaded->value().value()->rooms.size() == 1);
}

TEST_CASE("after a failure nobody writes until the store is probed and the region loaded anew") {
  Quiet w;
  const auto lease = lease_of(seattle, 10);
  REQUIRE(w.ok(w.load(lease)));
  w.faults->broken = true;
  CHECK(w.error(w.commit(1, lease)).code == ErrorCode::unavailable);
  CHECK(w.error(w.probe()).code == ErrorCode::unavailable);
  w.faults->broken = false;
  // The cause is gone, but nobody has probed.
  CHECK(w.error(w.commit(1, lease)).code == ErrorCode::unavailable);
  CHECK(w.error(w.load(lease)).code == ErrorCode::unavailable);
  CHECK(w.ok(w.probe()) == 1);
  CHECK(w.error(w.commit(1, lease)).code == ErrorCode::unavailable);
  const auto fresh = lease_of(seattle, 11);
  REQUIRE(w.ok(w.load(fresh)));
  CHECK(w.ok(w.commit(1, fresh)) == wire::Done{});
  CHECK(w.error(w.commit(2, lease)).code == ErrorCode::unavailable);
}

TEST_CASE("all of a batch whose commit fails are refused") {
  Quiet w;
  std::vector<Reply<wire::Done>> replies;
  for (std::uint64_t i = 0; i < 10; ++i) replies.push_back(w.commit(i, w.lease()));
  w.faults->at_commit = true;
  w.run();
  for (const auto& reply : replies) {
    REQUIRE(reply->has_value());
    REQUIRE_FALSE(reply->value());
    CHECK(reply->value().error().code == ErrorCode::unavailable);
  }
  CHECK(w.stored().rooms.empty());
}

TEST_CASE("a read that the store fails is a failure of the store, which a probe mends") {
  Quiet w;
  w.faults->at_load = true;
  CHECK(w.error(w.load(w.lease())).code == ErrorCode::unavailable);
  CHECK(w.metric("innkeeper_store_up") == 0);
  CHECK(w.error(w.load(w.lease())).code == ErrorCode::unavailable);
  CHECK(w.ok(w.probe()) == 1);
  CHECK(w.metric("innkeeper_store_up") == 1);
  CHECK(w.ok(w.load(w.lease())));
}

TEST_CASE("a probe of a store that works changes nothing") {
  Quiet w;
  const auto lease = lease_of(seattle, 10);
  REQUIRE(w.ok(w.load(lease)));
  CHECK(w.ok(w.probe()) == 0);
  CHECK(w.ok(w.commit(1, lease)) == wire::Done{});
}

}  // namespace innkeeper::actors::testing
