#include "tests/actors/region_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <unordered_map>

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/catalog_actor.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/store_actor.hpp"
#include "actors/wire/registration.hpp"
#include "metrics/log.hpp"
#include "tests/support/invariants.hpp"

namespace innkeeper::actors::testing {
namespace {

constexpr auto tick = 100ms;

host_actor::behavior_type fake_host(host_actor::pointer, const FakeHostPtr& host) {
  return {
      [host](start_atom, const wire::StartProcess& order) { host->starts.push_back(order); },
      [host](stop_atom, const wire::StopProcess& order) { host->stops.push_back(order); },
      [](metrics_atom, const domain::ProcessId&) {
        return domain::ProcessMetrics{.cpu = {{.at = domain::Timestamp{1ms}, .value = 0.5}}};
      },
      [](report_atom, const wire::ProcessReport&) {},
      [](attach_atom, const caf::actor&) {},
      [](tick_atom) {},
  };
}

caf::behavior idle_client(caf::event_based_actor* self, bool) {
  self->set_default_handler(caf::drop);
  return {[](tick_atom) {}};
}

config::AppSettings app_settings(const domain::AppId& id, const Options& options) {
  config::AppSettings settings{.id = id, .name = id.str()};
  settings.deployment.command = {"server", "{port}"};
  settings.deployment.default_port.port = 7777;
  settings.deployment.rooms_per_process = options.rooms_per_process;
  settings.deployment.idle_timeout_enabled = options.idle_timeout_enabled;
  return settings;
}

}  // namespace

bool FakeHost::was_started(domain::ProcessId id) const {
  return std::any_of(starts.begin(), starts.end(), [&](const auto& s) { return s.process == id; });
}
bool FakeHost::was_stopped(domain::ProcessId id) const {
  return std::any_of(stops.begin(), stops.end(), [&](const auto& s) { return s.process == id; });
}

domain::Resources room_for(std::uint32_t processes) {
  const domain::DeploymentSpec spec;
  return {.cpu_millis = processes * spec.requested_cpu_millis,
          .memory_mb = processes * spec.requested_memory_mb,
          .ports = processes};
}

World::World(Options given) : options(std::move(given)), random_(options.seed) {
  log::set_level(log::Level::error);
  log::set_sink([](std::string_view) {});
  wire::register_messages(config);
  config.set("scheduler.policy", caf::atom("testing"));
  config.set("logger.inline-output", true);
  system = std::make_unique<caf::actor_system>(config);
  coordinator().clock().current_time += std::chrono::hours(1);
  // With an argument: CAF dereferences a null pointer for actors without any, which the sanitizer objects to.
  client_handle_ = system->spawn(idle_client, true);
  unit_ = std::make_unique<caf::scoped_execution_unit>(system.get());
  run();

  environment.now = [this] { return now_; };
  environment.random = [this] { return random_.bits(); };
  environment.metrics = std::make_shared<metrics::Metrics>(metrics::Metrics::BuildInfo{"1", "test"});
  open_store();
  faults->after_commit = [this] {
    const auto committed = stored();
    innkeeper::testing::Snapshot snapshot{.rooms = committed.rooms, .processes = committed.processes, .slots = {}};
    snapshot.add_slots(*catalog);
    for (auto& sentence : broken_invariants(snapshot, innkeeper::testing::Moment::unsettled))
      broken_on_disk.push_back("On disk, after a commit: " + sentence);
  };
  start_region();
}

void World::open_store() {
  auto opened = store::open_sqlite(folder_.file("innkeeper.db"));
  REQUIRE(opened);
  store = spawn_store_in_pool(*system, make_faulty(std::move(opened).value(), faults), environment.metrics);
  catalog_owner = system->spawn(
      run_catalog, CatalogDeps{.environment = environment,
                               .store = store,
                               .apps = {app_settings(app, options), app_settings(other_app, options)},
                               .secrets = {}});
  auto loaded = request<CatalogPtr>(catalog_owner, catalog_atom::value);
  run();
  REQUIRE(loaded->has_value());
  REQUIRE(loaded->value());
  catalog = loaded->value().value();
}

World::~World() {
  faults->after_commit = nullptr;
  for (auto& [name, host] : hosts)
    if (host->actor) caf::anon_send_exit(std::exchange(host->actor, nullptr), caf::exit_reason::kill);
  for (const auto& handle : {caf::actor_cast<caf::actor>(scheduler), caf::actor_cast<caf::actor>(catalog_owner),
                             caf::actor_cast<caf::actor>(store), client_handle_})
    if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
  scheduler = nullptr;
  catalog_owner = nullptr;
  store = nullptr;
  client_handle_ = nullptr;
  while (coordinator().run() + coordinator().trigger_timeouts() > 0) {
  }
  log::set_sink({});
}

caf::scheduler::test_coordinator& World::coordinator() const {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
}

caf::event_based_actor& World::client() {
  auto& actor = *caf::actor_cast<caf::event_based_actor*>(client_handle_);
  // It is used outside of its own turn, when what it last ran on is gone.
  actor.context(unit_.get());
  return actor;
}

void World::run() { coordinator().run(); }

bool World::run_one(std::uint64_t choice) {
  auto& jobs = coordinator().jobs;
  if (jobs.empty()) return false;
  const auto chosen = jobs.begin() + static_cast<std::ptrdiff_t>(choice % jobs.size());
  std::rotate(jobs.begin(), chosen, chosen + 1);
  coordinator().run_once();
  return true;
}

void World::advance(domain::Duration time) {
  while (time > 0ms) {
    const auto some = std::min<domain::Duration>(time, tick);
    time -= some;
    pass(some);
    run();
  }
  check();
}

void World::pass(domain::Duration time) {
  now_ += time;
  coordinator().advance_time(time);
}

void World::jump(domain::Duration time) {
  now_ += time - tick;
  advance(tick);
}

LeasePtr World::lease() const {
  return std::make_shared<Lease>(Lease{.region = seattle, .epoch = epoch_});
}

void World::start_region() {
  ++epoch_;
  failures_before_ = faults->met;
  scheduler = system->spawn(run_region_scheduler, RegionDeps{.environment = environment,
                                                             .lease = lease(),
                                                             .store = store,
                                                             .catalog = catalog,
                                                             .timeouts = options.timeouts,
                                                             .policy = options.policy});
  run();
}

void World::kill_region() {
  caf::anon_send_exit(scheduler, caf::exit_reason::unhandled_exception);
  scheduler = nullptr;
  run();
}

void World::recover_store() {
  auto probed = request<std::uint64_t>(store, probe_atom::value);
  run();
  REQUIRE(probed->has_value());
  REQUIRE(probed->value());
  restart_region();
}

void World::crash() {
  for (const auto& handle : {caf::actor_cast<caf::actor>(store), caf::actor_cast<caf::actor>(scheduler),
                             caf::actor_cast<caf::actor>(catalog_owner)})
    if (handle) caf::anon_send_exit(handle, caf::exit_reason::kill);
  scheduler = nullptr;
  catalog_owner = nullptr;
  store = nullptr;
  run();
  REQUIRE(faults->healthy == nullptr);
  open_store();
  start_region();
}

FakeHostPtr World::add_host(const std::string& name, const domain::Resources& capacity) {
  auto host = std::make_shared<FakeHost>();
  host->name = domain::HostName(name);
  host->capacity = capacity;
  hosts[name] = host;
  bring_back(host);
  return host;
}

Reply<wire::HostAccepted> World::begin_register(const FakeHostPtr& host) {
  if (!host->actor) host->actor = system->spawn(fake_host, host);
  wire::HostRegistration registration{.host = host->name,
                                      .incarnation = host->incarnation,
                                      .region = seattle,
                                      .capacity = host->capacity};
  for (const auto& [id, report] : host->processes) registration.processes.push_back(report);
  return request<wire::HostAccepted>(scheduler, register_atom::value, std::move(registration),
                                     caf::actor_cast<caf::actor>(host->actor));
}

wire::HostAccepted World::register_host(const FakeHostPtr& host) { return ok(begin_register(host)); }

void World::register_all() {
  for (const auto& [name, host] : hosts)
    if (host->actor) static_cast<void>(begin_register(host));
  step();
}

void World::lose(const FakeHostPtr& host) {
  caf::anon_send_exit(std::exchange(host->actor, nullptr), caf::exit_reason::kill);
  step();
}

void World::bring_back(const FakeHostPtr& host) {
  ++host->incarnation;
  static_cast<void>(register_host(host));
}

FakeHostPtr World::host_of(domain::ProcessId id) const {
  // Hosts first: the store cannot be read while a batch is open.
  for (const auto& [known_name, host] : hosts)
    if (host->processes.contains(id)) return host;
  const auto name = stored_process(id).host.str();
  const auto found = hosts.find(name);
  return found == hosts.end() ? nullptr : found->second;
}

Reply<wire::Done> World::begin_report(domain::ProcessId id, wire::ProcessPhase phase,
                                      domain::ExitReason reason) {
  const auto host = host_of(id);
  REQUIRE(host);
  auto& report = host->processes[id];
  report.process = id;
  report.phase = phase;
  report.exit_reason = reason;
  if (report.ports.empty())
    report.ports = {{.name = "default",
                     .host = host->name.str() + ".example.org",
                     .port = host->next_port++,
                     .transport = domain::Transport::tcp}};
  if (phase == wire::ProcessPhase::ended) report.exit_summary = "as the test says";
  const auto said = report;
  if (phase == wire::ProcessPhase::ended) host->processes.erase(id);
  return request<wire::Done>(scheduler, report_atom::value, host->name, said);
}

void World::boot(domain::ProcessId id) { ok(begin_report(id, wire::ProcessPhase::booted)); }

void World::start(domain::ProcessId id) {
  boot(id);
  ok(begin_report(id, wire::ProcessPhase::running));
}

void World::end(domain::ProcessId id, domain::ExitReason reason) {
  ok(begin_report(id, wire::ProcessPhase::ended, reason));
}

Reply<domain::ConnectionInfo> World::create(const std::string& id) {
  domain::CreateRoom command{.app = app, .region = seattle};
  if (!id.empty()) command.room = domain::RoomId(id);
  return create(std::move(command));
}
Reply<domain::ConnectionInfo> World::create(domain::CreateRoom command) {
  return request<domain::ConnectionInfo>(scheduler, create_atom::value, std::move(command));
}
Reply<domain::ConnectionInfo> World::create_with_key(const std::string& key, const std::string& digest,
                                                     const std::string& id) {
  domain::CreateRoom command{
      .app = app, .region = seattle, .idempotency_key = key, .request_digest = digest};
  if (!id.empty()) command.room = domain::RoomId(id);
  return create(std::move(command));
}
Reply<domain::RoomView> World::info(const domain::RoomId& id) {
  return request<domain::RoomView>(scheduler, info_atom::value, app, id);
}
Reply<wire::Done> World::destroy(const domain::RoomId& id) {
  return request<wire::Done>(scheduler, destroy_atom::value, app, id);
}
Reply<wire::Done> World::suspend(const domain::RoomId& id) {
  return request<wire::Done>(scheduler, suspend_atom::value, app, id);
}
Reply<domain::ConnectionInfo> World::resume(const domain::RoomId& id) {
  return request<domain::ConnectionInfo>(scheduler, resume_atom::value, app, id);
}
Reply<wire::Done> World::update(const domain::RoomId& id, const std::string& text) {
  return request<wire::Done>(scheduler, update_atom::value, app, id, text);
}
Reply<domain::ConnectionInfo> World::connect(const domain::RoomId& id, std::uint32_t wait_ms) {
  return request<domain::ConnectionInfo>(scheduler, connect_atom::value, app, id, wait_ms);
}
Reply<domain::RoomExplanation> World::explain(const domain::RoomId& id) {
  return request<domain::RoomExplanation>(scheduler, explain_atom::value, id);
}
Reply<std::vector<domain::RoomView>> World::rooms(domain::ProcessId id, bool active) {
  return request<std::vector<domain::RoomView>>(scheduler, rooms_atom::value, app, id, active);
}
Reply<domain::ProcessView> World::launch() {
  return request<domain::ProcessView>(scheduler, launch_atom::value, app);
}
Reply<domain::ProcessView> World::process(domain::ProcessId id) {
  return request<domain::ProcessView>(scheduler, process_atom::value, app, id);
}
Reply<wire::Done> World::stop(domain::ProcessId id) {
  return request<wire::Done>(scheduler, stop_atom::value, app, id);
}
Reply<std::vector<domain::ProcessView>> World::latest(domain::ProcessFilter filter) {
  return request<std::vector<domain::ProcessView>>(scheduler, latest_atom::value, std::move(filter));
}
Reply<std::uint64_t> World::count(domain::ProcessFilter filter) {
  return request<std::uint64_t>(scheduler, count_atom::value, std::move(filter));
}

caf::actor World::room_actor_of(const domain::RoomId& id) {
  auto reply = request<caf::actor>(scheduler, probe_atom::value, id);
  run();
  REQUIRE(reply->has_value());
  REQUIRE(reply->value());
  return reply->value().value();
}

void World::kill_room(const domain::RoomId& id) {
  const auto actor = room_actor_of(id);
  REQUIRE(actor);
  caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
}

domain::ConnectionInfo World::active_room(const std::string& id) {
  const auto created = ok(create(id));
  REQUIRE(created.process);
  if (!created.active) start(*created.process);
  const auto info = ok(connect(created.room));
  REQUIRE(info.active);
  return info;
}

store::RegionSnapshot World::stored() const {
  REQUIRE(faults->healthy != nullptr);
  auto loaded = faults->healthy->load_region(seattle);
  if (!loaded) FAIL(loaded.error().message);
  return std::move(loaded).value();
}

std::shared_ptr<const domain::RoomRecord> World::stored_room(const domain::RoomId& id) const {
  auto loaded = faults->healthy->load_room(id);
  REQUIRE(loaded);
  return std::move(loaded).value();
}

domain::ProcessRecord World::stored_process(domain::ProcessId id) const {
  for (const auto& process : stored().processes)
    if (process.id == id) return process;
  FAIL("no process " << to_string(id) << " is stored");
  return {};
}

std::vector<std::string> World::broken() {
  auto out = broken_on_disk;
  const auto committed = stored();
  innkeeper::testing::Snapshot snapshot{.rooms = committed.rooms, .processes = committed.processes, .slots = {}};
  snapshot.add_slots(*catalog);
  // A scheduler whose store failed may be ahead of the disk; all it may do is to say no.
  if (!scheduler || faults->met != failures_before_) return out;
  for (auto& sentence : broken_invariants(snapshot)) out.push_back(std::move(sentence));
  look_for_idle_slots(committed, out);
  compare_answers(committed, out);
  return out;
}

void World::check() {
  const auto lines = broken();
  INFO(innkeeper::testing::as_lines(lines));
  REQUIRE(lines.empty());
}

// No room waits for capacity while a process of its deployment has a free slot.
void World::look_for_idle_slots(const store::RegionSnapshot& snapshot, std::vector<std::string>& out) const {
  std::unordered_map<domain::ProcessId, std::uint32_t> used;
  std::unordered_map<domain::ProcessId, const domain::ProcessRecord*> known;
  for (const auto& process : snapshot.processes) known[process.id] = &process;
  for (const auto& room : snapshot.rooms)
    if (const auto* current = room->current()) ++used[current->process];
  for (const auto& room : snapshot.rooms) {
    const auto* current = room->current();
    if (current == nullptr || !known.contains(current->process)) continue;
    if (!known[current->process]->reserved()) continue;
    for (const auto& process : snapshot.processes) {
      const bool open = !process.host.empty() && (process.status == domain::ProcessStatus::starting ||
                                                  process.status == domain::ProcessStatus::running);
      if (open && process.deployment == room->deployment && used[process.id] < options.rooms_per_process)
        out.push_back("Room " + room->id.str() + " waits, though process " + to_string(process.id) +
                      " has a free slot.");
    }
  }
}

// What the scheduler says is what is stored.
void World::compare_answers(const store::RegionSnapshot& snapshot, std::vector<std::string>& out) {
  struct Asked {
    const domain::ProcessRecord* record;
    Reply<domain::ProcessView> view;
    Reply<std::vector<domain::RoomView>> rooms;
    domain::AppId app;
  };
  std::vector<Asked> processes;
  std::vector<std::pair<RoomRecordPtr, Reply<domain::RoomView>>> rooms;
  for (const auto& record : snapshot.processes) {
    const auto owner = catalog->find(record.deployment)->app;
    processes.push_back({&record,
                         request<domain::ProcessView>(scheduler, process_atom::value, owner, record.id),
                         request<std::vector<domain::RoomView>>(scheduler, rooms_atom::value, owner,
                                                                record.id, true),
                         owner});
  }
  for (const auto& record : snapshot.rooms) {
    const auto owner = catalog->find(record->deployment)->app;
    rooms.emplace_back(record, request<domain::RoomView>(scheduler, info_atom::value, owner, record->id));
  }
  run();
  std::unordered_map<domain::ProcessId, std::vector<std::string>> on;
  std::unordered_map<domain::ProcessId, bool> running;
  for (const auto& process : snapshot.processes)
    running[process.id] = process.status == domain::ProcessStatus::running;
  for (const auto& [record, reply] : rooms) {
    const auto name = "Room " + record->id.str();
    if (!reply->has_value() || !reply->value()) {
      out.push_back(name + " is stored and cannot be asked.");
      continue;
    }
    const auto& view = reply->value().value();
    const auto* current = record->current();
    if (current != nullptr) on[current->process].push_back(record->id.str());
    const auto status = domain::room_status(record->state, current != nullptr && running[current->process]);
    if (view.status != status)
      out.push_back(name + " says that it is " + to_string(view.status) + " and should be " +
                    to_string(status) + ".");
    if (view.config != record->config) out.push_back(name + " says another config than is stored.");
    if (view.allocations.size() != record->allocations.size() ||
        view.current.has_value() != (current != nullptr) ||
        (current != nullptr && view.current->id != current->id))
      out.push_back(name + " says other allocations than are stored.");
  }
  for (const auto& asked : processes) {
    const auto name = "Process " + to_string(asked.record->id);
    if (!asked.view->has_value() || !asked.view->value() || !asked.rooms->has_value() || !asked.rooms->value()) {
      out.push_back(name + " is stored and cannot be asked.");
      continue;
    }
    const auto& view = asked.view->value().value();
    const auto& active = asked.rooms->value().value();
    if (view.status != asked.record->status)
      out.push_back(name + " says that it is " + to_string(view.status) + " and is stored as " +
                    to_string(asked.record->status) + ".");
    if (active.size() > view.rooms_per_process) out.push_back(name + " lists more rooms than it has slots.");
    std::vector<std::string> listed;
    for (const auto& room : active) listed.push_back(room.room.str());
    std::sort(listed.begin(), listed.end());
    auto& expected = on[asked.record->id];
    std::sort(expected.begin(), expected.end());
    if (listed != expected) out.push_back(name + " lists other rooms than are stored on it.");
    if (view.rooms_allocated != expected.size())
      out.push_back(name + " says that it has " + std::to_string(view.rooms_allocated) + " rooms and has " +
                    std::to_string(expected.size()) + ".");
  }
}

double World::metric(const std::string& series) const {
  std::istringstream page{environment.metrics->text()};
  for (std::string line; std::getline(page, line);)
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return std::numeric_limits<double>::quiet_NaN();
}

double World::restarts(const std::string& kind) const {
  const auto value = metric("innkeeper_actor_restarts_total{actor=\"" + kind + "\"}");
  return std::isnan(value) ? 0 : value;
}

}  // namespace innkeeper::actors::testing
