#include "metrics/family.hpp"

#include <cstdlib>
#include <mutex>
#include <utility>

namespace innkeeper::metrics {
namespace {

prometheus::MetricType exposition_type(Type type) noexcept {
  switch (type) {
    case Type::counter:
      return prometheus::MetricType::Counter;
    case Type::gauge:
      return prometheus::MetricType::Gauge;
    case Type::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

Family::Family(const Entry& entry) : entry_(entry), label_names_(label_names(entry)) {
  if (label_names_.empty()) add({});
}

Family::Series& Family::add(std::vector<std::string> values) {
  Series& made = series_[std::move(values)];
  switch (entry_.type) {
    case Type::counter:
      if (!made.counter) made.counter = std::make_unique<prometheus::Counter>();
      break;
    case Type::gauge:
      if (!made.gauge) made.gauge = std::make_unique<prometheus::Gauge>();
      break;
    case Type::histogram:
      if (!made.histogram)
        made.histogram = std::make_unique<Histogram>(upper_bounds(entry_.buckets));
      break;
  }
  return made;
}

Family::Series& Family::series(const std::vector<std::string_view>& labels) {
  if (labels.size() != label_names_.size()) std::abort();
  std::vector<std::string> values(labels.begin(), labels.end());
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = series_.find(values); found != series_.end()) return found->second;
  }
  const std::unique_lock lock(mutex_);
  if (series_.size() >= series_max && !series_.contains(values)) {
    values.assign(values.size(), "other");
  }
  return add(std::move(values));
}

prometheus::Counter& Family::counter(const std::vector<std::string_view>& labels) {
  Series& found = series(labels);
  if (!found.counter) std::abort();
  return *found.counter;
}

prometheus::Gauge& Family::gauge(const std::vector<std::string_view>& labels) {
  Series& found = series(labels);
  if (!found.gauge) std::abort();
  return *found.gauge;
}

Histogram& Family::histogram(const std::vector<std::string_view>& labels) {
  Series& found = series(labels);
  if (!found.histogram) std::abort();
  return *found.histogram;
}

prometheus::MetricFamily Family::collect() const {
  prometheus::MetricFamily page;
  page.name = std::string(entry_.name);
  page.help = std::string(entry_.help);
  page.type = exposition_type(entry_.type);
  const std::shared_lock lock(mutex_);
  page.metric.reserve(series_.size());
  for (const auto& [values, one] : series_) {
    prometheus::ClientMetric metric;
    if (one.counter) metric = one.counter->Collect();
    if (one.gauge) metric = one.gauge->Collect();
    if (one.histogram) metric.histogram = one.histogram->collect();
    for (std::size_t i = 0; i < values.size(); ++i) {
      metric.label.push_back({label_names_[i], values[i]});
    }
    page.metric.push_back(std::move(metric));
  }
  return page;
}

}  // namespace innkeeper::metrics
