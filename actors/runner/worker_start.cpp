#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runner/launch_plan.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/worker.hpp"

// From an order to a shim that runs.
namespace innkeeper::runner {
namespace {

constexpr std::int64_t open_files_max = 65'536;
// Added to the score by which the kernel chooses whom to kill when memory runs out (proc(5)):
// servers go before Innkeeper and the shims.
constexpr std::int64_t oom_score_adj = 300;

// Far above what was asked for: it stops a runaway server before it takes the machine, not one that
// is a little too large. See README.md for why RLIMIT_DATA and not RLIMIT_AS.
std::int64_t data_bytes_max(std::uint32_t requested_mb) {
  return (std::int64_t{requested_mb} * 4 + 1024) * 1024 * 1024;
}

}  // namespace

Runner::Worker::Ports Runner::Worker::assign_ports(const Order& order) {
  if (auto fault = find_fault(order, tls_ != nullptr); !fault.empty()) {
    return domain::Error{
        .code = domain::ErrorCode::invalid, .message = std::move(fault), .field = {}};
  }
  const auto& spec = order.spec;
  auto numbers = pool_.take(1 + spec.additional_ports.size());
  if (!numbers) return numbers.error();
  std::vector<AssignedPort> ports;
  const auto local_port_taken = [&](std::uint16_t port) {
    const auto is_it = [&](const AssignedPort& other) { return other.local_port == port; };
    return std::any_of(ports.begin(), ports.end(), is_it) ||
           std::any_of(published_.begin(), published_.end(), [&](const auto& entry) {
             const auto& used = entry.second.local_ports;
             return std::find(used.begin(), used.end(), port) != used.end();
           });
  };
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    const auto& wanted = i == 0 ? spec.default_port : spec.additional_ports[i - 1];
    AssignedPort port{.name = i == 0 ? "default" : wanted.name,
                      .transport = wanted.transport,
                      .public_port = (*numbers)[i],
                      .local_port = (*numbers)[i]};
    if (port.transport == domain::Transport::tls) {
      port.local_port = free_loopback_port();
      for (int tries = 0; tries < 20 && local_port_taken(port.local_port); ++tries) {
        port.local_port = free_loopback_port();
      }
      if (port.local_port == 0 || local_port_taken(port.local_port)) {
        for (const auto number : *numbers) pool_.give_back(number);
        return domain::Error{
            .code = domain::ErrorCode::refused,
            .message = "no free port on the loopback address for transport \"tls\"",
            .field = {}};
      }
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

std::vector<domain::ExposedPort> Runner::Worker::exposed(
    const std::vector<AssignedPort>& ports) const {
  std::vector<domain::ExposedPort> result;
  for (const auto& port : ports) {
    result.push_back({.name = port.name,
                      .host = options_.public_address,
                      .port = port.public_port,
                      .transport = port.transport});
  }
  return result;
}

void Runner::Worker::begin(const Order& order, const Ports& ports) {
  const auto folder = directory_.folder(order.process);
  if (::access(folder.path().c_str(), F_OK) == 0) {
    // It ended long ago and the order is a late repetition. Its old ports are not what was just
    // taken.
    if (ports) {
      const std::lock_guard lock(mutex_);
      for (const auto& port : *ports) pool_.give_back(port.public_port);
    }
    remember_again(order.process);
    return;
  }
  auto& entry = entries_.emplace(order.process, Entry(folder)).first->second;
  entry.report.process = order.process;
  entry.report.resources = {
      .cpu_millis = order.spec.requested_cpu_millis,
      .memory_mb = order.spec.requested_memory_mb,
      .ports = static_cast<std::uint32_t>(1 + order.spec.additional_ports.size())};
  entry.command = order.spec.command.empty() ? "" : order.spec.command.front();
  entry.accepted_at = Clock::now();
  entry.start_deadline = entry.accepted_at + options_.start_timeout;
  if (ports) {
    entry.ports = *ports;
    entry.report.ports = exposed(*ports);
  }
  // An order that cannot be carried out gets a directory too, so that its end is kept until it is
  // known.
  auto result = prepare(order, entry);
  if (result && !ports) result = ports.error();
  if (result) result = spawn(order, entry);
  if (!result) {
    // Ports that other programs have taken are a lack of capacity, not a command that does not start.
    const auto reason = result.error().code == domain::ErrorCode::overloaded
                            ? domain::ExitReason::no_capacity
                            : domain::ExitReason::start_failed;
    finish(entry, {reason, one_line(result.error().message)});
    return;
  }
  starting_.push_back(order.process);
  next_scan_ = Clock::now();
  publish(entry);
}

domain::Result<void> Runner::Worker::prepare(const Order& order, Entry& entry) const {
  if (auto created = entry.folder.create(); !created) return created;
  const FolderRecord record{.process = order.process,
                            .app = order.app,
                            .deployment = order.deployment,
                            .command = entry.command,
                            .ports = entry.ports,
                            .resources = entry.report.resources,
                            .created_at = now()};
  return entry.folder.write_record(record);
}

domain::Result<void> Runner::Worker::spawn(const Order& order, Entry& entry) {
  if (auto written = entry.folder.write(files::spec, make_spec(order, entry)); !written)
    return written;
  if (const auto failed = open_public_ports(entry.ports)) {
    ::unlink(entry.folder.file(files::spec).c_str());
    return domain::Error{.code = domain::ErrorCode::refused, .message = *failed, .field = {}};
  }
  const auto pid =
      spawn_shim(options_.shim, entry.folder.path(), to_string(order.process), options_.node);
  if (!pid) {
    ::unlink(entry.folder.file(files::spec).c_str());
    return pid.error();
  }
  // As our child that nobody has waited for, the number cannot have been given to another process.
  entry.shim_pid = *pid;
  entry.shim = open_child(*pid);
  if (!wait_for_shim(entry)) {
    const int error = errno;
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    entry.shim.reset();
    return domain::Error{.code = domain::ErrorCode::unavailable,
                         .message = "could not watch the shim: " + errno_text(error),
                         .field = {}};
  }
  return {};
}

bool Runner::Worker::wait_for_shim(Entry& entry) {
  if (!entry.shim.valid()) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = entry.shim.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, entry.shim.get(), &event) != 0) return false;
  shims_[entry.shim.get()] = entry.report.process;
  return true;
}

KeyValues Runner::Worker::make_spec(const Order& order, const Entry& entry) const {
  const Surroundings surroundings{.node = options_.node,
                                  .public_address = options_.public_address,
                                  .private_address = options_.private_address,
                                  .process_directory = entry.folder.path(),
                                  .work_folder = entry.folder.file(files::work)};
  KeyValues spec;
  spec.add(files::key_format, files::format);
  for (const auto& text : make_arguments(order.spec.command, entry.ports)) {
    spec.add(files::key_argument, text);
  }
  for (const auto& text : make_environment(order, entry.ports, surroundings)) {
    spec.add(files::key_environment, text);
  }
  spec.add(files::key_log_bytes, static_cast<std::int64_t>(options_.log_bytes));
  spec.add(files::key_grace_ms, std::int64_t{options_.stop_grace.count()});
  spec.add(files::key_open_files, open_files_max);
  if (options_.limit_memory) {
    spec.add(files::key_data_bytes, data_bytes_max(order.spec.requested_memory_mb));
  }
  spec.add(files::key_oom_score, oom_score_adj);
  return spec;
}

std::optional<std::string> Runner::Worker::open_public_ports(
    const std::vector<AssignedPort>& ports) {
  for (const auto& port : ports) {
    if (port.transport != domain::Transport::tls) continue;
    if (!tls_) return "transport \"tls\" needs [host.tls] cert_file and key_file on this host";
    if (const auto added = tls_->add(port.public_port, port.local_port); !added) {
      return added.error().message;
    }
  }
  return std::nullopt;
}

}  // namespace innkeeper::runner
