// Leadership: who may commit, with real connections that compete.

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/postgres_server.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;
using namespace std::chrono_literals;

namespace {

const domain::RegionName tokyo{"Tokyo"};
const LeaseHolder first{.node = "node-1", .incarnation = 7};
const LeaseHolder second{.node = "node-2", .incarnation = 8};

HeldLease take(LeaseTable& table, const LeaseHolder& holder, std::chrono::milliseconds duration,
               const domain::RegionName& region = seattle) {
  auto lease = must(table.acquire(region, holder, duration));
  if (!lease) FAIL("the lease is held by somebody else");
  return *lease;
}

// By the database's clock, so that a slow machine does not matter.
void wait_for_expiry(LeaseTable& table) {
  while (must(table.read_all()).front().expires_in > 0ms) std::this_thread::sleep_for(5ms);
}

}  // namespace

TEST_CASE("a region has one leader, and the next one leads under a higher epoch") {
  const TestDatabase database;
  const auto one = must(LeaseTable::open(database.options()));
  const auto two = must(LeaseTable::open(database.options("node-2")));
  CHECK(must(one->read_all()).empty());
  const auto before = std::chrono::steady_clock::now();
  const auto lease = take(*one, first, 200ms);
  CHECK(lease.epoch == 1);
  CHECK(lease.valid_until >= before + 200ms);
  CHECK(lease.valid_until <= std::chrono::steady_clock::now() + 200ms);
  CHECK_FALSE(must(two->acquire(seattle, second, 200ms)));
  CHECK(take(*two, second, 1h, tokyo).epoch == 1);

  const auto rows = must(two->read_all());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].region == seattle);
  CHECK(rows[0].holder == first);
  CHECK(rows[0].epoch == 1);
  CHECK(rows[0].expires_in <= 200ms);
  CHECK(rows[1].holder == second);
  CHECK(rows[1].expires_in > 59min);

  wait_for_expiry(*two);
  CHECK(take(*two, second, 1h).epoch == 2);
  CHECK_FALSE(must(one->renew(lease, 1h)));
  must(one->release(lease));  // changes nothing any more
  CHECK(must(one->read_all()).front().holder == second);
  CHECK_FALSE(must(one->acquire(seattle, first, 1h)));
}

TEST_CASE("a lease is renewed, also when it has expired and nobody has taken it") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  auto lease = take(*table, first, 50ms);
  wait_for_expiry(*table);
  const auto renewed = must(table->renew(lease, 1h));
  REQUIRE(renewed);
  CHECK(renewed->epoch == lease.epoch);
  CHECK(renewed->valid_until > lease.valid_until + 59min);
  CHECK(must(table->read_all()).front().expires_in > 59min);
  // The same holder may begin anew.
  CHECK(take(*table, first, 1h).epoch == lease.epoch + 1);
  CHECK_FALSE(must(table->renew(lease, 1h)));
  // Another run of the same node is somebody else.
  CHECK_FALSE(must(table->acquire(seattle, {.node = "node-1", .incarnation = 9}, 1h)));
}

TEST_CASE("a lease that is released is free at once, and its store cannot commit") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const auto lease = take(*table, first, 1h);
  const auto store = must(open_postgres(database.options(), lease));
  must(try_batch(*store, 0));
  must(table->release(lease));
  CHECK(must(table->read_all()).front().expires_in == 0ms);
  CHECK(is_lease_lost(error_of(try_batch(*store, 1))));
  CHECK(is_lease_lost(error_of(store->reopen())));
  CHECK(take(*table, second, 1h).epoch == lease.epoch + 1);
}

