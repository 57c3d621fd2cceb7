// Servers that restart, go away or hang, connections that are cut, nodes that are killed.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "tests/store/support/checks.hpp"
#include "tests/store/support/ledger.hpp"
#include "tests/store/support/postgres_server.hpp"

using namespace innkeeper;
using namespace innkeeper::store;
using namespace innkeeper::store::testing;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Shutdown = PostgresServer::Shutdown;

PostgresServer& server() { return PostgresServer::shared(); }

std::chrono::milliseconds time_of(const std::function<void()>& action) {
  const auto start = Clock::now();
  action();
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

// Commits batches until one fails.
std::set<std::uint64_t> commit_until_failure(Store& store, std::uint64_t first) {
  std::set<std::uint64_t> acknowledged;
  for (std::uint64_t batch = first; try_batch(store, batch); ++batch) acknowledged.insert(batch);
  return acknowledged;
}

// As its owner does it: again and again.
void reopen_until_ready(Store& store) {
  const auto deadline = Clock::now() + 30s;
  for (;;) {
    const auto ready = store.reopen();
    if (ready) return;
    if (Clock::now() > deadline) FAIL(ready.error().message);
    std::this_thread::sleep_for(20ms);
  }
}

// Continues a stopped process whatever happens to the test.
class Stopped {
 public:
  explicit Stopped(pid_t process) : process_(process) { ::kill(process_, SIGSTOP); }
  ~Stopped() { go_on(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  void go_on() const { ::kill(process_, SIGCONT); }

 private:
  pid_t process_;
};

void check_unavailable(const domain::Error& error) {
  INFO(error.message);
  CHECK(error.code == domain::ErrorCode::unavailable);
  CHECK_FALSE(is_lease_lost(error));
}

void check_closed(Store& store) {
  check_unavailable(error_of(store.commit({})));
  check_unavailable(error_of(store.load_region(seattle)));
  check_unavailable(error_of(store.load_room(room_id(1))));
  check_unavailable(error_of(store.load_catalog()));
}

}  // namespace

TEST_CASE(
    "a server that restarts or crashes while batches are committed loses nothing acknowledged") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  std::mt19937 random(20'250'301);
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 0;
  for (const auto how : {Shutdown::crash, Shutdown::fast, Shutdown::crash, Shutdown::fast}) {
    std::thread breaker([&, pause = std::chrono::milliseconds(random() % 100)] {
      std::this_thread::sleep_for(pause);
      server().stop(how);
    });
    acknowledged.merge(commit_until_failure(*store, next));
    breaker.join();
    server().start();
    check_closed(*store);
    reopen_until_ready(*store);
    acknowledged = check_ledger(*store, acknowledged);
    next = acknowledged.empty() ? 0 : *acknowledged.rbegin() + 1;
  }
  CHECK(acknowledged.size() > 4);
}

TEST_CASE("a connection that is ended while batches are committed loses nothing acknowledged") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 0;
  for (int cycle = 0; cycle < 10; ++cycle) {
    std::thread breaker([&, cycle] {
      std::this_thread::sleep_for(std::chrono::milliseconds(7 * cycle));
      server().sql(database.name(),
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                   "application_name = 'innkeeper node-1'");
    });
    acknowledged.merge(commit_until_failure(*store, next));
    breaker.join();
    must(store->reopen());
    acknowledged = check_ledger(*store, acknowledged);
    next = acknowledged.empty() ? 0 : *acknowledged.rbegin() + 1;
  }
}

TEST_CASE("a connection that was ended while idle fails one call and is had again") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  must(try_batch(*store, 0));
  ::kill(server().backend(database.name(), "innkeeper node-1"), SIGTERM);
  std::this_thread::sleep_for(50ms);
  check_unavailable(error_of(try_batch(*store, 1)));
  check_closed(*store);
  must(store->reopen());
  const auto there = check_ledger(*store, {0});
  if (!there.contains(1)) must(try_batch(*store, 1));
  // A probe finds it out too.
  ::kill(server().backend(database.name(), "innkeeper node-1"), SIGTERM);
  std::this_thread::sleep_for(50ms);
  must(store->reopen());
  must(try_batch(*store, 2));
  check_ledger(*store, {0, 1, 2});
}

