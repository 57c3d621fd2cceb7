#include "actors/host_actor.hpp"

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <catch2/catch.hpp>

#include "actors/wire/errors.hpp"
#include "actors/wire/registration.hpp"
#include "tests/runner/world.hpp"

namespace innkeeper::actors {
namespace {

using runner::testing::alive;
using runner::testing::ask_tcp;
using runner::testing::patience;
using runner::testing::process_id;

// What a scheduler was told, and how it answers; shared with the test's thread.
struct Desk {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<wire::HostRegistration> registrations;
  std::map<domain::ProcessId, std::vector<wire::ProcessReport>> reports;
  std::vector<domain::ProcessId> stop;
  std::uint64_t epoch = 1;
  bool answers_reports = true;
  int refusals = 0;  // so many registrations are refused first

  template <class Condition>
  bool wait(const Condition& condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, condition);
  }
  bool wait_phase(domain::ProcessId id, wire::ProcessPhase phase) {
    return wait([&] { return !reports[id].empty() && reports[id].back().phase == phase; });
  }
  wire::ProcessReport last(domain::ProcessId id) {
    const std::lock_guard lock(mutex);
    return reports[id].back();
  }
};

caf::behavior scheduler(caf::event_based_actor* self, std::shared_ptr<Desk> desk) {
  self->set_default_handler(caf::drop);
  return {
      [desk](register_atom, const wire::HostRegistration& registration,
             const caf::actor&) -> caf::result<wire::HostAccepted> {
        const std::lock_guard lock(desk->mutex);
        desk->registrations.push_back(registration);
        desk->changed.notify_all();
        if (desk->refusals > 0) {
          --desk->refusals;
          return wire::to_caf(
              {.code = domain::ErrorCode::refused, .message = "not now", .field = {}});
        }
        return wire::HostAccepted{.epoch = desk->epoch, .stop = desk->stop};
      },
      [desk](report_atom, const domain::HostName&,
             const wire::ProcessReport& report) -> caf::result<wire::Done> {
        const std::lock_guard lock(desk->mutex);
        desk->reports[report.process].push_back(report);
        desk->changed.notify_all();
        if (!desk->answers_reports) {
          return wire::to_caf({.code = domain::ErrorCode::unavailable, .message = "", .field = {}});
        }
        return wire::Done{};
      }};
}

struct Config : caf::actor_system_config {
  Config() {
    wire::register_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

// A host with real processes and schedulers that are made of a desk.
class HostWorld {
 public:
  explicit HostWorld(domain::Duration retention = std::chrono::hours(72)) {
    environment_.now = [] {
      return std::chrono::time_point_cast<domain::Duration>(std::chrono::system_clock::now());
    };
    environment_.random = [] { return std::uint64_t{42}; };
    environment_.metrics =
        std::make_shared<metrics::Metrics>(metrics::Metrics::BuildInfo{"1", "x"});
    const auto ports = runner::testing::options_in(folder_.path());
    settings_.node.data_dir = folder_.path();
    settings_.host.region = domain::RegionName("Seattle");
    settings_.host.port_first = ports.port_first;
    settings_.host.port_last = ports.port_last;
    settings_.host.cpu_millis = 2000;
    settings_.host.memory_mb = 4096;
    settings_.timeouts.stop_grace = std::chrono::seconds(5);
    settings_.policy.destroyed_retention = retention;
    open();
  }
  ~HostWorld() { close(); }
  HostWorld(const HostWorld&) = delete;
  HostWorld& operator=(const HostWorld&) = delete;

  void open() {
    auto opened = open_runner(settings_, environment_, SHIM_PROGRAM);
    REQUIRE(opened);
    runner_ = *opened;
    spawn_host();
  }
  [[nodiscard]] domain::Result<std::shared_ptr<runner::Runner>> open_with(const std::string& shim) {
    return open_runner(settings_, environment_, shim);
  }
  void spawn_host() { host = system.spawn(run_host, host_deps(settings_, environment_, runner_)); }
  void kill_host() {
    caf::scoped_actor self(system);
    self->monitor(host);
    self->send_exit(host, caf::exit_reason::kill);
    self->receive([](const caf::down_msg&) {});
    host = nullptr;
  }
  void close() {
    if (host) kill_host();
    // The process actors let go of it when they end, a moment after their host. Until then it holds the folder.
    const std::weak_ptr<runner::Runner> last = std::exchange(runner_, nullptr);
    (void)runner::testing::eventually([&] { return last.expired(); });
  }
  caf::actor attach(const std::shared_ptr<Desk>& desk) {
    auto handle = system.spawn(scheduler, desk);
    caf::anon_send(host, attach_atom::value, handle);
    schedulers_.push_back(handle);
    return handle;
  }
  void start(std::uint64_t number, std::uint64_t epoch = 1) {
    const auto order = runner::testing::echo_order(number);
    wire::StartProcess message;
    message.process = order.process;
    message.app = order.app;
    message.spec = order.spec;
    message.region = order.region;
    message.epoch = epoch;
    caf::anon_send(host, start_atom::value, message);
  }
  void stop(std::uint64_t number, std::uint64_t epoch = 1) {
    caf::anon_send(host, stop_atom::value,
                   wire::StopProcess{.process = process_id(number), .epoch = epoch});
  }
  [[nodiscard]] runner::Runner& runner() { return *runner_; }
  [[nodiscard]] bool keeps(std::uint64_t number) const {
    return std::filesystem::exists(settings_.node.data_dir + "/processes/" + to_string(process_id(number)));
  }

 private:
  runner::testing::TemporaryFolder folder_;
  config::Settings settings_;
  Environment environment_;
  Config config_;

 public:
  caf::actor_system system{config_};
  host_actor host;

 private:
  std::shared_ptr<runner::Runner> runner_;
  std::vector<caf::actor> schedulers_;
};

constexpr auto booted = wire::ProcessPhase::booted;
constexpr auto running = wire::ProcessPhase::running;
constexpr auto ended = wire::ProcessPhase::ended;

}  // namespace

TEST_CASE("a host without the program that its processes run under is refused") {
  HostWorld world;
  world.close();
  const auto refused = world.open_with("/nowhere/innkeeper-shim");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "cannot execute /nowhere/innkeeper-shim, which every server process runs under: No such file or "
        "directory");
}

TEST_CASE("a host registers, runs and stops processes, and reports each step") {
  HostWorld world;
  const auto desk = std::make_shared<Desk>();
  world.attach(desk);
  REQUIRE(desk->wait([&] { return desk->registrations.size() == 1; }));
  CHECK(desk->registrations[0].host == domain::HostName("node-1"));
  CHECK(desk->registrations[0].region == domain::RegionName("Seattle"));
  CHECK(desk->registrations[0].capacity ==
        domain::Resources{.cpu_millis = 2000, .memory_mb = 4096, .ports = 200});
  CHECK(desk->registrations[0].processes.empty());

  world.start(1);
  world.start(1);
  REQUIRE(desk->wait_phase(process_id(1), running));
  CHECK(desk->reports[process_id(1)].front().phase == booted);
  const auto report = desk->last(process_id(1));
  CHECK(ask_tcp(report.ports.at(0).port, "hello") == "hello\n");
  caf::scoped_actor self(world.system);
  self->request(world.host, caf::infinite, metrics_atom::value, process_id(1))
      .receive([](const domain::ProcessMetrics&) {}, [](const caf::error&) { CHECK(false); });

  world.stop(1);
  REQUIRE(desk->wait_phase(process_id(1), ended));
  CHECK(desk->last(process_id(1)).exit_reason == domain::ExitReason::ordered);
  CHECK(runner::testing::eventually([&] { return world.runner().inventory().empty(); }));
}

TEST_CASE("orders of an older leader are ignored") {
  HostWorld world;
  const auto desk = std::make_shared<Desk>();
  desk->epoch = 7;
  world.attach(desk);
  world.start(1, 7);
  REQUIRE(desk->wait_phase(process_id(1), running));
  world.start(2, 6);
  world.stop(1, 6);
  world.start(3, 8);
  REQUIRE(desk->wait_phase(process_id(3), running));
  CHECK(alive(desk->last(process_id(1)).pid));
  CHECK(desk->reports[process_id(2)].empty());
  CHECK(world.runner().inventory().size() == 2);
}

TEST_CASE("an end is kept until a scheduler has answered its report") {
  HostWorld world;
  const auto deaf = std::make_shared<Desk>();
  deaf->answers_reports = false;
  world.attach(deaf);
  world.start(1);
  REQUIRE(deaf->wait_phase(process_id(1), running));
  CHECK(ask_tcp(deaf->last(process_id(1)).ports.at(0).port, "exit 3").empty());
  REQUIRE(deaf->wait_phase(process_id(1), ended));

  // The node goes down and comes back: the end is in the registration, and reported again.
  world.close();
  world.open();
  const auto desk = std::make_shared<Desk>();
  world.attach(desk);
  REQUIRE(desk->wait_phase(process_id(1), ended));
  REQUIRE(desk->registrations.at(0).processes.size() == 1);
  CHECK(desk->registrations[0].processes[0].exit_summary == "exited with code 3");
  CHECK(runner::testing::eventually([&] { return world.runner().inventory().empty(); }));
}

TEST_CASE("processes outlive their host actor, and the next one reports them as before") {
  HostWorld world;
  const auto first = std::make_shared<Desk>();
  world.attach(first);
  world.start(1);
  REQUIRE(first->wait_phase(process_id(1), running));
  world.kill_host();
  world.spawn_host();
  const auto second = std::make_shared<Desk>();
  world.attach(second);
  REQUIRE(second->wait([&] { return second->registrations.size() == 1; }));
  REQUIRE(second->registrations[0].processes.size() == 1);
  CHECK(second->registrations[0].processes[0] == first->last(process_id(1)));
  world.stop(1);
  REQUIRE(second->wait_phase(process_id(1), ended));
  CHECK(second->last(process_id(1)).exit_reason == domain::ExitReason::ordered);
}

TEST_CASE("processes that the scheduler does not know are stopped") {
  HostWorld world;
  const auto first = std::make_shared<Desk>();
  world.attach(first);
  world.start(1);
  REQUIRE(first->wait_phase(process_id(1), running));
  const auto second = std::make_shared<Desk>();
  second->stop = {process_id(1)};
  world.attach(second);
  REQUIRE(second->wait_phase(process_id(1), ended));
  CHECK_FALSE(alive(first->last(process_id(1)).pid));
}

TEST_CASE("directories of ended processes are kept for the retention of the settings") {
  for (const bool kept : {true, false}) {
    HostWorld world{kept ? std::chrono::hours(1) : std::chrono::milliseconds(0)};
    const auto desk = std::make_shared<Desk>();
    world.attach(desk);
    world.start(1);
    REQUIRE(desk->wait_phase(process_id(1), running));
    world.stop(1);
    REQUIRE(desk->wait_phase(process_id(1), ended));
    REQUIRE(runner::testing::eventually([&] { return world.runner().inventory().empty(); }));
    // It is looked for what may go at the start, and from then on every few minutes.
    world.close();
    world.open();
    if (kept) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      CHECK(world.keeps(1));
    } else {
      CHECK(runner::testing::eventually([&] { return !world.keeps(1); }));
    }
  }
}

TEST_CASE("a refused registration is tried again") {
  HostWorld world;
  const auto desk = std::make_shared<Desk>();
  desk->refusals = 1;
  world.attach(desk);
  REQUIRE(desk->wait([&] { return desk->registrations.size() == 2; }));
  world.start(1);
  CHECK(desk->wait_phase(process_id(1), running));
}

}  // namespace innkeeper::actors