TEST_CASE("of many that want a region at once exactly one gets it") {
  const TestDatabase database;
  constexpr int nodes = 6;
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> winners{0};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int node = 0; node < nodes; ++node) {
      threads.emplace_back([&, node] {
        auto table = LeaseTable::open(database.options());
        if (!table) {
          ++failures;
          return;
        }
        const domain::RegionName region("region-" + std::to_string(round));
        const auto lease = (*table)->acquire(region, {.node = "node", .incarnation = node}, 1h);
        if (!lease) ++failures;
        if (lease && *lease) ++winners;
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(winners == 1);
    CHECK(failures == 0);
  }
}

TEST_CASE("a leader that was paused past its lease cannot commit late") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const auto old_lease = take(*table, first, 50ms);
  const auto old_store = must(open_postgres(database.options("node-1"), old_lease));
  must(try_batch(*old_store, 0));
  wait_for_expiry(*table);
  // Nobody has taken over yet, so nothing that it writes can be missed.
  must(try_batch(*old_store, 1));
  const auto lease = take(*table, second, 1h);
  const bool new_leader_has_opened = GENERATE(false, true);
  std::unique_ptr<Store> store;
  if (new_leader_has_opened) {
    store = must(open_postgres(database.options("node-2"), lease));
    check_ledger(*store, {0, 1});
  }
  const auto error = error_of(try_batch(*old_store, 2));
  CHECK(error.code == domain::ErrorCode::unavailable);
  // When its connection was ended for the new leader, it learns why from reopen().
  if (!new_leader_has_opened) CHECK(is_lease_lost(error));
  CHECK(is_lease_lost(error_of(old_store->reopen())));
  CHECK(is_lease_lost(error_of(old_store->commit({}))));
  CHECK(is_lease_lost(error_of(open_postgres(database.options(), old_lease))));
  if (!store) store = must(open_postgres(database.options("node-2"), lease));
  CHECK(check_ledger(*store, {0, 1}) == std::set<std::uint64_t>{0, 1});
  must(try_batch(*store, 2));
}

TEST_CASE("a batch with refused mutations is fenced like any other") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const auto store = must(open_postgres(database.options(), take(*table, first, 1ms)));
  must(try_batch(*store, 0));
  wait_for_expiry(*table);
  static_cast<void>(take(*table, second, 1h));
  // Every mutation of it is refused, and even that is not for an old leader to say.
  CHECK(is_lease_lost(error_of(commit(*store, {{insert(room(0))}}))));
}

TEST_CASE("two that both believe to lead: what the old one was told is what the new one finds") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  std::uint64_t next = 0;
  std::set<std::uint64_t> acknowledged;
  for (int round = 0; round < 5; ++round) {
    const LeaseHolder old_leader{.node = "node-1", .incarnation = round};
    const LeaseHolder new_leader{.node = "node-2", .incarnation = round};
    const auto lease = take(*table, old_leader, 100ms);
    const auto old_store = must(open_postgres(database.options("node-1"), lease));
    std::set<std::uint64_t> told;
    domain::Error end;
    std::thread leader([&] {
      for (std::uint64_t batch = next;; ++batch) {
        const auto done = try_batch(*old_store, batch);
        if (!done) {
          end = done.error();
          return;
        }
        told.insert(batch);
      }
    });
    std::optional<HeldLease> taken;
    while (!taken) taken = must(table->acquire(seattle, new_leader, 1h));
    const auto store = must(open_postgres(database.options("node-2"), *taken));
    const auto found = check_ledger(*store, acknowledged);
    leader.join();
    CHECK(end.code == domain::ErrorCode::unavailable);
    for (const auto batch : told) CHECK(found.contains(batch));
    // Nothing came later, and what the new leader does stays.
    CHECK(check_ledger(*store, found) == found);
    acknowledged = found;
    next = acknowledged.empty() ? 0 : *acknowledged.rbegin() + 1;
    must(try_batch(*store, next));
    acknowledged.insert(next++);
    must(table->release(*taken));
  }
}

TEST_CASE("renewals do not hinder commits, nor commits renewals") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const auto lease = take(*table, first, 1h);
  const auto store = must(open_postgres(database.options(), lease));
  std::atomic<bool> stop{false};
  std::atomic<int> lost{0};
  std::thread renewer([&] {
    while (!stop) {
      const auto renewed = table->renew(lease, 1h);
      if (!renewed || !*renewed) ++lost;
    }
  });
  for (std::uint64_t batch = 0; batch < 50; ++batch) must(try_batch(*store, batch));
  stop = true;
  renewer.join();
  CHECK(lost == 0);
}

