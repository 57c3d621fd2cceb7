#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/region/commit.hpp"
#include "actors/region_scheduler.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {

using domain::ExitReason;
using domain::ProcessStatus;

// A host says what runs on it; what the store says is brought in line: what should run is adopted, what is
// gone is handled as failed, what nobody knows is stopped.
caf::result<wire::HostAccepted> RegionScheduler::register_host(const wire::HostRegistration& registration,
                                                               const caf::actor& actor) {
  if (registration.protocol != wire::protocol_version)
    return wire::to_caf({.code = domain::ErrorCode::refused,
                         .message = "host " + registration.host.str() + " speaks protocol version " +
                                    std::to_string(registration.protocol) + ", this node speaks " +
                                    std::to_string(wire::protocol_version)});
  auto& host = hosts_[registration.host];
  host.actor = actor;
  host.incarnation = registration.incarnation;
  host.given_up = false;
  host.capacity = registration.capacity;
  self_->monitor(actor);
  if (index_->has_host(registration.host))
    index_->update_host(registration.host, registration.capacity, true);
  else
    index_->add_host(registration.host, registration.capacity, true);
  log::event("host.attached", {{"region", region()},
                                 {"host", registration.host.str()},
                                 {"cpu_millis", registration.capacity.cpu_millis},
                                 {"memory_mb", registration.capacity.memory_mb},
                                 {"processes", static_cast<std::uint64_t>(registration.processes.size())}});

  wire::HostAccepted answer{.epoch = deps_.lease->epoch};
  std::unordered_map<domain::ProcessId, const wire::ProcessReport*> reports;
  for (const auto& report : registration.processes) {
    reports.emplace(report.process, &report);
    const auto* process = directory_.process(report.process);
    const bool wanted = process != nullptr && !domain::is_final(process->record.status) &&
                        process->record.host == registration.host;
    if (!wanted && report.phase != wire::ProcessPhase::ended) answer.stop.push_back(report.process);
  }
  std::vector<ProcessEntry*> here;
  for (const auto& [id, process] : directory_.processes())
    if (process->record.host == registration.host && !domain::is_final(process->record.status))
      here.push_back(process.get());
  for (auto* process : here) {
    const auto report = reports.find(process->record.id);
    reconcile(*process, report == reports.end() ? nullptr : report->second);
  }
  start_reserved();
  return answer;
}

void RegionScheduler::reconcile(ProcessEntry& process, const wire::ProcessReport* report) {
  const auto& record = process.record;
  if (report != nullptr) {
    apply_report(process, *report, [](ProcessEntry&) {});
    if (process.record.status == ProcessStatus::stopping) send_stop(process);
    return;
  }
  if (record.status == ProcessStatus::starting && !record.booted_at) {
    send_start(process);  // the order was lost with whoever had given it
    return;
  }
  end_process(process, ExitReason::host_lost, "not found on its host any more");
}

template <class Then>
void RegionScheduler::apply_report(ProcessEntry& process, const wire::ProcessReport& report, Then then) {
  const auto before = process.record;
  switch (report.phase) {
    case wire::ProcessPhase::booted:
      change(process, domain::ProcessBooted{report.ports});
      break;
    case wire::ProcessPhase::running:
      if (!change(process, domain::ProcessBooted{report.ports})) break;
      change(process, domain::ProcessRunning{});
      break;
    case wire::ProcessPhase::ended:
      end_process(process, report.exit_reason, report.exit_summary);
      return;
  }
  auto done = [this, then = std::move(then)](ProcessEntry& p) mutable {
    process_runs(p);
    then(p);
  };
  if (process.record == before)
    done(process);
  else
    commit(process, std::move(done));
}

caf::result<wire::Done> RegionScheduler::report(const domain::HostName& host,
                                                const wire::ProcessReport& report) {
  auto* process = directory_.process(report.process);
  const bool here = process != nullptr && process->record.host == host;
  const bool known_end = here && report.phase == wire::ProcessPhase::ended && domain::is_final(process->record.status);
  if (!here || (domain::is_final(process->record.status) && !known_end)) {
    const auto known = hosts_.find(host);
    if (report.phase != wire::ProcessPhase::ended && known != hosts_.end() && known->second.actor)
      self_->send(caf::actor_cast<host_actor>(known->second.actor), stop_atom::value,
                  wire::StopProcess{.process = report.process, .epoch = deps_.lease->epoch});
    return wire::Done{};
  }
  if (stopped_) return wire::to_caf(unavailable());
  auto promise = self_->make_response_promise<wire::Done>();
  if (known_end) {
    // The host forgets the end when it is answered, and the first commit of it may be under way: the answer
    // comes with another one, which is behind that.
    process->report_waiters.push_back(promise);
    commit(*process, [](ProcessEntry& p) {
      for (auto& waiter : std::exchange(p.report_waiters, {})) waiter.deliver(wire::Done{});
    });
  } else if (report.phase == wire::ProcessPhase::ended) {
    process->report_waiters.push_back(promise);
    end_process(*process, report.exit_reason, report.exit_summary);
  } else {
    apply_report(*process, report, [promise](ProcessEntry&) mutable { promise.deliver(wire::Done{}); });
  }
  return promise;
}

void RegionScheduler::lose_hosts() {
  const auto limit = now() - deps_.host_grace;
  for (auto& [host_name, host] : hosts_) {
    if (host.actor || host.given_up || host.away_since > limit) continue;
    host.given_up = true;
    std::vector<ProcessEntry*> here;
    for (const auto& [id, process] : directory_.processes())
      if (process->record.host == host_name && !domain::is_final(process->record.status))
        here.push_back(process.get());
    if (here.empty()) continue;
    log::event("host.given_up", {{"region", region()},
                             {"host", host_name.str()},
                             {"processes", static_cast<std::uint64_t>(here.size())}});
    for (auto* process : here) end_process(*process, ExitReason::host_lost, "its host was lost");
  }
}

bool RegionScheduler::ready() const {
  return loaded_ && !stopped_ &&
         std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h.second.actor != nullptr || h.second.given_up; });
}

}  // namespace innkeeper::actors
