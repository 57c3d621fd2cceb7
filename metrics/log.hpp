#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace innkeeper::log {

// Logs are lines on standard error: time, level, event id, key=value (contract/cli-config.md).
enum class Level : std::uint8_t { debug, info, warning, error };
[[nodiscard]] const char* to_string(Level level) noexcept;

// One `key=value`. The value is quoted when it holds blanks, quotes or control characters, so that a log
// line can neither be split nor forged by what a client sends. Never pass a secret.
struct Field {
  Field(std::string_view k, std::string_view v);
  Field(std::string_view k, const char* v) : Field(k, std::string_view{v}) {}
  Field(std::string_view k, const std::string& v) : Field(k, std::string_view{v}) {}
  Field(std::string_view k, std::int64_t v);
  Field(std::string_view k, std::uint64_t v);
  Field(std::string_view k, int v) : Field(k, static_cast<std::int64_t>(v)) {}
  Field(std::string_view k, unsigned v) : Field(k, static_cast<std::uint64_t>(v)) {}
  Field(std::string_view k, double v);
  std::string_view key;
  std::string value;
};

// Every event id is declared in metrics/log_events.def (id, level, meaning); an event that is not there is
// a broken invariant in tests and is logged as it is in release. Of one event at most 1000 lines a second
// are written; how many were left out is logged. Thread-safe.
void event(std::string_view id, std::initializer_list<Field> fields = {});

void set_level(Level least);
// True when events of this level are written: spares the work for fields that nobody would see.
[[nodiscard]] bool enabled(Level level) noexcept;
// Replaces standard error, for tests; an empty function puts it back.
void set_sink(std::function<void(std::string_view line)> sink);
// Called with the level of each line that is written, so that lines can be counted.
void set_counter(std::function<void(Level)> counter);

struct EventDescription {
  std::string id;
  Level level = Level::info;
  std::string meaning;
};
[[nodiscard]] std::vector<EventDescription> describe();  // sorted by id
// The reference of all events as Markdown (`innkeeper describe log-events`).
[[nodiscard]] std::string describe_log_events_markdown();

}  // namespace innkeeper::log
