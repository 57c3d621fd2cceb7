#include "metrics/histogram.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace innkeeper::metrics {
namespace {

std::size_t thread_number() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace

Histogram::Histogram(const std::vector<double>& bounds)
    : bounds_(bounds), shards_(std::make_unique<std::array<Shard, shard_count>>()) {
  if (bounds.size() > buckets_max) std::abort();
}

void Histogram::observe(double value) noexcept {
  // A value that is not a number would make the sum useless for ever.
  if (!(value >= 0) || value == std::numeric_limits<double>::infinity()) return;
  Shard& shard = (*shards_)[thread_number() % shard_count];
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  shard.counts[static_cast<std::size_t>(at - bounds_.begin())].fetch_add(1,
                                                                         std::memory_order_relaxed);
  double sum = shard.sum.load(std::memory_order_relaxed);
  while (!shard.sum.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
  }
}

prometheus::ClientMetric::Histogram Histogram::collect() const {
  prometheus::ClientMetric::Histogram result;
  result.bucket.reserve(bounds_.size() + 1);
  for (const Shard& shard : *shards_) {
    result.sample_sum += shard.sum.load(std::memory_order_relaxed);
  }
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    for (const Shard& shard : *shards_) {
      total += shard.counts[i].load(std::memory_order_relaxed);
    }
    const double bound = i < bounds_.size() ? bounds_[i] : std::numeric_limits<double>::infinity();
    result.bucket.push_back({total, bound});
  }
  result.sample_count = total;
  return result;
}

}  // namespace innkeeper::metrics
