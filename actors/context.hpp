#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "actors/domain/time.hpp"
#include "actors/interfaces.hpp"
#include "metrics/metrics.hpp"

namespace innkeeper::actors {

// Time and randomness come from here and nowhere else.
struct Environment {
  std::function<domain::Timestamp()> now;         // wall clock
  std::function<std::uint64_t()> random;          // unpredictable outside of tests
  std::shared_ptr<metrics::Metrics> metrics;
};

// What every room of a region needs, shared by all of them.
struct RegionContext {
  Environment environment;
  LeasePtr lease;
  store_actor store;
  region_scheduler_actor scheduler;
  bool connection_info_resumes = true;  // of a suspended room
};
using RegionContextPtr = std::shared_ptr<const RegionContext>;

// Measures how long a handler is busy, one call in sixteen, for the `stage` metric.
class StageTimer {
 public:
  StageTimer(metrics::Metrics& metrics, const char* stage, std::uint32_t& calls)
      : metrics_(++calls % 16 == 0 ? &metrics : nullptr), stage_(stage) {
    if (metrics_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~StageTimer() {
    if (metrics_ == nullptr) return;
    const auto busy = std::chrono::steady_clock::now() - start_;
    metrics_->stage(stage_, std::chrono::duration<double>(busy).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  metrics::Metrics* metrics_;
  const char* stage_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace innkeeper::actors
