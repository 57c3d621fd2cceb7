#include "gateway/routes/resample.hpp"

#include <cstdint>

namespace innkeeper::routes {

std::vector<domain::MetricSample> resample(const std::vector<domain::MetricSample>& samples,
                                           domain::Timestamp start, domain::Timestamp end,
                                           std::chrono::seconds step) {
  const std::chrono::milliseconds width = step;
  std::vector<domain::MetricSample> points;
  std::int64_t current = -1;
  double sum = 0;
  double count = 0;
  const auto finish = [&] {
    if (count > 0) points.push_back({.at = start + current * width, .value = sum / count});
  };
  for (const domain::MetricSample& sample : samples) {
    if (sample.at < start || sample.at >= end) continue;
    const std::int64_t slot = (sample.at - start) / width;
    if (slot != current) {
      finish();
      current = slot;
      sum = 0;
      count = 0;
    }
    sum += sample.value;
    count += 1;
  }
  finish();
  return points;
}

}  // namespace innkeeper::routes