TEST_CASE("a leader that hangs in the middle of a commit is ended by the next one") {
  const TestDatabase database;
  auto options = database.options();
  options.answer_timeout = 4s;  // a quarter of it is waited for the one that hangs
  const auto table = must(LeaseTable::open(options));
  const auto lease = take(*table, first, 50ms);
  // What a store does, up to the moment before its commit.
  const std::unique_ptr<PGconn, decltype(&PQfinish)> hanging(
      PQconnectdb(database.options().url.c_str()), PQfinish);
  const auto ask = [&](const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(hanging.get(), sql.c_str()),
                                                               PQclear);
    return PQresultStatus(result.get());
  };
  REQUIRE(ask("SELECT pg_advisory_lock(" + std::to_string(lock_number("Seattle")) + ")") ==
          PGRES_TUPLES_OK);
  REQUIRE(ask("BEGIN; SELECT innkeeper.expect_lease('Seattle', 1, 'node-1', 7)") ==
          PGRES_TUPLES_OK);
  wait_for_expiry(*table);
  CHECK(take(*table, second, 1h).epoch == lease.epoch + 1);
  CHECK(ask("COMMIT") == PGRES_FATAL_ERROR);
}

TEST_CASE("two regions that take the same ids at once share them without a failure") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const std::vector<std::unique_ptr<Store>> stores = [&] {
    std::vector<std::unique_ptr<Store>> out;
    out.push_back(must(open_postgres(database.options(), take(*table, first, 1h))));
    out.push_back(must(open_postgres(database.options(), take(*table, second, 1h, tokyo))));
    return out;
  }();
  constexpr std::uint64_t rooms = 300;
  std::array<int, 2> accepted{};
  std::array<int, 2> failures{};
  std::vector<std::thread> leaders;
  for (std::size_t leader = 0; leader < 2; ++leader) {
    leaders.emplace_back([&, leader] {
      for (std::uint64_t from = 0; from < rooms; from += 10) {
        std::vector<Mutation> mutations;
        for (std::uint64_t i = from; i < from + 10; ++i) {
          const auto number = leader == 0 ? i : 2 * from + 9 - i;
          mutations.push_back({insert(room(number), leader == 0 ? seattle : tokyo)});
        }
        const auto outcomes = commit(*stores[leader], mutations);
        if (!outcomes) {
          ++failures[leader];
          return;
        }
        for (const auto& outcome : *outcomes) {
          if (outcome) {
            ++accepted[leader];
          } else if (outcome.error().code != domain::ErrorCode::refused) {
            ++failures[leader];
          }
        }
      }
    });
  }
  for (auto& leader : leaders) leader.join();
  CHECK(failures == std::array<int, 2>{});
  CHECK(accepted[0] + accepted[1] == static_cast<int>(rooms));
  CHECK(must(stores[0]->load_region(seattle)).rooms.size() ==
        static_cast<std::size_t>(accepted[0]));
  CHECK(must(stores[1]->load_region(tokyo)).rooms.size() == static_cast<std::size_t>(accepted[1]));
}

TEST_CASE("a table whose server was away works again with the next call") {
  const TestDatabase database;
  const auto table = must(LeaseTable::open(database.options()));
  const auto lease = take(*table, first, 1h);
  PostgresServer::shared().stop(PostgresServer::Shutdown::fast);
  CHECK(error_of(table->renew(lease, 1h)).code == domain::ErrorCode::unavailable);
  CHECK(error_of(table->read_all()).code == domain::ErrorCode::unavailable);
  PostgresServer::shared().start();
  CHECK(must(table->renew(lease, 1h)));
  CHECK(must(table->read_all()).size() == 1);
}
