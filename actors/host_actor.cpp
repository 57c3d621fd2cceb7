#include "actors/host_actor.hpp"

#include "actors/exceptions.hpp"
#include "actors/process_actor.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

namespace innkeeper::actors {
namespace {

constexpr auto tick_interval = std::chrono::seconds(10);
// The scheduler may be on another node, and then an answer can get lost.
constexpr auto answer_timeout = std::chrono::seconds(30);
constexpr auto register_again_after = std::chrono::seconds(1);

std::string program_beside_us(const char* name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string(name) : (self.parent_path() / name).string();
}

runner::Order to_order(const wire::StartProcess& order) {
  return {.process = order.process,
          .app = order.app,
          .app_secret = order.app_secret,
          .deployment = order.deployment_id,
          .spec = order.spec,
          .region = order.region,
          .initial_room = order.initial_room,
          .initial_room_config = order.initial_room_config};
}

}  // namespace

domain::Result<std::shared_ptr<runner::Runner>> open_runner(const config::Settings& settings,
                                                            const Environment& environment,
                                                            const std::string& shim) {
  const auto& host = settings.host;
  runner::RunnerOptions options;
  options.directory = settings.node.data_dir + "/processes";
  options.node = settings.node.name;
  options.shim = shim.empty() ? program_beside_us("innkeeper-shim") : shim;
  if (::access(options.shim.c_str(), X_OK) != 0)
    return domain::Error{
        .code = domain::ErrorCode::unavailable,
        .message = "cannot execute " + options.shim + ", which every server process runs under: " +
                   std::generic_category().message(errno)};
  options.public_address = host.public_address;
  options.port_first = host.port_first;
  options.port_last = host.port_last;
  options.log_bytes = host.log_bytes;
  options.retention = settings.policy.destroyed_retention;
  options.start_timeout = settings.timeouts.start;
  options.stop_grace = settings.timeouts.stop_grace;
  if (host.tls) options.tls = runner::TlsFiles{host.tls->cert_file, host.tls->key_file};
  options.now = environment.now;
  options.on_unknown = [metrics = environment.metrics,
                        name = settings.node.name](const auto& process) {
    log::event(
        "process.unknown_stopped",
        {{"process", process.process_id}, {"pid", process.pid}, {"directory", process.directory}});
    metrics->process_unknown_stopped(name);
  };
  options.on_problem = [name = settings.node.name](const std::string& what) {
    log::event("host.problem", {{"host", name}, {"reason", what}});
  };
  auto opened = runner::Runner::open(std::move(options));
  if (!opened) return opened.error();
  std::shared_ptr<runner::Runner> runner = std::move(*opened);
  for (const auto& report : runner->inventory()) {
    if (report.phase == runner::Phase::ended) continue;
    log::event("process.adopted", {{"process", to_string(report.process)}, {"pid", report.pid}});
    environment.metrics->process_adopted(settings.node.name);
  }
  return runner;
}

HostDeps host_deps(const config::Settings& settings, const Environment& environment,
                   std::shared_ptr<runner::Runner> runner) {
  const auto& host = settings.host;
  return {.environment = environment,
          .name = domain::HostName(settings.node.name),
          .region = host.region,
          .capacity = {.cpu_millis = host.cpu_millis,
                       .memory_mb = host.memory_mb,
                       .ports = static_cast<std::uint32_t>(host.port_last - host.port_first + 1)},
          .incarnation = environment.random(),
          .runner = std::move(runner)};
}

void HostState::start(Self self, HostDeps deps) {
  self_ = self;
  deps_ = std::move(deps);
  self_->set_exception_handler(log_exception);
  self_->set_down_handler([this](const caf::down_msg& message) { process_down(message); });
  self_->set_exit_handler([this](const caf::exit_msg& message) {
    for (const auto& [process, actor] : processes_) self_->send_exit(actor, message.reason);
    self_->quit(message.reason);
  });
  for (const auto& report : deps_.runner->inventory()) {
    if (report.phase != runner::Phase::ended) watch(report.process, true);
  }
  tick();
}

bool HostState::obey(std::uint64_t epoch) {
  if (epoch < epoch_) return false;
  epoch_ = epoch;
  return true;
}

void HostState::start_process(const wire::StartProcess& order) {
  if (!obey(order.epoch)) return;
  deps_.runner->start(to_order(order));
  watch(order.process, false);
}

void HostState::stop_process(const wire::StopProcess& order) {
  if (!obey(order.epoch)) return;
  const auto found = processes_.find(order.process);
  if (found != processes_.end()) self_->send(found->second, stop_atom::value);
}

domain::ProcessMetrics HostState::metrics(domain::ProcessId process) const {
  return deps_.runner->metrics(process);
}

void HostState::watch(domain::ProcessId process, bool known) {
  if (processes_.contains(process)) return;
  ProcessDeps process_deps{.process = process,
                           .runner = deps_.runner,
                           .host = caf::actor_cast<host_actor>(self_),
                           .known = known};
  // Monitored and not linked: a process actor that fails must not take the host with it.
  auto actor = self_->spawn<caf::monitored>(run_process, std::move(process_deps));
  by_address_[actor.address()] = process;
  processes_[process] = std::move(actor);
}

void HostState::process_down(const caf::down_msg& message) {
  const auto found = by_address_.find(message.source);
  if (found == by_address_.end()) return;
  const auto process = found->second;
  by_address_.erase(found);
  processes_.erase(process);
  if (!message.reason) return;  // it has ended in order, and so has the process
  deps_.environment.metrics->actor_restarted("process");
  log::event("actor.restarted", {{"actor", "process"}, {"process", to_string(process)}});
  watch(process, true);
}

void HostState::process_reported(const wire::ProcessReport& what) {
  // Without a registration there is nobody to tell; the next one tells all.
  if (registered_) report(what);
}

void HostState::report(const wire::ProcessReport& what) {
  const bool ended = what.phase == wire::ProcessPhase::ended;
  const auto process = what.process;
  if (ended && !in_flight_.insert(process).second) return;
  self_->request(scheduler_, answer_timeout, report_atom::value, deps_.name, what)
      .then(
          [this, process, ended](wire::Done) {
            if (!ended) return;
            in_flight_.erase(process);
            deps_.runner->acknowledge(process);
          },
          // An end stays with the runner and is reported again. Anything else is in the next
          // report.
          [this, process, ended](const caf::error&) {
            if (ended) in_flight_.erase(process);
          });
}

void HostState::attach(const caf::actor& scheduler) {
  if (scheduler != scheduler_) {
    scheduler_ = scheduler;
    registered_ = false;
    registering_ = false;
    in_flight_.clear();
    ++attachment_;
  }
  if (!registered_ && !registering_) register_with_scheduler();
}

void HostState::register_with_scheduler() {
  registering_ = true;
  wire::HostRegistration registration{.host = deps_.name,
                                      .incarnation = deps_.incarnation,
                                      .protocol = wire::protocol_version,
                                      .region = deps_.region,
                                      .capacity = deps_.capacity,
                                      .processes = {}};
  for (const auto& known : deps_.runner->inventory())
    registration.processes.push_back(to_wire(known));
  self_
      ->request(scheduler_, answer_timeout, register_atom::value, std::move(registration),
                caf::actor_cast<caf::actor>(self_))
      .then(
          [this, attachment = attachment_](const wire::HostAccepted& answer) {
            if (attachment == attachment_) accepted(answer);
          },
          [this, attachment = attachment_](const caf::error& error) {
            if (attachment != attachment_) return;
            registering_ = false;
            log::event("host.refused", {{"host", deps_.name.str()},
                                        {"region", deps_.region.str()},
                                        {"reason", wire::from_caf(error).message}});
            self_->delayed_send(self_, register_again_after, attach_atom::value, scheduler_);
          });
}

void HostState::accepted(const wire::HostAccepted& answer) {
  registering_ = false;
  if (!obey(answer.epoch)) return;
  registered_ = true;
  for (const auto& process : answer.stop) {
    log::event("process.unknown_stopped", {{"process", to_string(process)}});
    deps_.environment.metrics->process_unknown_stopped(deps_.name.str());
    deps_.runner->stop(process);
  }
  // What has changed since the registration was written, and ends, which need an answer each.
  for (const auto& known : deps_.runner->inventory()) report(to_wire(known));
}

void HostState::tick() {
  self_->delayed_send(self_, tick_interval, tick_atom::value);
  deps_.runner->survey();
  if (!registered_) return;
  for (const auto& known : deps_.runner->inventory()) {
    if (known.phase == runner::Phase::ended) report(to_wire(known));
  }
}

host_actor::behavior_type run_host(HostState::Self self, HostDeps deps) {
  auto* state = &self->state;
  state->start(self, std::move(deps));
  return {
      [state](start_atom, const wire::StartProcess& order) { state->start_process(order); },
      [state](stop_atom, const wire::StopProcess& order) { state->stop_process(order); },
      [state](metrics_atom, const domain::ProcessId& process) { return state->metrics(process); },
      [state](report_atom, const wire::ProcessReport& report) { state->process_reported(report); },
      [state](attach_atom, const caf::actor& scheduler) { state->attach(scheduler); },
      [state](tick_atom) { state->tick(); },
  };
}

}  // namespace innkeeper::actors
