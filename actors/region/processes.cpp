#include <algorithm>
#include <utility>

#include "actors/domain/assert.hpp"
#include "actors/region/commit.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

using domain::EndReason;
using domain::ErrorCode;
using domain::ExitReason;
using domain::ProcessPhase;
using domain::ProcessStatus;

constexpr auto full_host_delay = std::chrono::seconds(1);

domain::Error no_such_process() {
  return {.code = ErrorCode::not_found, .message = "process not found"};
}

EndReason end_reason(ExitReason reason) {
  switch (reason) {
    case ExitReason::none:
    case ExitReason::exited:
    case ExitReason::ordered:
    case ExitReason::unneeded:
      return EndReason::process_stopped;
    case ExitReason::idle:
      return EndReason::process_idle;
    case ExitReason::crashed:
      return EndReason::process_crashed;
    case ExitReason::start_timeout:
    case ExitReason::start_failed:
      return EndReason::process_start_failed;
    case ExitReason::host_lost:
      return EndReason::host_lost;
    case ExitReason::no_capacity:
      return EndReason::no_capacity;
  }
  return EndReason::process_crashed;
}

// A room that was well for this long has not brought its process down.
constexpr auto harmless_stay = std::chrono::minutes(10);

bool only_waited(const domain::Allocation& allocation) {
  return allocation.ended == EndReason::moved_to_free_slot || allocation.ended == EndReason::no_capacity;
}

// How many of the room's last allocations, the current one included, ended or are about to end before their
// process ran, one after the other; those that only waited for a slot between them do not count.
std::uint32_t failed_starts(const domain::RoomRecord& room) {
  std::uint32_t n = 1;
  for (auto a = std::next(room.allocations.rbegin()); a != room.allocations.rend(); ++a) {
    if (only_waited(*a)) continue;
    if (a->ended != EndReason::process_start_failed) break;
    ++n;
  }
  return n;
}

// The same for allocations whose process crashed soon after they had begun, or did not even start; `now` is the
// end of the current one.
std::uint32_t quick_crashes(const domain::RoomRecord& room, domain::Timestamp now) {
  std::uint32_t n = 0;
  for (auto a = room.allocations.rbegin(); a != room.allocations.rend(); ++a) {
    const bool current = a == room.allocations.rbegin();
    if (!current && only_waited(*a)) continue;
    const bool bad = a->ended == EndReason::process_crashed || a->ended == EndReason::process_start_failed;
    if (!current && !bad) break;
    if (a->unscheduled_at.value_or(now) - a->scheduled_at >= harmless_stay) break;
    ++n;
  }
  return n;
}

}  // namespace

RegionScheduler::ProcessEntry& RegionScheduler::new_process(
    const std::shared_ptr<const domain::Deployment>& deployment, const std::optional<domain::RoomId>& room,
    std::uint8_t attempt, domain::Timestamp not_before) {
  const auto at = now();
  auto& process = directory_.add_process({.id = ids_->process_id(at),
                                          .deployment = deployment->key,
                                          .attempt = attempt,
                                          .initial_room = room,
                                          .created_at = at},
                                         deployment);
  process.not_before = not_before;
  process.idle_since = at;
  index_->add_process(process.record.id, deployment->key, deployment->spec.rooms_per_process,
                      deployment->resources(), ProcessPhase::reserved, std::nullopt);
  process.indexed = true;
  reserved_[deployment->app].emplace(std::pair{at, process.record.id}, &process);
  if (not_before > at) arm(not_before, {.kind = Timer::Kind::start, .process = process.record.id});
  return process;
}

void RegionScheduler::unreserve(ProcessEntry& process) {
  const auto app = reserved_.find(process.deployment->app);
  if (app == reserved_.end()) return;
  app->second.erase({process.record.created_at, process.record.id});
  if (app->second.empty()) reserved_.erase(app);
}

// Applies what happened; false when the lifecycle does not allow it.
bool RegionScheduler::change(ProcessEntry& process, const domain::ProcessChange& what) {
  auto next = domain::apply(process.record, what, now());
  if (!next) {
    log::event("process.change_refused", {{"process", to_string(process.record.id)},
                                          {"reason", next.error().message}});
    return false;
  }
  directory_.set_record(process, std::move(next).value());
  return true;
}

void RegionScheduler::start_on(ProcessEntry& process, const domain::HostName& host) {
  unreserve(process);
  const bool assigned = change(process, domain::AssignHost{host});
  INNKEEPER_ASSERT(assigned);
  index_->assign_host(process.record.id, host);
  for (auto* room : process.rooms) {
    if (!room->queued()) continue;
    dequeue(*room);
    if (!room->committed) continue;
    const auto waited = now() - room->turn->since;
    metrics().queue_waited(region(), process.deployment->app.str(),
                           std::chrono::duration<double>(waited).count());
  }
  // The host hears of it only when it is on disk: so nothing runs that no record knows.
  commit(process, [this](ProcessEntry& p) { send_start(p); });
}

