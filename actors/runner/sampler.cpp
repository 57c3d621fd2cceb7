#include "actors/runner/sampler.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include <unistd.h>

#include "actors/domain/limits.hpp"
#include "actors/runner/files.hpp"
#include "actors/runner/proc.hpp"
#include "actors/runner/socket_table.hpp"

namespace innkeeper::runner {
namespace {

constexpr std::size_t ended_max = 256;

struct Usage {
  std::uint64_t cpu_ticks = 0;
  std::uint64_t memory_bytes = 0;
};

Usage usage_below(pid_t root) {
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  Usage usage;
  if (const auto stat = read_stat(root)) usage.cpu_ticks += stat->cpu_ticks;
  for (const pid_t pid : descendants_of(root)) {
    if (const auto stat = read_stat(pid)) usage.cpu_ticks += stat->cpu_ticks;
    // Second number: resident pages.
    const auto statm = read_small_file("/proc/" + std::to_string(pid) + "/statm", 4096);
    const auto blank = statm ? statm->find(' ') : std::string::npos;
    if (blank != std::string::npos) {
      usage.memory_bytes += std::strtoull(statm->c_str() + blank, nullptr, 10) * page_bytes;
    }
  }
  return usage;
}

void push(std::deque<domain::MetricSample>& samples, domain::Timestamp now, double value) {
  samples.push_back({now, value});
  if (samples.size() > domain::limits::metric_samples) samples.pop_front();
}

std::vector<domain::MetricSample> to_vector(const std::deque<domain::MetricSample>& samples) {
  return {samples.begin(), samples.end()};
}

}  // namespace

void Sampler::sample(const std::vector<Subject>& subjects, domain::Timestamp now) {
  static const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto connections =
      subjects.empty() ? std::map<std::uint16_t, std::uint32_t>{} : established_connections();
  std::set<domain::ProcessId> live;
  for (const auto& subject : subjects) {
    live.insert(subject.process);
    const auto usage = usage_below(subject.root);
    double established = 0;
    for (const auto port : std::set<std::uint16_t>(subject.ports.begin(), subject.ports.end())) {
      if (const auto found = connections.find(port); found != connections.end()) {
        established += found->second;
      }
    }
    const std::lock_guard lock(mutex_);
    auto& series = series_[subject.process];
    if (series.at != domain::Timestamp{} && now > series.at) {
      const auto seconds = static_cast<double>((now - series.at).count()) / 1000.0;
      // Time of a process that ended unobserved can be missing: never below zero.
      const auto ticks = usage.cpu_ticks - std::min(usage.cpu_ticks, series.cpu_ticks);
      push(series.cpu, now, static_cast<double>(ticks) / ticks_per_second / seconds);
    }
    series.cpu_ticks = usage.cpu_ticks;
    series.at = now;
    push(series.memory, now, static_cast<double>(usage.memory_bytes));
    push(series.connections, now, established);
  }
  const std::lock_guard lock(mutex_);
  for (auto& [process, series] : series_) {
    if (!series.live || live.contains(process)) continue;
    series.live = false;
    ended_.push_back(process);
  }
  while (ended_.size() > ended_max) {
    series_.erase(ended_.front());
    ended_.pop_front();
  }
}

domain::ProcessMetrics Sampler::metrics(domain::ProcessId process) const {
  const std::lock_guard lock(mutex_);
  const auto found = series_.find(process);
  if (found == series_.end()) return {};
  const auto& series = found->second;
  return {.cpu = to_vector(series.cpu),
          .memory = to_vector(series.memory),
          .active_connections = to_vector(series.connections)};
}

}  // namespace innkeeper::runner
