#include "tests/actors/node_world.hpp"

#include <random>
#include <sstream>

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "metrics/log.hpp"

namespace innkeeper::actors::testing {
namespace {

constexpr auto patience = std::chrono::seconds(20);
const domain::HostName host_name{"host-1"};

struct HostOfMachine {
  HostOfMachine() = default;  // else CAF takes the handle below for what is to be made of the actor itself
  static inline const char* name = "host";
  region_scheduler_actor scheduler;
};
using Self = host_actor::stateful_pointer<HostOfMachine>;

void report(Self self, const wire::ProcessReport& what) {
  if (self->state.scheduler)
    self->request(self->state.scheduler, caf::infinite, report_atom::value, host_name, what)
        .then([](wire::Done) {}, [](const caf::error&) {});
}

void run_process(Self self, Machine& machine, domain::ProcessId id) {
  const auto phase = machine.starts_hang ? wire::ProcessPhase::booted : wire::ProcessPhase::running;
  machine.processes[id] = {
      .process = id,
      .phase = phase,
      .ports = {{.name = "default",
                 .host = "host-1.example.org",
                 .port = static_cast<std::uint16_t>(20'000 + machine.starts.size()),
                 .transport = domain::Transport::tcp}}};
  report(self, machine.processes[id]);
}

void end_process(Self self, Machine& machine, domain::ProcessId id) {
  auto ended = machine.processes[id];
  ended.process = id;
  ended.phase = wire::ProcessPhase::ended;
  ended.exit_reason = domain::ExitReason::exited;
  machine.processes.erase(id);
  report(self, ended);
}

void attach(Self self, const std::shared_ptr<Machine>& machine, const caf::actor& scheduler) {
  self->state.scheduler = caf::actor_cast<region_scheduler_actor>(scheduler);
  wire::HostRegistration registration{
      .host = host_name, .incarnation = 1, .region = seattle, .capacity = {16'000, 32'000, 100}};
  {
    const std::lock_guard lock(machine->mutex);
    if (machine->keeps_away) return;
    for (const auto& [id, process] : machine->processes) registration.processes.push_back(process);
    machine->registrations.push_back(registration);
  }
  self->request(self->state.scheduler, caf::infinite, register_atom::value, std::move(registration),
                caf::actor_cast<caf::actor>(self))
      .then(
          [machine](const wire::HostAccepted& answer) {
            const std::lock_guard lock(machine->mutex);
            machine->epochs.push_back(answer.epoch);
          },
          [](const caf::error&) {});
}

host_actor::behavior_type host_of_machine(Self self, const std::shared_ptr<Machine>& machine) {
  return {
      [self, machine](start_atom, const wire::StartProcess& order) {
        const std::lock_guard lock(machine->mutex);
        machine->starts.push_back(order.process);
        if (!machine->processes.contains(order.process)) run_process(self, *machine, order.process);
      },
      [self, machine](stop_atom, const wire::StopProcess& order) {
        const std::lock_guard lock(machine->mutex);
        machine->stops.push_back(order.process);
        end_process(self, *machine, order.process);
      },
      [](metrics_atom, const domain::ProcessId&) { return domain::ProcessMetrics{}; },
      [](report_atom, const wire::ProcessReport&) {},
      [self, machine](attach_atom, const caf::actor& scheduler) { attach(self, machine, scheduler); },
      [](tick_atom) {},
  };
}

config::Settings settings_in(const store::testing::TemporaryDirectory& folder) {
  config::Settings settings;
  settings.node.data_dir = folder.path().string();
  settings.store.sqlite_path = folder.file("innkeeper.db");
  settings.regions = {seattle};
  settings.host.region = seattle;
  config::AppSettings one{.id = app, .name = "one"};
  one.deployment.command = {"server", "{port}"};
  one.deployment.default_port.port = 7777;
  one.deployment.rooms_per_process = 2;
  settings.apps = {one};
  return settings;
}

}  // namespace

NodeWorld::NodeWorld()
    : settings(settings_in(folder)),
      client_holder(std::make_unique<caf::scoped_actor>(system)),
      client(*client_holder) {
  log::set_level(log::Level::error);
  log::set_sink([](std::string_view) {});
  environment.now = [] {
    return std::chrono::time_point_cast<domain::Duration>(std::chrono::system_clock::now());
  };
  environment.random = [] {
    static thread_local std::mt19937_64 engine{std::random_device{}()};
    return engine();
  };
  environment.metrics = std::make_shared<metrics::Metrics>(metrics::Metrics::BuildInfo{"1", "test"});
  start();
}

NodeWorld::~NodeWorld() {
  if (node) node->stop();
  {
    const std::lock_guard lock(machine->mutex);
    machine->actor = nullptr;
  }
  client_holder.reset();
  log::set_sink({});
}

std::unique_ptr<Node> NodeWorld::make_node() {
  const auto spawn_host = [this] {
    auto actor = system.spawn(host_of_machine, machine);
    const std::lock_guard lock(machine->mutex);
    machine->actor = actor;
    return actor;
  };
  return std::make_unique<Node>(system, settings, environment, spawn_host, [this] { ++failures; });
}

void NodeWorld::start() {
  node = make_node();
  const auto started = node->start(patience);
  if (!started) FAIL(started.error().message);
}

region_scheduler_actor NodeWorld::scheduler() const {
  const auto table = node->routing()->table();
  REQUIRE_FALSE(table->regions.empty());
  return table->regions.front().scheduler;
}

std::uint64_t NodeWorld::epoch() {
  const std::lock_guard lock(machine->mutex);
  return machine->epochs.empty() ? 0 : machine->epochs.back();
}

void NodeWorld::eventually(const std::string& what, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) FAIL("never happened: " << what);
    caf::scoped_actor self{system};
    self->receive(caf::after(std::chrono::milliseconds(2)) >> [] {});
  }
}

void NodeWorld::replaced(const region_scheduler_actor& before, std::uint64_t epoch_before) {
  eventually("a new scheduler", [&] {
    return scheduler() != before && epoch() > epoch_before && ready();
  });
}

void NodeWorld::kill(const caf::actor& actor) {
  caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
}

domain::ConnectionInfo NodeWorld::active_room(const std::string& id) {
  const domain::RoomId room{id};
  const auto created = ask<domain::ConnectionInfo>(
      create_atom::value, domain::CreateRoom{.app = app, .region = seattle, .room = room});
  if (!created) FAIL(created.error().message);
  const auto info = ask<domain::ConnectionInfo>(connect_atom::value, app, room, std::uint32_t{20'000});
  if (!info) FAIL(info.error().message);
  REQUIRE(info->active);
  return *info;
}

double NodeWorld::restarts(const std::string& kind) const {
  const std::string series = "innkeeper_actor_restarts_total{actor=\"" + kind + "\"} ";
  std::istringstream page{environment.metrics->text()};
  for (std::string line; std::getline(page, line);)
    if (line.starts_with(series)) return std::stod(line.substr(series.size()));
  return 0;
}

}  // namespace innkeeper::actors::testing
