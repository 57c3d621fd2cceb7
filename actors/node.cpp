#include "actors/node.hpp"

#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/backoff.hpp"
#include "actors/catalog_actor.hpp"
#include "actors/exceptions.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/store/other_regions.hpp"
#include "actors/store/postgres_store.hpp"
#include "actors/store_actor.hpp"
#include "actors/wire/errors.hpp"
#include "actors/wire/registration.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

constexpr auto supervision_interval = std::chrono::milliseconds(250);
constexpr auto supervision_interval_until_ready = std::chrono::milliseconds(10);
// Between tries to get a failed store or region going again.
constexpr auto retry_pause_shortest = std::chrono::milliseconds(100);
constexpr auto retry_pause_longest = std::chrono::seconds(1);
constexpr auto shutdown_patience = std::chrono::seconds(20);

struct SupervisorDeps {
  Environment environment;
  config::Settings settings;
  store_actor store;
  std::uint32_t retry_after_s = 0;  // of the store
  CatalogPtr catalog;
  Node::SpawnHost spawn_host;
  std::shared_ptr<Routing> routing;
  std::shared_ptr<NodeFailure> failure;
};

// Watches the schedulers, the host and the store of one node.
class Supervisor {
 public:
  static inline const char* name = "node";
  using Self = node_actor::stateful_pointer<Supervisor>;

  void start(Self self, SupervisorDeps deps) {
    self_ = self;
    deps_ = std::move(deps);
    // Epochs grow over restarts, so that a host never takes an old scheduler's order for a new one's.
    epoch_ = static_cast<std::uint64_t>(deps_.environment.now().time_since_epoch().count());
    self_->set_exception_handler(log_exception);
    self_->set_down_handler([this](const caf::down_msg& message) { down(message); });
    self_->set_exit_handler([this](const caf::exit_msg& message) { end(message.reason); });
    self_->monitor(deps_.store);
    if (deps_.settings.node.region)
      for (const auto& region : deps_.settings.regions) lead(region);
    if (deps_.spawn_host) start_host();
    for (const auto& region_name : names())
      if (!has_host(region_name)) log::event("region.no_host", {{"region", region_name.str()}});
    publish();
    tick();
  }

  void tick() {
    if (ending_) return;
    const bool ready = last_ && last_->ready;
    self_->delayed_send(self_, ready ? supervision_interval : supervision_interval_until_ready,
                        tick_atom::value);
    const auto moment = Backoff::Clock::now();
    if (ready && moment - ready_since_ >= retry_.longest()) retry_.reset();
    if (retry_.due(moment))
      self_->request(deps_.store, caf::infinite, probe_atom::value)
          .then([this](std::uint64_t failures) { store_works(failures); },
                [this](const caf::error& error) { store_fails(wire::from_caf(error).message); });
    for (auto& [region_name, region] : regions_)
      self_->request(region.scheduler, caf::infinite, ready_atom::value)
          .then([this, region_name = region_name](bool answer) { region_answers(region_name, answer); },
                [](const caf::error&) {});  // its end is reported by down_msg
  }

 private:
  struct Region {
    region_scheduler_actor scheduler;
    bool ready = false;
    bool down = false;  // the scheduler has ended; another one is started when it is time to try again
    std::string load_failure;  // why the region could not be loaded, until it is ready again
  };

  // Hosts of other nodes cannot attach yet, so the one of this node is the only one that there can be.
  [[nodiscard]] bool has_host(const domain::RegionName& region_name) const {
    return deps_.spawn_host && region_name == deps_.settings.host.region;
  }

  void lead(const domain::RegionName& region_name) {
    auto& known = regions_[region_name];
    if (known.load_failure.empty()) log::event("region.recovering", {{"region", region_name.str()}});
    RegionDeps region{.environment = deps_.environment,
                      .lease = std::make_shared<Lease>(Lease{.region = region_name, .epoch = ++epoch_}),
                      .store = deps_.store,
                      .catalog = deps_.catalog,
                      .timeouts = deps_.settings.timeouts,
                      .policy = deps_.settings.policy,
                      .retry_after_s = deps_.retry_after_s};
    auto scheduler = self_->spawn(run_region_scheduler, std::move(region));
    self_->monitor(scheduler);
    known = {.scheduler = std::move(scheduler), .load_failure = std::move(known.load_failure)};
    if (host_ && region_name == deps_.settings.host.region) attach();
  }

