#include "actors/runner/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Threads, commands, and what other threads may ask. The rest of the class: worker_start.cpp
// (orders), worker_watch.cpp (from exec to end), worker_adopt.cpp (what was there before),
// worker_survey.cpp.
namespace innkeeper::runner {

Runner::Worker::Worker(RunnerOptions options, Directory directory,
                       std::unique_ptr<TlsTerminator> tls)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      tls_(std::move(tls)),
      pool_(options_.port_first, options_.port_last) {}

Runner::Worker::~Worker() {
  {
    const std::lock_guard lock(survey_mutex_);
    surveys_end_ = true;
  }
  survey_wanted_.notify_all();
  if (survey_thread_.joinable()) survey_thread_.join();
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    post([] {});
    thread_.join();
  }
}

domain::Result<void> Runner::Worker::launch() {
  thread_ = std::thread([this] { run(); });
  survey_thread_ = std::thread([this] { run_surveys(); });
  return {};
}

void Runner::Worker::post(std::function<void()> command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
}

void Runner::Worker::run_commands() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(wake_.get(), &count, sizeof count);
  std::deque<std::function<void()>> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (auto& command : commands) command();
}

void Runner::Worker::run() {
  while (true) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, wait_ms());
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == wake_.get()) {
        run_commands();
        const std::lock_guard lock(mutex_);
        // Orders that were accepted are carried out before the end.
        if (ending_ && commands_.empty()) return;
      } else if (const auto found = shims_.find(fd); found != shims_.end()) {
        on_shim_gone(found->second);
      }
    }
    if (!starting_.empty() && Clock::now() >= next_scan_) check_starting();
    if (!stopping_.empty()) check_deadlines();
  }
}

int Runner::Worker::wait_ms() const {
  if (starting_.empty()) return stopping_.empty() ? -1 : 1000;
  const auto until =
      std::chrono::ceil<std::chrono::milliseconds>(next_scan_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(until, 0, 1000));
}

std::vector<Report> Runner::Worker::inventory() const {
  const std::lock_guard lock(mutex_);
  std::vector<Report> reports;
  reports.reserve(published_.size());
  for (const auto& [id, published] : published_) reports.push_back(published.report);
  return reports;
}

void Runner::Worker::start(Order order) {
  // The ports are taken at once, so that the process is in the inventory with them from now on.
  std::optional<Ports> ports;
  {
    const std::lock_guard lock(mutex_);
    if (published_.contains(order.process)) return;
    ports = assign_ports(order);
    auto& published = published_[order.process];
    published.report.process = order.process;
    published.report.resources = {
        .cpu_millis = order.spec.requested_cpu_millis,
        .memory_mb = order.spec.requested_memory_mb,
        .ports = static_cast<std::uint32_t>(1 + order.spec.additional_ports.size())};
    if (*ports) {
      published.report.ports = exposed(**ports);
      for (const auto& port : **ports) published.local_ports.push_back(port.local_port);
    }
  }
  post([this, order = std::move(order), ports = std::move(*ports)] { begin(order, ports); });
}

void Runner::Worker::stop(domain::ProcessId process) {
  post([this, process] {
    const auto found = entries_.find(process);
    if (found != entries_.end()) begin_stop(found->second, StopCause::ordered, options_.stop_grace);
  });
}

void Runner::Worker::watch(domain::ProcessId process, Watcher watcher) {
  post([this, process, watcher = std::move(watcher)]() mutable {
    const auto found = entries_.find(process);
    if (found == entries_.end()) return;
    found->second.watcher = std::move(watcher);
    found->second.watcher(found->second.report);
  });
}

void Runner::Worker::acknowledge(domain::ProcessId process) {
  post([this, process] { acknowledge_now(process); });
}

void Runner::Worker::survey() {
  {
    const std::lock_guard lock(survey_mutex_);
    survey_due_ = true;
  }
  survey_wanted_.notify_one();
}

domain::ProcessMetrics Runner::Worker::metrics(domain::ProcessId process) const {
  return sampler_.metrics(process);
}

Runner::Usage Runner::Worker::usage() const {
  const std::lock_guard lock(mutex_);
  Usage usage;
  usage.ports_all = pool_.capacity();
  for (const auto& [id, published] : published_) {
    if (published.report.phase == Phase::ended) continue;
    ++usage.processes;
    usage.taken.cpu_millis += published.report.resources.cpu_millis;
    usage.taken.memory_mb += published.report.resources.memory_mb;
  }
  usage.taken.ports = static_cast<std::uint32_t>(pool_.used());
  return usage;
}

Runner::ScanCost Runner::Worker::scan_cost() const {
  return {.scans = scans_.load(), .microseconds = scan_microseconds_.load()};
}

void Runner::Worker::publish(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  auto& published = published_[entry.report.process];
  published.report = entry.report;
  published.shim_pid = entry.shim_pid;
  published.local_ports.clear();
  if (entry.report.phase == Phase::ended) return;
  for (const auto& port : entry.ports) published.local_ports.push_back(port.local_port);
}

void Runner::Worker::tell(Entry& entry) {
  publish(entry);
  if (entry.watcher) entry.watcher(entry.report);
}

void Runner::Worker::problem(const std::string& what) const {
  if (options_.on_problem) options_.on_problem(what);
}

void Runner::Worker::check_write(const domain::Result<void>& result) const {
  if (!result) problem(result.error().message);
}

domain::Timestamp Runner::Worker::now() const {
  if (options_.now) return options_.now();
  return std::chrono::time_point_cast<domain::Duration>(std::chrono::system_clock::now());
}

}  // namespace innkeeper::runner