void RegionScheduler::send_start(const ProcessEntry& process) {
  const auto host = hosts_.find(process.record.host);
  if (host == hosts_.end() || !host->second.actor) return;  // it will be told when it registers
  const auto* app = catalog_->find_app(process.deployment->app);
  wire::StartProcess order{.process = process.record.id,
                           .app = process.deployment->app,
                           .app_secret = app != nullptr ? app->app.secret : std::string{},
                           .deployment_id = process.deployment->id,
                           .spec = process.deployment->spec,
                           .region = deps_.lease->region,
                           .initial_room = process.record.initial_room,
                           .epoch = deps_.lease->epoch};
  if (order.initial_room)
    if (const auto* room = directory_.room(*order.initial_room))
      order.initial_room_config = room->record->config;
  self_->send(caf::actor_cast<host_actor>(host->second.actor), start_atom::value, std::move(order));
}

void RegionScheduler::send_stop(const ProcessEntry& process) {
  const auto host = hosts_.find(process.record.host);
  if (host == hosts_.end() || !host->second.actor) return;
  self_->send(caf::actor_cast<host_actor>(host->second.actor), stop_atom::value,
              wire::StopProcess{.process = process.record.id, .epoch = deps_.lease->epoch});
}

// Starts what waits for a host, oldest first for each app; a start that is held back holds nobody up.
void RegionScheduler::start_reserved() {
  if (stopped_ || reserved_.empty()) return;
  const auto at = now();
  for (;;) {
    ProcessEntry* next = nullptr;
    std::optional<domain::HostName> host;
    for (const auto& [app, processes] : reserved_) {
      const auto head = std::find_if(processes.begin(), processes.end(),
                                     [&](const auto& p) { return p.second->not_before <= at; });
      if (head == processes.end()) continue;
      auto fits = index_->choose_host(head->second->deployment->resources());
      if (!fits) continue;
      if (next != nullptr && next->record.created_at <= head->second->record.created_at) continue;
      next = head->second;
      host = std::move(fits);
    }
    if (next == nullptr) return;
    const auto deployment = next->record.deployment;
    start_on(*next, *host);
    serve_waiting(deployment);  // others may fit into its other slots
  }
}

EndpointPtr RegionScheduler::endpoint_of(const domain::ProcessRecord& record) const {
  if (record.ports.empty()) return nullptr;
  return std::make_shared<Endpoint>(
      Endpoint{.process = record.id,
               .default_port = record.ports.front(),
               .additional_ports = {record.ports.begin() + 1, record.ports.end()}});
}

// Its port is bound, and that is on disk: its rooms are active.
void RegionScheduler::process_runs(ProcessEntry& process) {
  if (process.endpoint || process.record.status != ProcessStatus::running) return;
  process.endpoint = endpoint_of(process.record);
  index_->set_phase(process.record.id, ProcessPhase::running);
  const auto& app = process.deployment->app.str();
  const auto since = process.record.scheduled_at.value_or(process.record.created_at);
  metrics().process_started(region(), app,
                            std::chrono::duration<double>(*process.record.started_at - since).count());
  const auto at = now();
  for (auto* room : process.rooms) {
    if (!room->queued()) room->turn.reset();
    if (room->actor) {
      ++room->sent;
      self_->send(room->actor, runs_atom::value, process.endpoint);
    }
    if (room->committed && room->record->allocations.size() == 1)
      metrics().create_to_active(region(), app,
                                 std::chrono::duration<double>(at - room->record->created_at).count());
  }
  if (process.rooms.empty()) became_empty(process);
}

caf::result<domain::ProcessView> RegionScheduler::launch(const domain::AppId& app) {
  if (stopped_) return wire::to_caf(unavailable());
  const auto* entry = catalog_->find_app(app);
  if (entry == nullptr)
    return wire::to_caf({.code = ErrorCode::not_found, .message = "app not found"});
  const auto& deployment = entry->latest();
  const bool app_waits = reserved_.contains(app);
  auto& process = new_process(deployment, std::nullopt, 1, {});
  process.asked_for = true;
  auto promise = self_->make_response_promise<domain::ProcessView>();
  process.launch_waiters.push_back(promise);
  const auto answer = [this](ProcessEntry& p) {
    for (auto& waiter : std::exchange(p.launch_waiters, {})) waiter.deliver(view(p));
  };
  const auto host = app_waits ? std::nullopt : index_->choose_host(deployment->resources());
  if (!host) {
    commit(process, answer);
    return promise;
  }
  unreserve(process);
  const bool assigned = change(process, domain::AssignHost{*host});
  INNKEEPER_ASSERT(assigned);
  index_->assign_host(process.record.id, *host);
  commit(process, [this, answer](ProcessEntry& p) {
    send_start(p);
    answer(p);
  });
  return promise;
}

