#include "actors/region_scheduler.hpp"

#include <utility>

#include <caf/typed_event_based_actor.hpp>

#include "actors/exceptions.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);

}  // namespace

void RegionScheduler::start(Self self, RegionDeps deps) {
  self_ = self;
  deps_ = std::move(deps);
  catalog_ = deps_.catalog;
  ids_ = std::make_unique<domain::IdGenerator>(deps_.lease->region, deps_.environment.random);
  index_ = std::make_unique<domain::PlacementIndex>(deps_.policy.placement);
  context_ = std::make_shared<RegionContext>(
      RegionContext{.environment = deps_.environment,
                    .lease = deps_.lease,
                    .store = deps_.store,
                    .scheduler = caf::actor_cast<region_scheduler_actor>(self),
                    .connection_info_resumes = deps_.policy.connection_info_resumes});
  self->set_exception_handler(log_exception);
  self->set_down_handler([this](const caf::down_msg& message) { down(message); });
  // Everything else waits in the mailbox until the region is loaded.
  self->request(deps_.store, caf::infinite, load_atom::value, deps_.lease)
      .await(
          [this](const SnapshotPtr& snapshot) {
            load(*snapshot);
            self_->delayed_send(self_, tick_interval, tick_atom::value);
          },
          // The node, which tries again, knows whether that is news.
          [this](const caf::error& error) { self_->quit(error); });
}

RegionScheduler::~RegionScheduler() {
  const domain::Error again{.code = domain::ErrorCode::overloaded,
                            .message = "the scheduler is being started again; try again",
                            .retry_after_s = 1};
  refuse_waiters(again);
  for (const auto& [index, key] : keys_)
    for (auto& waiter : std::exchange(key->waiters, {})) waiter.deliver(wire::to_caf(again));
}

void RegionScheduler::failed(const std::string& why) {
  if (stopped_) return;
  stopped_ = true;
  failure_ = why;
  log::event("region.suspended", {{"region", region()}, {"reason", why}});
  refuse_waiters(unavailable());
}

domain::Error RegionScheduler::unavailable() const {
  return {.code = domain::ErrorCode::unavailable, .message = failure_, .retry_after_s = deps_.retry_after_s};
}

void RegionScheduler::set_catalog(const CatalogPtr& catalog) { catalog_ = catalog; }

void RegionScheduler::tick() {
  self_->delayed_send(self_, tick_interval, tick_atom::value);
  publish_metrics();
  if (stopped_) return;
  fire_timers();
  give_up_waiting();
  serve_all_waiting();
  start_reserved();
  lose_hosts();
  purge();
}

void RegionScheduler::down(const caf::down_msg& message) {
  for (auto& [host_name, host] : hosts_) {
    if (!host.actor || message.source != host.actor) continue;
    log::event("host.lost", {{"region", region()}, {"host", host_name.str()}});
    host.actor = nullptr;
    host.away_since = now();
    index_->update_host(host_name, host.capacity, false);
    return;
  }
  // Passive rooms end without an error; only a room that broke is started again.
  if (message.reason == caf::none || message.reason == caf::exit_reason::unreachable) return;
  RoomEntry* broken = nullptr;
  directory_.rooms().for_each([&](RoomEntry& room) {
    if (room.actor && message.source == room.actor) broken = &room;
  });
  if (broken != nullptr) recover_room(*broken);
}

region_scheduler_actor::behavior_type run_region_scheduler(RegionScheduler::Self self, RegionDeps deps) {
  auto* s = &self->state;
  s->start(self, std::move(deps));
  using domain::AppId;
  using domain::ProcessId;
  using domain::RoomId;
  return {
      [s](create_atom, domain::CreateRoom& command) { return s->create(command); },
      [s](create_atom, const AppId& app, const std::string& key) { return s->knows_key(app, key); },
      [s](info_atom, const AppId& app, const RoomId& room) { return s->info(app, room); },
      [s](destroy_atom, const AppId& app, const RoomId& room) { return s->destroy(app, room); },
      [s](suspend_atom, const AppId& app, const RoomId& room) { return s->suspend(app, room); },
      [s](resume_atom, const AppId& app, const RoomId& room) { return s->resume(app, room); },
      [s](update_atom, const AppId& app, const RoomId& room, std::string& config) {
        return s->update(app, room, config);
      },
      [s](connect_atom, const AppId& app, const RoomId& room, std::uint32_t wait_ms) {
        return s->connect(app, room, wait_ms);
      },
      [s](explain_atom, const RoomId& room) { return s->explain(room); },
      [s](rooms_atom, const AppId& app, ProcessId process, bool active) {
        return s->rooms_of(app, process, active);
      },
      [s](launch_atom, const AppId& app) { return s->launch(app); },
      [s](process_atom, const AppId& app, ProcessId process) { return s->process_info(app, process); },
      [s](stop_atom, const AppId& app, ProcessId process) { return s->stop_process(app, process); },
      [s](latest_atom, const domain::ProcessFilter& filter) { return s->latest(filter); },
      [s](count_atom, const domain::ProcessFilter& filter) { return s->count(filter); },
      [s](metrics_atom, const AppId& app, ProcessId process) {
        return s->process_metrics(app, process);
      },
      [s](register_atom, const wire::HostRegistration& registration, const caf::actor& host) {
        return s->register_host(registration, host);
      },
      [s](report_atom, const domain::HostName& host, const wire::ProcessReport& report) {
        return s->report(host, report);
      },
      [s](settled_atom, const RoomId& room, const RoomRecordPtr& record, std::uint32_t handled) {
        s->settled(room, record, handled);
      },
      [s](failed_atom, const std::string& why) { s->failed(why); },
      [s](catalog_atom, const CatalogPtr& catalog) { s->set_catalog(catalog); },
      [s](ready_atom) { return s->ready(); },
      [s](probe_atom, const RoomId& room) { return s->room_handle(room); },
      [s](tick_atom) { s->tick(); },
  };
}

}  // namespace innkeeper::actors