  void start_host() {
    host_ = deps_.spawn_host();
    self_->monitor(host_);
    attach();
  }

  void attach() {
    const auto region = regions_.find(deps_.settings.host.region);
    if (region == regions_.end()) return;
    self_->send(host_, attach_atom::value, caf::actor_cast<caf::actor>(region->second.scheduler));
  }

  // After a failure of the store, what a scheduler holds may be ahead of the disk: it begins anew. So do those
  // that have ended.
  void store_works(std::uint64_t failures) {
    store_failure_.clear();
    if (ending_) return;
    const bool has_failed = std::exchange(store_failures_, failures) != failures;
    if (has_failed) retry_later();
    for (const auto& region_name : names()) {
      auto& region = regions_[region_name];
      if (!has_failed && !region.down) continue;
      if (!region.down) {
        self_->demonitor(region.scheduler.address());
        self_->send_exit(region.scheduler, caf::exit_reason::user_shutdown);
      }
      lead(region_name);
    }
    publish();
  }

  void store_fails(const std::string& why) {
    store_failure_ = why;
    retry_later();
    publish();
  }

  void retry_later() { retry_.failed(Backoff::Clock::now(), deps_.environment.random()); }

  void region_answers(const domain::RegionName& region_name, bool ready) {
    auto& region = regions_[region_name];
    if (region.down) return;
    region.ready = ready;
    if (ready) region.load_failure.clear();
    publish();
  }

  // One that had worked is started again at once. One that ended while it was being loaded would end in the
  // same way again: it has to wait.
  void scheduler_ended(const domain::RegionName& region_name, const caf::error& reason) {
    auto& region = regions_[region_name];
    const bool had_worked = std::exchange(region.ready, false);
    region.down = true;
    if (is_own_error(reason)) {
      note_load_failure(region_name, region, wire::from_caf(reason).message);
    } else {
      deps_.environment.metrics->actor_restarted("region_scheduler");
      log::event("actor.restarted", {{"actor", "region_scheduler"}, {"region", region_name.str()}});
    }
    if (had_worked)
      lead(region_name);
    else
      retry_later();
    publish();
  }

  static void note_load_failure(const domain::RegionName& region_name, Region& region, const std::string& why) {
    if (std::exchange(region.load_failure, why) == why) return;
    log::event("region.load_failed", {{"region", region_name.str()}, {"reason", why}});
  }

  // A scheduler ends with an error of ours when the store does not give it its region; else it broke.
  static bool is_own_error(const caf::error& reason) {
    return reason && reason.category() == wire::to_caf({}).category();
  }

  [[nodiscard]] std::vector<domain::RegionName> names() const {
    std::vector<domain::RegionName> out;
    for (const auto& [region_name, region] : regions_) out.push_back(region_name);
    return out;
  }

  void down(const caf::down_msg& message) {
    if (ending_) {
      if (host_ && message.source == host_) host_ = nullptr;
      std::erase_if(regions_, [&](const auto& r) { return message.source == r.second.scheduler; });
      finish_if_alone();
      return;
    }
    if (message.source == deps_.store) {
      store_failure_ = "has ended; the node stops";
      publish();
      deps_.failure->set("the store actor has ended: " + caf::to_string(message.reason));
      return;
    }
    if (host_ && message.source == host_) {
      deps_.environment.metrics->actor_restarted("host");
      log::event("actor.restarted", {{"actor", "host"}});
      start_host();
      return;
    }
    for (const auto& region_name : names()) {
      if (message.source != regions_[region_name].scheduler) continue;
      scheduler_ended(region_name, message.reason);
      return;
    }
  }

  void end(const caf::error& reason) {
    ending_ = true;
    end_reason_ = reason;
    deps_.routing->clear();
    if (host_) self_->send_exit(host_, caf::exit_reason::user_shutdown);
    std::erase_if(regions_, [](const auto& region) { return region.second.down; });
    for (auto& [region_name, region] : regions_)
      self_->send_exit(region.scheduler, caf::exit_reason::user_shutdown);
    finish_if_alone();
  }

