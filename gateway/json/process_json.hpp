#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/domain/api.hpp"

// Processes as contract/hathora.md 2.3 and 2.9 have them on the wire.
namespace innkeeper::json {

enum class ProcessVersion : std::uint8_t {
  v2,  // the deployment as a number; without scheduledAt, bootedAt and summaryExitReason
  v3,
};

void append_process(std::string& out, const domain::ProcessView& view, ProcessVersion version);
[[nodiscard]] std::string process(const domain::ProcessView& view, ProcessVersion version);
// A bare array.
[[nodiscard]] std::string processes(const std::vector<domain::ProcessView>& views,
                                    ProcessVersion version);
// {"count": …}
[[nodiscard]] std::string process_count(std::uint64_t count);

// ProcessMetricsData; what is not set is left out. Timestamps are seconds since 1970.
struct ProcessMetricsPoints {
  std::optional<std::vector<domain::MetricSample>> cpu;
  std::optional<std::vector<domain::MetricSample>> memory;
  std::optional<std::vector<domain::MetricSample>> active_connections;
};
[[nodiscard]] std::string process_metrics(const ProcessMetricsPoints& points);

}  // namespace innkeeper::json
