#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <prometheus/client_metric.h>

namespace innkeeper::metrics {

// A histogram for the request path. prometheus::Histogram takes a mutex for each observation, which
// gateway threads would fight for; here each thread adds to one of a few shards without any lock.
// Thread-safe. A page that is made while observations go on may hold one of them in its count and
// not yet in its sum; counts never go back.
class Histogram {
 public:
  // `bounds` are ascending upper bounds and outlive the histogram; at most `buckets_max` of them.
  explicit Histogram(const std::vector<double>& bounds);
  void observe(double value) noexcept;
  [[nodiscard]] prometheus::ClientMetric::Histogram collect() const;

  static constexpr std::size_t buckets_max = 15;

 private:
  static constexpr std::size_t shard_count = 4;
  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, buckets_max + 1> counts{};  // the last one is +Inf
    std::atomic<double> sum{0};
  };
  const std::vector<double>& bounds_;
  std::unique_ptr<std::array<Shard, shard_count>> shards_;
};

}  // namespace innkeeper::metrics
