#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_execution_unit.hpp>
#include <catch2/catch.hpp>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"
#include "actors/wire/errors.hpp"
#include "config/settings.hpp"
#include "tests/actors/faulty_store.hpp"
#include "tests/store/support/place.hpp"
#include "tests/support/seeds.hpp"

namespace innkeeper::actors::testing {

using namespace std::chrono_literals;

inline const domain::AppId app{"app-1"};
inline const domain::AppId other_app{"app-2"};
inline const domain::RegionName seattle{"Seattle"};

// The answer to a request, once it is there.
template <class T>
using Reply = std::shared_ptr<std::optional<domain::Result<T>>>;

// A host without processes: it writes down what it is told, and reports what the test says.
struct FakeHost {
  domain::HostName name;
  domain::Resources capacity;
  std::uint64_t incarnation = 1;
  host_actor actor;  // null while it is away
  std::vector<wire::StartProcess> starts;
  std::vector<wire::StopProcess> stops;
  std::map<domain::ProcessId, wire::ProcessReport> processes;  // what it would say at a registration
  std::uint16_t next_port = 20'000;

  [[nodiscard]] bool was_started(domain::ProcessId id) const;
  [[nodiscard]] bool was_stopped(domain::ProcessId id) const;
};
using FakeHostPtr = std::shared_ptr<FakeHost>;

// The capacity for so many processes of the fixture's deployments.
[[nodiscard]] domain::Resources room_for(std::uint32_t processes);

struct Options {
  config::TimeoutSettings timeouts;
  config::PolicySettings policy;
  std::uint32_t rooms_per_process = 2;
  bool idle_timeout_enabled = true;
  std::uint64_t seed = 1;
};

// One region under CAF's test coordinator: the real store in a temporary file, the real catalog, scheduler and
// rooms, and hosts made of nothing. Nothing happens but what the test runs, on the test's thread, and the
// clock is the test's. After each `check` the committed state and what the scheduler answers keep the
// invariants.
class World {
 public:
  explicit World(Options options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Messages and time.
  void run();                          // until no message is left
  bool run_one(std::uint64_t choice);  // one message of one of the actors that have any; false when none has
  void step() { run(), check(); }
  void advance(domain::Duration time);  // both clocks, with every tick of the scheduler on the way
  void pass(domain::Duration time);     // both clocks; what falls due is queued, and nothing is run
  void jump(domain::Duration time);     // the wall clock, then one tick
  [[nodiscard]] domain::Timestamp now() const { return now_; }

  // The region.
  void start_region();                                // a new scheduler, under a higher epoch
  void kill_region();                                 // by an error; its rooms may still be busy
  void restart_region() { kill_region(), start_region(), register_all(); }
  void recover_store();                               // as the node does: probe, then a new scheduler
  // As after kill -9: every actor but those of hosts is gone, the open batch with them. What the file holds is
  // opened again by a new store, catalog and scheduler; no host is registered.
  void crash();
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] LeasePtr lease() const;               // the present one

  // Hosts.
  FakeHostPtr add_host(const std::string& name, const domain::Resources& capacity);
  Reply<wire::HostAccepted> begin_register(const FakeHostPtr& host);
  wire::HostAccepted register_host(const FakeHostPtr& host);
  void register_all();
  void lose(const FakeHostPtr& host);                  // its actor dies
  void bring_back(const FakeHostPtr& host);            // a new actor, registered
  [[nodiscard]] FakeHostPtr host_of(domain::ProcessId id) const;
  // Reports of the process's host.
  Reply<wire::Done> begin_report(domain::ProcessId id, wire::ProcessPhase phase,
                                 domain::ExitReason reason = domain::ExitReason::none);
  void boot(domain::ProcessId id);
  void start(domain::ProcessId id);  // booted and running
  void end(domain::ProcessId id, domain::ExitReason reason);

