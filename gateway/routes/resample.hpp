#pragma once

#include <chrono>
#include <vector>

#include "actors/domain/api.hpp"

namespace innkeeper::routes {

// One point for each step of [start, end) that has samples: the mean of the samples in the step, at
// the step's beginning. Oldest first, as `samples` must be. Preconditions: step > 0, start <= end.
[[nodiscard]] std::vector<domain::MetricSample> resample(
    const std::vector<domain::MetricSample>& samples, domain::Timestamp start,
    domain::Timestamp end, std::chrono::seconds step);

}  // namespace innkeeper::routes