// A promise that is dropped is never answered, and its client would wait for nothing.
void RegionScheduler::refuse_waiters(const domain::Error& error) {
  const auto refuse = [reason = wire::to_caf(error)](auto& waiters) {
    for (auto& waiter : std::exchange(waiters, {})) waiter.deliver(reason);
  };
  for (const auto& [id, process] : directory_.processes()) {
    refuse(process->stop_waiters);
    refuse(process->report_waiters);
    refuse(process->launch_waiters);
  }
}

caf::result<wire::Done> RegionScheduler::stop_process(const domain::AppId& app, domain::ProcessId id) {
  auto* process = directory_.process(id);
  if (process == nullptr || process->deployment->app != app) return wire::to_caf(no_such_process());
  if (stopped_) return wire::to_caf(unavailable());
  if (domain::is_final(process->record.status)) return wire::Done{};
  if (process->rooms_leave && process->rooms.empty() && process->stop_waiters.empty())
    return wire::Done{};
  // Made only now: a promise takes the request over, and a value that is returned after that goes nowhere.
  auto promise = self_->make_response_promise<wire::Done>();
  process->stop_waiters.push_back(promise);
  if (process->rooms_leave) return promise;
  order_stop(*process, ExitReason::ordered);
  return promise;
}

// Orders the end of a process and of its rooms. Whoever waits is answered when both are on disk.
void RegionScheduler::order_stop(ProcessEntry& process, ExitReason reason) {
  const bool reserved = process.record.reserved();
  if (reserved) unreserve(process);
  if (!change(process, domain::StopProcess{reason})) return;
  process.rooms_leave = true;
  log::event("process.stopping", {{"process", to_string(process.record.id)},
                                  {"reason", domain::to_string(reason)}});
  if (reserved) {
    index_closed(process);
    metrics().process_exited(region(), process.deployment->app.str(), domain::to_string(reason));
    ended_.emplace_back(now(), process.record.id);
  } else {
    index_->set_phase(process.record.id, ProcessPhase::closed);
  }
  process.endpoint = nullptr;
  commit(process, [this](ProcessEntry& p) {
    if (!domain::is_final(p.record.status)) send_stop(p);
    if (p.rooms.empty())
      for (auto& waiter : std::exchange(p.stop_waiters, {})) waiter.deliver(wire::Done{});
  });
  const std::vector<RoomEntry*> rooms(process.rooms.begin(), process.rooms.end());
  for (auto* room : rooms)
    if (room->process == &process) room_lost_process(*room, process);
}

// The process has no place in the index any more: its host's resources are free for others.
void RegionScheduler::index_closed(ProcessEntry& process) {
  if (!std::exchange(process.indexed, false)) return;
  index_->set_phase(process.record.id, ProcessPhase::closed);
  for (std::size_t i = 0; i < process.rooms.size(); ++i) index_->release(process.record.id);
  index_->remove_process(process.record.id);
}

void RegionScheduler::end_process(ProcessEntry& process, ExitReason reason, const std::string& summary) {
  if (domain::is_final(process.record.status)) return;
  if (process.record.reserved()) unreserve(process);
  const bool idle = process.record.stop_reason == ExitReason::idle;
  constexpr std::string_view by_order = "stopped by order";
  const auto why = !idle                           ? summary
                   : summary.starts_with(by_order) ? "stopped because it was idle" + summary.substr(by_order.size())
                                                   : "stopped because it was idle: " + summary;
  if (!change(process, domain::ProcessEnded{.reason = reason, .summary = why})) return;
  const auto& record = process.record;
  process.endpoint = nullptr;
  index_closed(process);
  ended_.emplace_back(now(), record.id);
  metrics().process_exited(region(), process.deployment->app.str(), domain::to_string(record.exit_reason));
  const bool failed = record.status == ProcessStatus::failed;
  log::event(!failed ? "process.ended" : record.started_at ? "process.failed" : "process.start_failed",
             {{"process", to_string(record.id)},
              {"app", process.deployment->app.str()},
              {"status", domain::to_string(record.status)},
              {"reason", domain::to_string(record.exit_reason)},
              {"summary", record.exit_summary},
              {"rooms", static_cast<std::uint64_t>(process.rooms.size())}});
  commit(process, [this](ProcessEntry& p) {
    for (auto& waiter : std::exchange(p.report_waiters, {})) waiter.deliver(wire::Done{});
    if (p.rooms.empty())
      for (auto& waiter : std::exchange(p.stop_waiters, {})) waiter.deliver(wire::Done{});
  });
  // In the order in which they came, so that those that are placed again keep it.
  std::vector<RoomEntry*> rooms;
  for (auto* room : process.rooms)
    if (room->process == &process) rooms.push_back(room);
  std::sort(rooms.begin(), rooms.end(), [](const RoomEntry* a, const RoomEntry* b) {
    const std::uint64_t turn_a = a->queued() ? a->turn->number : 0;
    const std::uint64_t turn_b = b->queued() ? b->turn->number : 0;
    return std::tie(turn_a, a->record->created_at, a->record->id) <
           std::tie(turn_b, b->record->created_at, b->record->id);
  });
  for (auto* room : rooms) room_lost_process(*room, process);
  start_reserved();
}