  void finish_if_alone() {
    if (!host_ && regions_.empty()) self_->quit(end_reason_);
  }

  void publish() {
    if (ending_) return;
    auto table = std::make_shared<RoutingTable>();
    table->catalog = deps_.catalog;
    table->ready = store_failure_.empty();
    table->parts.emplace_back("store", store_failure_.empty() ? "ready" : store_failure_);
    for (const auto& [region_name, region] : regions_) {
      table->regions.push_back(
          {.name = region_name, .tag = domain::region_tag(region_name), .scheduler = region.scheduler});
      table->parts.emplace_back("region " + region_name.str(), state_of(region_name, region));
      table->ready = table->ready && region.ready;
    }
    if (last_ && last_->parts == table->parts && same_schedulers(*last_, *table)) return;
    if (last_ && last_->ready && !table->ready)
      log::event("node.unready", {{"reason", store_failure_.empty() ? "a region is not ready"
                                                                    : store_failure_.c_str()}});
    if (table->ready && !(last_ && last_->ready)) ready_since_ = Backoff::Clock::now();
    last_ = table;
    deps_.routing->publish(table);
    deps_.environment.metrics->set_ready(table->ready);
  }

  [[nodiscard]] std::string state_of(const domain::RegionName& region_name, const Region& region) const {
    if (region.ready) return has_host(region_name) ? "ready" : "ready, but no host serves it: its rooms wait";
    if (!region.load_failure.empty()) return "cannot be loaded from the store, and is tried again; the log says why";
    return "is loaded from the store, or waits for a host that it knows";
  }

  static bool same_schedulers(const RoutingTable& a, const RoutingTable& b) {
    return std::equal(a.regions.begin(), a.regions.end(), b.regions.begin(), b.regions.end(),
                      [](const auto& x, const auto& y) { return x.scheduler == y.scheduler; });
  }

  Self self_ = nullptr;
  SupervisorDeps deps_;
  std::uint64_t epoch_ = 0;
  std::map<domain::RegionName, Region> regions_;
  host_actor host_;
  std::uint64_t store_failures_ = 0;
  std::string store_failure_;
  Backoff retry_{retry_pause_shortest, retry_pause_longest};
  Backoff::Clock::time_point ready_since_{};
  std::shared_ptr<const RoutingTable> last_;
  bool ending_ = false;
  caf::error end_reason_;
};

node_actor::behavior_type run_supervisor(Supervisor::Self self, SupervisorDeps deps) {
  auto* state = &self->state;
  state->start(self, std::move(deps));
  return {[state](tick_atom) { state->tick(); }};
}

domain::Error cannot_start(std::string message) {
  return {.code = domain::ErrorCode::unavailable, .message = std::move(message)};
}

// The content of each app's secret file, without the line end.
domain::Result<std::map<domain::AppId, std::string>> read_secrets(
    const std::vector<config::AppSettings>& apps) {
  std::map<domain::AppId, std::string> out;
  for (const auto& app : apps) {
    if (app.secret_file.empty()) continue;
    std::ifstream file{app.secret_file};
    std::string secret{std::istreambuf_iterator<char>{file}, {}};
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty())
      return cannot_start("the secret file " + app.secret_file + " cannot be read or is empty");
    out.emplace(app.id, std::move(secret));
  }
  return out;
}

// Rooms that nobody answers for, because their region is no longer in the configuration.
void warn_of_other_regions(const config::Settings& settings) {
  const auto others = store::other_regions(settings.store.sqlite_path, settings.regions);
  // The store itself says what is wrong with it.
  if (!others) return;
  for (const auto& other : *others)
    log::event("region.not_served",
               {{"region", other.region.str()},
                {"rooms", other.rooms},
                {"advice", "name it in a [[region]] again, at least until its rooms are destroyed"}});
}