  // Commands: sent, not yet run. `get`, `ok` and `error` run them.
  template <class T, class Handle, class... Ts>
  Reply<T> request(const Handle& receiver, Ts&&... xs) {
    auto reply = std::make_shared<std::optional<domain::Result<T>>>();
    client().request(receiver, caf::infinite, std::forward<Ts>(xs)...)
        .then([reply](T& value) { reply->emplace(std::move(value)); },
              [reply](caf::error& error) { reply->emplace(wire::from_caf(error)); });
    return reply;
  }
  Reply<domain::ConnectionInfo> create(const std::string& id = {});
  Reply<domain::ConnectionInfo> create(domain::CreateRoom command);
  Reply<domain::ConnectionInfo> create_with_key(const std::string& key, const std::string& digest,
                                                const std::string& id = {});
  Reply<domain::RoomView> info(const domain::RoomId& id);
  Reply<wire::Done> destroy(const domain::RoomId& id);
  Reply<wire::Done> suspend(const domain::RoomId& id);
  Reply<domain::ConnectionInfo> resume(const domain::RoomId& id);
  Reply<wire::Done> update(const domain::RoomId& id, const std::string& config);
  Reply<domain::ConnectionInfo> connect(const domain::RoomId& id, std::uint32_t wait_ms = 0);
  Reply<domain::RoomExplanation> explain(const domain::RoomId& id);
  Reply<std::vector<domain::RoomView>> rooms(domain::ProcessId id, bool active = true);
  Reply<domain::ProcessView> launch();
  Reply<domain::ProcessView> process(domain::ProcessId id);
  Reply<wire::Done> stop(domain::ProcessId id);
  Reply<std::vector<domain::ProcessView>> latest(domain::ProcessFilter filter = {.app = app});
  Reply<std::uint64_t> count(domain::ProcessFilter filter = {.app = app});

  template <class T>
  domain::Result<T> get(const Reply<T>& reply) {
    step();
    REQUIRE(reply->has_value());
    return **reply;
  }
  template <class T>
  T ok(const Reply<T>& reply) {
    auto result = get(reply);
    if (!result) FAIL("refused: " << result.error().message);
    return std::move(result).value();
  }
  template <class T>
  domain::Error error(const Reply<T>& reply) {
    auto result = get(reply);
    REQUIRE_FALSE(result);
    return result.error();
  }
  [[nodiscard]] caf::actor room_actor_of(const domain::RoomId& id);
  void kill_room(const domain::RoomId& id);  // by an error; precondition: it has an actor

  // A room on a process that runs.
  domain::ConnectionInfo active_room(const std::string& id = {});

  // What is on disk.
  [[nodiscard]] store::RegionSnapshot stored() const;
  [[nodiscard]] std::shared_ptr<const domain::RoomRecord> stored_room(const domain::RoomId& id) const;
  [[nodiscard]] domain::ProcessRecord stored_process(domain::ProcessId id) const;  // must exist

  // Everything broken in what is committed and in what the scheduler answers.
  [[nodiscard]] std::vector<std::string> broken();
  void check();
  [[nodiscard]] double restarts(const std::string& kind) const;
  [[nodiscard]] double metric(const std::string& series) const;  // NaN when there is none

  Options options;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::shared_ptr<StoreFaults> faults = std::make_shared<StoreFaults>();
  Environment environment;
  store_actor store;
  catalog_actor catalog_owner;
  CatalogPtr catalog;
  region_scheduler_actor scheduler;
  std::map<std::string, FakeHostPtr> hosts;
  std::vector<std::string> broken_on_disk;  // found at any commit

 private:
  [[nodiscard]] caf::scheduler::test_coordinator& coordinator() const;
  [[nodiscard]] caf::event_based_actor& client();  // who all requests are from
  void open_store();
  void compare_answers(const store::RegionSnapshot& snapshot, std::vector<std::string>& out);
  void look_for_idle_slots(const store::RegionSnapshot& snapshot, std::vector<std::string>& out) const;

  store::testing::TemporaryDirectory folder_;
  innkeeper::testing::Random random_;
  domain::Timestamp now_{1'750'000'000'000ms};
  std::uint64_t epoch_ = 0;
  std::uint64_t failures_before_ = 0;  // of the store, when the present scheduler was started
  caf::actor client_handle_;
  std::unique_ptr<caf::scoped_execution_unit> unit_;
};

}  // namespace innkeeper::actors::testing