// What becomes of a room whose process ended or was told to stop (design 5; contract/decided.md). A room
// that has another placement under way settles that first.
void RegionScheduler::room_lost_process(RoomEntry& room, ProcessEntry& process) {
  if (room.reserved != nullptr || room.recovering) return;
  if (room.queued()) dequeue(room);
  const auto& record = process.record;
  const auto exit = domain::is_final(record.status) ? record.exit_reason : record.stop_reason;
  const bool never_ran = !record.started_at;
  // The host turned out to have no room after all, as when other programs have taken its ports. That is no
  // failed start: the room goes on waiting, for as long as the scheduling timeout lets it.
  if (exit == ExitReason::no_capacity && record.scheduled_at) {
    if (auto placed = place(process.deployment, room.record->id, record.attempt, now() + full_host_delay)) {
      send_move(room, record.id, EndReason::no_capacity, *placed);
      return;
    }
  }
  if (process.rooms_leave || domain::end_destroys_rooms(exit)) {
    send_end(room, process, end_reason(exit), domain::RoomState::destroyed);
    return;
  }
  if (never_ran && exit == ExitReason::host_lost) {
    // The client was told that the room is being scheduled, so it is, whatever the policy for failures.
    if (auto placed = place(process.deployment, room.record->id, record.attempt)) {
      send_move(room, record.id, EndReason::host_lost, *placed);
      return;
    }
  } else if (never_ran) {
    const auto reason = exit == ExitReason::no_capacity ? EndReason::no_capacity
                                                        : EndReason::process_start_failed;
    const auto attempts = failed_starts(*room.record);
    if (reason == EndReason::no_capacity || attempts >= deps_.policy.start_attempts) {
      send_end(room, process, reason, domain::RoomState::destroyed);
      return;
    }
    const auto delay = std::chrono::seconds(attempts);  // contract/decided.md: 1 s, then 2 s
    const auto attempt = static_cast<std::uint8_t>(std::min<std::uint32_t>(attempts + 1, 255));
    if (auto placed = place(process.deployment, room.record->id, attempt, now() + delay))
      send_move(room, record.id, reason, *placed);
    else
      send_end(room, process, reason, domain::RoomState::destroyed);
    return;
  }
  room_without_process(room, record.id, end_reason(exit));
}

// By the failure policy. A room that has brought down several processes, one soon after the other, is not
// given another one.
void RegionScheduler::room_without_process(RoomEntry& room, domain::ProcessId process, EndReason reason) {
  auto& actor = awake(room);
  const auto end = [&](domain::RoomState outcome) {
    ++room.sent;
    self_->send(actor, end_atom::value,
                domain::EndAllocation{.from = process, .reason = reason, .outcome = outcome});
  };
  switch (deps_.policy.on_process_failure) {
    case config::FailurePolicy::suspend:
      end(domain::RoomState::suspended);
      return;
    case config::FailurePolicy::destroy:
      end(domain::RoomState::destroyed);
      return;
    case config::FailurePolicy::reschedule:
      break;
  }
  const auto deployment = catalog_->find(room.record->deployment);
  const bool harmful = quick_crashes(*room.record, now()) > deps_.policy.start_attempts;
  if (deployment && !harmful) {
    if (auto placed = place(deployment, room.record->id)) {
      send_move(room, process, reason, *placed);
      return;
    }
  }
  end(domain::RoomState::suspended);
}

void RegionScheduler::arm(domain::Timestamp at, Timer timer) { timers_.emplace(at, timer); }

caf::result<domain::ProcessMetrics> RegionScheduler::process_metrics(const domain::AppId& app,
                                                                     domain::ProcessId id) {
  const auto* process = directory_.process(id);
  if (process == nullptr || process->deployment->app != app) return wire::to_caf(no_such_process());
  const auto host = hosts_.find(process->record.host);
  if (host == hosts_.end() || !host->second.actor) return domain::ProcessMetrics{};
  return self_->delegate(caf::actor_cast<host_actor>(host->second.actor), metrics_atom::value, id);
}

}  // namespace innkeeper::actors
