#include "tests/actors/simulation/hosts.hpp"

#include <utility>

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace innkeeper::actors::testing {

using domain::ExitReason;
using wire::ProcessPhase;

SimulatedHosts::SimulatedHosts(World& world, innkeeper::testing::Random& random, Ledger& ledger, Say say)
    : world_(world), random_(random), ledger_(ledger), say_(std::move(say)) {}

void SimulatedHosts::add(std::string name, std::uint32_t processes) {
  hosts_.push_back({.fake = world_.add_host(name, room_for(processes)), .registered = true, .epoch = world_.epoch()});
}

void SimulatedHosts::obey() {
  for (auto& host : hosts_) {
    read_orders(host);
    read_answers(host);
  }
}

void SimulatedHosts::read_orders(Host& host) {
  const auto heeds = [&](std::uint64_t epoch) {
    if (epoch < host.epoch) return false;
    host.epoch = epoch;
    return true;
  };
  auto& fake = *host.fake;
  for (; host.starts_read < fake.starts.size(); ++host.starts_read) {
    const auto& order = fake.starts[host.starts_read];
    const bool known = fake.processes.contains(order.process) || host.ended.contains(order.process);
    if (!heeds(order.epoch) || known) continue;
    fake.processes[order.process] = {.process = order.process,
                                     .phase = ProcessPhase::booted,
                                     .ports = {{.name = "default",
                                                .host = fake.name.str() + ".example.org",
                                                .port = fake.next_port++,
                                                .transport = domain::Transport::tcp}}};
  }
  for (; host.stops_read < fake.stops.size(); ++host.stops_read) {
    const auto& order = fake.stops[host.stops_read];
    if (heeds(order.epoch) && fake.processes.contains(order.process)) host.stopping.insert(order.process);
  }
}

void SimulatedHosts::read_answers(Host& host) {
  std::erase_if(host.ends, [&](const auto& end) {
    const auto& [id, reply] = end;
    if (!reply->has_value()) return false;
    if (reply->value()) {
      host.fake->processes.erase(id);
      host.stopping.erase(id);
      host.ended.insert(id);
      ledger_.end_acknowledged(id);
    }
    return true;
  });
  if (!host.registering || !host.registering->has_value()) return;
  const auto answer = *std::exchange(host.registering, nullptr);
  if (!*answer || answer->value().epoch < host.epoch) return;
  host.epoch = answer->value().epoch;
  host.registered = true;
  for (const auto& id : answer->value().stop)
    if (host.fake->processes.contains(id)) host.stopping.insert(id);
  for (const auto& [id, known] : host.fake->processes) report(host, known);
}

void SimulatedHosts::report(Host& host, const wire::ProcessReport& what) {
  if (!host.registered) return;
  const bool ended = what.phase == ProcessPhase::ended;
  if (ended && host.ends.contains(what.process)) return;
  auto reply = world_.request<wire::Done>(world_.scheduler, report_atom::value, host.fake->name, what);
  if (ended) host.ends[what.process] = std::move(reply);
}

void SimulatedHosts::end(Host& host, wire::ProcessReport& what, ExitReason reason) {
  what.phase = ProcessPhase::ended;
  what.exit_reason = reason;
  what.exit_summary = "as chance would have it";
  say_("process " + to_string(what.process) + " ends: " + domain::to_string(reason));
  report(host, what);
}

void SimulatedHosts::advance(Host& host, wire::ProcessReport& what) {
  if (what.phase == ProcessPhase::ended) return report(host, what);
  if (host.stopping.contains(what.process) && random_.chance(70)) return end(host, what, ExitReason::exited);
  if (what.phase == ProcessPhase::running) {
    if (random_.chance(85)) return report(host, what);
    return end(host, what, random_.chance(60) ? ExitReason::crashed : ExitReason::exited);
  }
  if (random_.chance(25)) return report(host, what);  // it has booted
  if (random_.chance(20)) {
    constexpr ExitReason reasons[] = {ExitReason::start_failed, ExitReason::start_timeout, ExitReason::no_capacity,
                                      ExitReason::crashed, ExitReason::exited};
    return end(host, what, reasons[random_.below(std::size(reasons))]);
  }
  what.phase = ProcessPhase::running;
  say_("process " + to_string(what.process) + " runs");
  report(host, what);
}

bool SimulatedHosts::live() {
  auto& host = hosts_[random_.below(hosts_.size())];
  auto& processes = host.fake->processes;
  if (processes.empty()) return false;
  const auto chosen = static_cast<std::ptrdiff_t>(random_.below(processes.size()));
  advance(host, std::next(processes.begin(), chosen)->second);
  return true;
}

void SimulatedHosts::finish() {
  for (auto& host : hosts_)
    for (auto& [id, what] : host.fake->processes) {
      if (what.phase == ProcessPhase::ended) {
        report(host, what);
      } else if (host.stopping.contains(id)) {
        end(host, what, ExitReason::exited);
      } else {
        what.phase = ProcessPhase::running;
        report(host, what);
      }
    }
}

void SimulatedHosts::attach(Host& host) {
  host.registered = false;
  host.ends.clear();
  host.registering = world_.begin_register(host.fake);
}

void SimulatedHosts::attach_all() {
  for (auto& host : hosts_)
    if (host.fake->actor) attach(host);
}

void SimulatedHosts::lose_one() {
  auto& host = hosts_[random_.below(hosts_.size())];
  if (!host.fake->actor) return;
  const bool with_processes = random_.chance(40);
  say_("host " + host.fake->name.str() + (with_processes ? " breaks down" : " is out of reach"));
  caf::anon_send_exit(std::exchange(host.fake->actor, nullptr), caf::exit_reason::kill);
  host.registered = false;
  host.registering = nullptr;
  host.ends.clear();
  if (!with_processes) return;
  host.fake->processes.clear();  // orders for them may come again
  host.stopping.clear();
}

void SimulatedHosts::return_one() {
  auto& host = hosts_[random_.below(hosts_.size())];
  if (host.fake->actor) return;
  say_("host " + host.fake->name.str() + " is back");
  ++host.fake->incarnation;
  attach(host);
}

void SimulatedHosts::return_all() {
  for (auto& host : hosts_) {
    if (host.fake->actor) continue;
    ++host.fake->incarnation;
    attach(host);
  }
}

std::vector<std::string> SimulatedHosts::leaks(const store::RegionSnapshot& stored) const {
  std::vector<std::string> out;
  std::set<domain::ProcessId> here;
  for (const auto& host : hosts_)
    for (const auto& [id, what] : host.fake->processes) here.insert(id);
  for (const auto& record : stored.processes) {
    if (domain::is_final(record.status) || record.host.empty()) continue;
    if (here.erase(record.id) == 0)
      out.push_back("Process " + to_string(record.id) + " is " + to_string(record.status) +
                    " on disk and not on its host " + record.host.str() + ".");
  }
  for (const auto& id : here) out.push_back("Process " + to_string(id) + " is on a host, and nobody wants it.");
  return out;
}

}  // namespace innkeeper::actors::testing