// The actor that asks ends with this function, so that the timeout, which CAF delivers also after the answer,
// finds nobody. One that arrives at an actor which reads no more would never be freed.
domain::Result<CatalogPtr> ask_for_catalog(caf::actor_system& system, const catalog_actor& owner,
                                           std::chrono::milliseconds timeout) {
  caf::scoped_actor self{system};
  std::optional<domain::Result<CatalogPtr>> answer;
  self->request(owner, timeout, catalog_atom::value)
      .receive([&](const CatalogPtr& snapshot) { answer.emplace(snapshot); },
               [&](const caf::error& error) { answer.emplace(wire::from_caf(error)); });
  return std::move(*answer);
}

domain::Result<std::unique_ptr<store::Store>> open_store(const config::Settings& settings) {
  const auto& options = settings.store;
  if (!options.postgres()) return store::open_sqlite(options.sqlite_path);
  return store::open_postgres({.url = options.url,
                               .password_file = options.password_file,
                               .name = settings.node.name,
                               .connect_timeout = options.connect_timeout,
                               .answer_timeout = options.answer_timeout},
                              store::Alone{});
}

template <class Handle>
void end_actor(caf::actor_system& system, Handle& handle) {
  if (!handle) return;
  caf::scoped_actor self{system};
  self->monitor(handle);
  self->send_exit(handle, caf::exit_reason::user_shutdown);
  handle = nullptr;
  self->receive([](const caf::down_msg&) {}, caf::after(shutdown_patience) >> [] {
    log::event("actor.stopped", {{"reason", "did not end in time"}});
  });
}

}  // namespace

SystemConfig::SystemConfig(std::size_t threads) {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", static_cast<std::int64_t>(threads));
  set("scheduler.max-throughput", std::int64_t{200});
  wire::register_messages(*this);
}

void NodeFailure::set(std::string reason) {
  {
    const std::lock_guard lock{mutex_};
    if (reason_) return;
    reason_ = std::move(reason);
  }
  if (told_) told_();
}

std::optional<std::string> NodeFailure::reason() const {
  const std::lock_guard lock{mutex_};
  return reason_;
}

Node::Node(caf::actor_system& system, const config::Settings& settings, Environment environment,
           SpawnHost spawn_host, std::function<void()> on_failure)
    : system_(system),
      settings_(settings),
      environment_(std::move(environment)),
      spawn_host_(std::move(spawn_host)),
      failure_(std::make_shared<NodeFailure>(std::move(on_failure))) {}

Node::~Node() { stop(); }

domain::Result<void> Node::start(std::chrono::milliseconds timeout) {
  auto secrets = read_secrets(settings_.apps);
  if (!secrets) return std::move(secrets).error();
  auto opened = open_store(settings_);
  if (!opened) return std::move(opened).error();
  const auto retry_after_s = (*opened)->retry_after_s();
  log::event("store.opened",
             {{"path", settings_.store.postgres() ? settings_.store.url : settings_.store.sqlite_path}});
  // Beside the loading of the regions, which takes as long. Ends with this function.
  std::future<void> others;
  if (settings_.node.region && !settings_.store.postgres())
    others = std::async(std::launch::async, [this] { warn_of_other_regions(settings_); });
  store_ = spawn_store(system_, std::move(opened).value(), environment_.metrics);
  catalog_ = system_.spawn(run_catalog, CatalogDeps{.environment = environment_,
                                                    .store = store_,
                                                    .apps = settings_.apps,
                                                    .secrets = std::move(secrets).value()});
  auto catalog = ask_for_catalog(system_, catalog_, timeout);
  if (!catalog) return cannot_start("the catalog cannot be loaded: " + catalog.error().message);
  supervisor_ =
      system_.spawn(run_supervisor, SupervisorDeps{.environment = environment_,
                                                   .settings = settings_,
                                                   .store = store_,
                                                   .retry_after_s = retry_after_s,
                                                   .catalog = std::move(catalog).value(),
                                                   .spawn_host = spawn_host_,
                                                   .routing = routing_,
                                                   .failure = failure_});
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!routing_->table()->ready) {
    if (std::chrono::steady_clock::now() > deadline) {
      std::string why = "the node is not ready";
      for (const auto& [part, state] : routing_->table()->parts)
        if (state != "ready") why += "; " + part + ": " + state;
      return cannot_start(why);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return {};
}

void Node::stop() {
  end_actor(system_, supervisor_);
  end_actor(system_, catalog_);
  end_actor(system_, store_);
}

}  // namespace innkeeper::actors
