#include "actors/node.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <thread>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <catch2/catch.hpp>
#include <sqlite3.h>

#include "actors/backoff.hpp"
#include "actors/exceptions.hpp"
#include "metrics/log.hpp"
#include "tests/store/support/checks.hpp"
#include "tests/store/support/place.hpp"
#include "tests/store/support/records.hpp"

// A node as a whole, on a real store and real threads.
namespace innkeeper::actors {
namespace {

using namespace std::chrono_literals;
using store::testing::seattle;

const domain::RegionName london{"London"};

// Keeps the lines of the log while it lives.
class Lines {
 public:
  Lines() {
    log::set_sink([this](std::string_view line) {
      const std::lock_guard lock{mutex_};
      lines_.emplace_back(line);
    });
  }
  ~Lines() { log::set_sink({}); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  [[nodiscard]] std::ptrdiff_t count(const std::string& part) {
    const std::lock_guard lock{mutex_};
    return std::count_if(lines_.begin(), lines_.end(),
                         [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Takes every order and does nothing.
host_actor::behavior_type idle_host(host_actor::pointer, bool) {
  return {[](start_atom, const wire::StartProcess&) {},
          [](stop_atom, const wire::StopProcess&) {},
          [](metrics_atom, const domain::ProcessId&) { return domain::ProcessMetrics{}; },
          [](report_atom, const wire::ProcessReport&) {},
          [](attach_atom, const caf::actor&) {},
          [](tick_atom) {}};
}

// A node without a gateway, on a database of its own.
struct World {
  World() {
    settings.node.data_dir = folder.path().string();
    settings.store.sqlite_path = folder.file("innkeeper.db");
    settings.regions = {seattle, london};
    settings.host.region = seattle;
    environment.now = [] {
      return std::chrono::floor<domain::Duration>(std::chrono::system_clock::now());
    };
    environment.random = [] { return std::uint64_t{42}; };
    environment.metrics =
        std::make_shared<metrics::Metrics>(metrics::Metrics::BuildInfo{"1", "test"});
  }

  void store(const std::vector<store::InsertRoom>& rooms) const {
    auto opened = store::open_sqlite(settings.store.sqlite_path);
    REQUIRE(opened);
    std::vector<store::Mutation> mutations;
    for (const auto& room : rooms) mutations.push_back({room});
    store::testing::commit_all(**opened, mutations);
  }
  void sql(const char* text) const {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(settings.store.sqlite_path.c_str(), &database) == SQLITE_OK);
    sqlite3_busy_timeout(database, 5'000);
    CHECK(sqlite3_exec(database, text, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  }
  [[nodiscard]] double store_failures() const {
    const std::string name = "\ninnkeeper_store_failures_total ";
    const auto page = environment.metrics->text();
    const auto at = page.find(name);
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size()));
  }

  Lines lines;
  store::testing::TemporaryDirectory folder;
  config::Settings settings;
  Environment environment;
  SystemConfig config{2};
  caf::actor_system system{config};
};

std::string state_of(const Node& node, const std::string& part) {
  for (const auto& [name, state] : node.routing()->table()->parts)
    if (name == part) return state;
  return "no such part";
}

domain::RoomRecord suspended(std::uint64_t number) {
  auto room = store::testing::room(number);
  return domain::apply(room, domain::SuspendRoom{}, room.created_at).value();
}

}  // namespace

TEST_CASE("a region that cannot be loaded is tried again ever less often, and told of once") {
  World w;
  w.store({store::testing::insert(suspended(1))});
  w.sql("UPDATE allocations SET placed = 99");
  Node node{w.system, w.settings, w.environment, {}};
  auto started = std::async(std::launch::async, [&] { return node.start(60s); });
  std::this_thread::sleep_for(2s);
  CHECK(w.store_failures() >= 3);
  CHECK(w.store_failures() <= 10);
  CHECK(w.lines.count("store.read_failed part=\"region Seattle\"") == 1);
  CHECK(w.lines.count("region.load_failed region=Seattle") == 1);
  CHECK(w.lines.count("store.recovered") == 0);
  CHECK(w.lines.count("actor.restarted") == 0);
  CHECK(state_of(node, "region Seattle").starts_with("cannot be loaded"));
  w.sql("UPDATE allocations SET placed = 0");
  REQUIRE(started.get());
  CHECK(w.lines.count("store.recovered") == 1);
  CHECK(w.lines.count("region.recovered region=Seattle") == 1);
  node.stop();
}

TEST_CASE("a node can be stopped while a region cannot be loaded") {
  World w;
  w.store({store::testing::insert(suspended(1))});
  w.sql("UPDATE allocations SET placed = 99");
  Node node{w.system, w.settings, w.environment, {}};
  CHECK_FALSE(node.start(500ms));
  const auto before = std::chrono::steady_clock::now();
  node.stop();
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  CHECK(w.lines.count("actor.stopped") == 0);
}

TEST_CASE("a region without a host is ready, and the node says that its rooms wait") {
  World w;
  Node node{w.system, w.settings, w.environment,
            [&w]() -> host_actor { return w.system.spawn(idle_host, true); }};
  REQUIRE(node.start(10s));
  CHECK(w.lines.count("region.no_host region=London") == 1);
  CHECK(w.lines.count("region.no_host") == 1);
  CHECK(state_of(node, "region London") == "ready, but no host serves it: its rooms wait");
  CHECK(state_of(node, "region Seattle") == "ready");
  node.stop();
}

TEST_CASE("rooms of a region that is no longer configured are counted and told of") {
  World w;
  const domain::RegionName mumbai{"Mumbai"};
  w.store({store::testing::insert(suspended(1)), store::testing::insert(suspended(2), mumbai),
           store::testing::insert(store::testing::room(3), mumbai),
           store::testing::insert(store::testing::destroyed(store::testing::room(4)), mumbai),
           store::testing::insert(store::testing::destroyed(store::testing::room(5)),
                                  domain::RegionName{"Tokyo"})});
  Node node{w.system, w.settings, w.environment, {}};
  REQUIRE(node.start(10s));
  CHECK(w.lines.count("region.not_served region=Mumbai rooms=2 advice=") == 1);
  CHECK(w.lines.count("region.not_served") == 1);
  node.stop();
}

TEST_CASE("what a handler throws is logged with the name of its actor") {
  World w;
  const auto broken = [&](auto thrown) {
    // With an argument: CAF dereferences a null pointer for actors without any, which the sanitizer
    // objects to.
    const auto actor = w.system.spawn(
        [thrown](caf::event_based_actor* self, bool) -> caf::behavior {
          self->set_exception_handler(log_exception);
          return {[thrown](int) { throw thrown; }};
        },
        true);
    caf::scoped_actor self{w.system};
    self->monitor(actor);
    self->send(actor, 1);
    caf::error reason;
    self->receive([&](const caf::down_msg& down) { reason = down.reason; });
    return reason;
  };
  CHECK(broken(std::runtime_error{"out of luck"}) == caf::sec::runtime_error);
  CHECK(w.lines.count(" error actor.exception actor=") == 1);
  CHECK(w.lines.count("what=\"out of luck\"") == 1);
  CHECK(broken(7) == caf::sec::runtime_error);
  CHECK(w.lines.count("what=\"something that is no std::exception\"") == 1);
}

TEST_CASE(
    "pauses double up to the longest, half of each is random, and a reset makes them short again") {
  Backoff backoff{100ms, 500ms};
  Backoff::Clock::time_point now{1h};
  CHECK(backoff.due(now));
  for (const auto pause : {100ms, 200ms, 400ms, 500ms, 500ms}) {
    backoff.failed(now, 0);
    backoff.failed(now, 1023);  // of the same try
    CHECK_FALSE(backoff.due(now + pause / 2 - 1ms));
    CHECK(backoff.due(now + pause / 2));
    now += pause;
  }
  backoff.failed(now, 1023);
  CHECK_FALSE(backoff.due(now + 499ms));
  CHECK(backoff.due(now + 500ms));
  backoff.reset();
  CHECK(backoff.due(now));
  backoff.failed(now, 0);
  CHECK(backoff.due(now + 50ms));
}

}  // namespace innkeeper::actors
