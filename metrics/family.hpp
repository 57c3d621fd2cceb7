#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/metric_family.h>

#include "metrics/catalogue.hpp"
#include "metrics/histogram.hpp"

namespace innkeeper::metrics {

// One metric of the catalogue with all its series. A series is made when it is first asked for and
// lives as long as the family, so callers keep references to those that they use often.
// Thread-safe.
//
// A family holds at most `series_max` series: what comes after shares one in which every label is
// "other", so that no input can grow the page without end.
class Family {
 public:
  explicit Family(const Entry& entry);

  // Preconditions: the metric is of that type, and there is one value for each of its labels.
  prometheus::Counter& counter(const std::vector<std::string_view>& labels = {});
  prometheus::Gauge& gauge(const std::vector<std::string_view>& labels = {});
  Histogram& histogram(const std::vector<std::string_view>& labels = {});

  // Series in the order of their label values.
  [[nodiscard]] prometheus::MetricFamily collect() const;

  static constexpr std::size_t series_max = 20'000;

 private:
  struct Series {
    std::unique_ptr<prometheus::Counter> counter;
    std::unique_ptr<prometheus::Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  Series& series(const std::vector<std::string_view>& labels);
  Series& add(std::vector<std::string> values);

  const Entry& entry_;
  const std::vector<std::string> label_names_;
  mutable std::shared_mutex mutex_;  // guards the map; the series in it are thread-safe
  std::map<std::vector<std::string>, Series> series_;
};

}  // namespace innkeeper::metrics
