#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The facts of every metric, from metrics/catalogue.def: the only place where names are spelled.
namespace innkeeper::metrics {

enum class Id : std::uint8_t {
#define INNKEEPER_METRIC(id, name, type, labels, buckets, help) id,
#include "metrics/catalogue.def"
#undef INNKEEPER_METRIC
};

enum class Type : std::uint8_t { counter, gauge, histogram };
[[nodiscard]] const char* to_string(Type type) noexcept;

// Which upper bounds a histogram has.
enum class Buckets : std::uint8_t {
  none,     // not a histogram
  latency,  // 250 us to 60 s: what a client or the store waits for
  slow,     // 5 ms to 10 min: starts of processes, waiting for capacity
  batch,    // 1 to 512, by doubling
};
[[nodiscard]] const std::vector<double>& upper_bounds(Buckets buckets);

struct Entry {
  std::string_view name;
  Type type = Type::gauge;
  std::string_view labels;  // separated by commas
  Buckets buckets = Buckets::none;
  std::string_view help;
};
// In the order of Id.
[[nodiscard]] const std::vector<Entry>& catalogue();
[[nodiscard]] const Entry& entry(Id id);
[[nodiscard]] std::vector<std::string> label_names(const Entry& entry);

// The values of labels whose set is closed. Series for all of them exist from the start, so that a
// rate over the first event is right and an alert on something that never happened is 0 and not
// absent. Spelled as domain::to_string of the type in question spells them.
[[nodiscard]] const std::vector<std::string_view>& room_statuses();
[[nodiscard]] const std::vector<std::string_view>& process_statuses();
[[nodiscard]] const std::vector<std::string_view>& exit_reasons();
[[nodiscard]] const std::vector<std::string_view>& end_reasons();
[[nodiscard]] const std::vector<std::string_view>& actor_kinds();
[[nodiscard]] const std::vector<std::string_view>& log_levels();
[[nodiscard]] const std::vector<std::string_view>& stages();

}  // namespace innkeeper::metrics