TEST_CASE("while the server is away everything fails at once, and works when it is back") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  must(try_batch(*store, 0));
  server().stop(Shutdown::fast);
  CHECK(time_of([&] { check_unavailable(error_of(try_batch(*store, 1))); }) < 500ms);
  CHECK(time_of([&] { check_closed(*store); }) < 100ms);
  CHECK(time_of([&] { check_unavailable(error_of(store->reopen())); }) < 500ms);
  check_unavailable(error_of(open_postgres(database.options(), Alone{})));
  server().start();
  CHECK(time_of([&] { must(store->reopen()); }) < 2s);
  CHECK(check_ledger(*store, {0}) == std::set<std::uint64_t>{0});
  must(try_batch(*store, 1));
}

TEST_CASE("a server that hangs is given up in time, and nothing happens late") {
  const TestDatabase database;
  auto options = database.options();
  must(open_postgres(options, Alone{})).reset();  // makes the tables without haste
  options.answer_timeout = 500ms;
  options.connect_timeout = 500ms;
  const auto store = must(open_postgres(options, Alone{}));
  must(try_batch(*store, 0));
  const Stopped backend(server().backend(database.name(), "innkeeper node-1"));
  CHECK(time_of([&] { check_unavailable(error_of(try_batch(*store, 1))); }) < 5s);
  // The batch is in the hands of a process that may go on at any time, so the store must not.
  CHECK(time_of([&] { check_unavailable(error_of(store->reopen())); }) < 5s);
  backend.go_on();
  reopen_until_ready(*store);
  const auto there = check_ledger(*store, {0});
  std::this_thread::sleep_for(100ms);
  CHECK(check_ledger(*store, {0}) == there);
  must(try_batch(*store, 2));
}

TEST_CASE("a commit that waits for somebody's lock is given up in time") {
  const TestDatabase database;
  auto options = database.options();
  must(open_postgres(options, Alone{})).reset();
  options.answer_timeout = 500ms;
  const auto store = must(open_postgres(options, Alone{}));
  const std::unique_ptr<PGconn, decltype(&PQfinish)> other(
      PQconnectdb(database.options().url.c_str()), PQfinish);
  PQclear(PQexec(other.get(), "BEGIN; LOCK TABLE innkeeper.rooms"));
  CHECK(time_of([&] { check_unavailable(error_of(try_batch(*store, 0))); }) < 5s);
  PQclear(PQexec(other.get(), "ROLLBACK"));
  reopen_until_ready(*store);
  // It may have had the lock after we gave up and before the server did.
  if (check_ledger(*store, {}).empty()) must(try_batch(*store, 0));
  check_ledger(*store, {0});
}

TEST_CASE("a node that is killed while it commits loses nothing that it has acknowledged") {
  const TestDatabase database;
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 0;
  const auto options = database.options();
  must(open_postgres(options, Alone{})).reset();
  for (int cycle = 0; cycle < 6; ++cycle) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      auto store = open_postgres(options, Alone{});
      if (!store) ::_exit(3);
      for (std::uint64_t batch = next;; ++batch) {
        if (!try_batch(**store, batch)) ::_exit(4);
        if (::write(ends[1], &batch, sizeof batch) != sizeof batch) ::_exit(5);
      }
    }
    ::close(ends[1]);
    std::uint64_t batch = 0;
    for (int i = 0; i <= 5 * cycle && ::read(ends[0], &batch, sizeof batch) == sizeof batch; ++i) {
      acknowledged.insert(batch);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));  // it had not failed by itself
    while (::read(ends[0], &batch, sizeof batch) == sizeof batch) acknowledged.insert(batch);
    ::close(ends[0]);

    const auto store = must(open_postgres(options, Alone{}));
    acknowledged = check_ledger(*store, acknowledged);
    next = acknowledged.empty() ? 0 : *acknowledged.rbegin() + 1;
  }
}

TEST_CASE("a disk that is full fails the batch as a whole") {
  const TestDatabase database;
  const auto store = must(open_postgres(database.options(), Alone{}));
  must(try_batch(*store, 0));
  // What the server answers when it cannot extend a file.
  database.sql(
      "CREATE FUNCTION innkeeper.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$; "
      "CREATE TRIGGER full_disk BEFORE INSERT ON innkeeper.processes FOR EACH STATEMENT "
      "EXECUTE FUNCTION innkeeper.full()");
  const auto error = error_of(try_batch(*store, 1));
  check_unavailable(error);
  CHECK(error.message.find("no space left on device") != std::string::npos);
  database.sql("DROP TRIGGER full_disk ON innkeeper.processes");
  must(store->reopen());
  CHECK(check_ledger(*store, {0}) == std::set<std::uint64_t>{0});
}
