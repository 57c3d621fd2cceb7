#include "gateway/routes/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "actors/domain/limits.hpp"

namespace innkeeper::routes {
namespace {

using domain::Error;
using domain::ErrorCode;

Error invalid(std::string_view field, std::string message) {
  return {.code = ErrorCode::invalid, .message = std::move(message), .field = std::string{field}};
}
Error not_found(std::string_view what) {
  return {.code = ErrorCode::not_found, .message = std::string{what} + " not found"};
}

std::optional<std::uint64_t> read_digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

domain::Result<domain::RoomId> room_parameter(std::string_view text) {
  if (!domain::is_valid_room_id(text)) return not_found("room");
  return domain::RoomId{std::string{text}};
}

domain::Result<domain::ProcessId> process_parameter(std::string_view text) {
  const auto id = domain::parse_process_id(text);
  if (!id) return not_found("process");
  return *id;
}

domain::Result<AppInCatalog> app_parameter(const port::Core& core, std::string_view text) {
  AppInCatalog app{.catalog = core.catalog()};
  app.entry = app.catalog->find_app(domain::AppId{std::string{text}});
  if (app.entry == nullptr) return not_found("app");
  return app;
}

domain::Result<void> check_region(const port::Core& core, const domain::RegionName& region) {
  const auto served = core.regions();
  if (std::find(served.begin(), served.end(), region) != served.end()) return {};
  std::string message = served.empty() ? "is not served here; no region is" : "must be one of ";
  for (std::size_t i = 0; i < served.size(); ++i) {
    if (i != 0) message += ", ";
    message += served[i].str();
  }
  return invalid("region", std::move(message));
}

domain::Result<std::optional<domain::RoomId>> chosen_room(const Query& query) {
  auto text = query.single("roomId");
  if (!text) return text.error();
  if (!*text) return std::optional<domain::RoomId>{};
  if (!domain::is_valid_room_id(**text)) {
    return invalid("roomId", "must match [A-Za-z0-9_-]{1," +
                                 std::to_string(domain::limits::room_id_length) + "}");
  }
  return std::optional{domain::RoomId{**std::move(text)}};
}

domain::Result<std::string> idempotency_key(const http::Request& request) {
  constexpr std::string_view header = "idempotency-key";
  constexpr std::string_view field = "Idempotency-Key";
  const std::string* key = nullptr;
  for (const auto& [name, value] : request.headers) {
    if (name != header) continue;
    if (key != nullptr) return invalid(field, "is given more than once");
    key = &value;
  }
  if (key == nullptr) return std::string{};
  const bool visible =
      std::all_of(key->begin(), key->end(), [](char c) { return c > ' ' && c <= '~'; });
  if (key->empty() || key->size() > domain::limits::idempotency_key_length || !visible) {
    return invalid(field, "must be 1 to " + std::to_string(domain::limits::idempotency_key_length) +
                              " visible ASCII characters");
  }
  return *key;
}

domain::Result<std::chrono::milliseconds> wait_time(const Query& query) {
  const auto given = query.single("wait");
  if (!given) return given.error();
  if (!*given) return std::chrono::milliseconds{0};
  std::string_view digits = **given;
  std::uint64_t unit_ms = 1000;
  if (digits.ends_with("ms")) {
    digits.remove_suffix(2);
    unit_ms = 1;
  } else if (digits.ends_with('s')) {
    digits.remove_suffix(1);
  }
  constexpr auto longest = std::chrono::milliseconds{domain::limits::wait_max};
  const auto value = read_digits(digits);
  if (!value || *value > static_cast<std::uint64_t>(longest.count()) / unit_ms) {
    return invalid(
        "wait", "must be \"10s\", \"500ms\" or a whole number of seconds such as \"10\"; at most " +
                    std::to_string(domain::limits::wait_max.count()) + "s");
  }
  return std::chrono::milliseconds{*value * unit_ms};
}

domain::Result<double> read_number(std::string_view text, std::string_view field, double least,
                                   double most, std::string_view rule) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() ||
      !(value >= least && value <= most)) {
    return invalid(field, std::string{rule});
  }
  return value;
}

domain::Result<domain::ProcessFilter> process_filter(const port::Core& core,
                                                     const domain::AppId& app, const Query& query) {
  domain::ProcessFilter filter{.app = app};
  for (const std::string& text : query.all("status")) {
    const auto status = domain::parse_process_status(text);
    if (!status) {
      return invalid("status",
                     "must be one of starting, running, draining, stopping, stopped, failed");
    }
    filter.statuses.push_back(*status);
  }
  for (std::string& text : query.all("region")) {
    domain::RegionName region{std::move(text)};
    if (auto served = check_region(core, region); !served) return served.error();
    filter.regions.push_back(std::move(region));
  }
  const auto before = query.single("before");
  if (!before) return before.error();
  if (*before) {
    // The last moment of the year 9999 is the last that can be written as a date.
    constexpr double latest = 253402300799999.0;
    const auto milliseconds =
        read_number(**before, "before", 0, latest,
                    "must be a number of milliseconds since 1970, from 0 to the year 9999");
    if (!milliseconds) return milliseconds.error();
    filter.before = domain::Timestamp{
        std::chrono::milliseconds{static_cast<std::int64_t>(std::ceil(*milliseconds))}};
  }
  return filter;
}

}  // namespace innkeeper::routes
