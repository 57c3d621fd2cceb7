#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <sys/types.h>

#include "actors/domain/api.hpp"
#include "actors/domain/ids.hpp"
#include "actors/domain/time.hpp"

namespace innkeeper::runner {

// The last hour of what processes use, for limits::metric_samples samples each. Thread-safe.
class Sampler {
 public:
  struct Subject {
    domain::ProcessId process;
    pid_t root = 0;  // the shim; itself not counted in memory, its waited-for children in CPU time
    std::vector<std::uint16_t> ports;
  };

  // One sample of each subject from /proc. CPU is known from the second sample on. Memory is the
  // sum of the resident sizes, so pages that a process shares with its children count more than
  // once. Samples of processes that are no longer among the subjects are kept for the last few
  // hundred of them.
  void sample(const std::vector<Subject>& subjects, domain::Timestamp now);

  // Empty for a process that was never sampled.
  [[nodiscard]] domain::ProcessMetrics metrics(domain::ProcessId process) const;

 private:
  struct Series {
    std::deque<domain::MetricSample> cpu;
    std::deque<domain::MetricSample> memory;
    std::deque<domain::MetricSample> connections;
    std::uint64_t cpu_ticks = 0;
    domain::Timestamp at{};
    bool live = true;
  };
  mutable std::mutex mutex_;
  std::unordered_map<domain::ProcessId, Series> series_;
  std::deque<domain::ProcessId> ended_;  // oldest first
};

}  // namespace innkeeper::runner
