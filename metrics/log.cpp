#include "metrics/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

#include <unistd.h>

#include "metrics/log_text.hpp"

namespace innkeeper::log {
namespace {

struct EventFacts {
  std::string_view id;
  Level level;
  std::string_view meaning;
};

constexpr EventFacts facts[] = {
#define INNKEEPER_LOG_EVENT(id, level, meaning) {id, Level::level, meaning},
#include "metrics/log_events.def"
#undef INNKEEPER_LOG_EVENT
};
constexpr std::size_t event_count = std::size(facts);

static_assert(std::is_sorted(std::begin(facts), std::end(facts),
                             [](const EventFacts& a, const EventFacts& b) { return a.id < b.id; }),
              "log_events.def is sorted by id, because events are found by binary search");

// A client that can provoke a line must not be able to fill a disk: of one event, so many lines a
// second.
constexpr std::uint32_t lines_per_second = 1'000;
constexpr std::size_t no_event = event_count;

struct Throttle {
  std::atomic<std::int64_t> second{0};
  std::atomic<std::uint32_t> written{0};
  std::atomic<std::uint64_t> suppressed{0};
};

struct Output {
  std::atomic<Level> least{Level::info};
  std::array<Throttle, event_count + 1> throttles;
  std::mutex mutex;  // guards the functions below
  std::shared_ptr<const std::function<void(std::string_view)>> sink;
  std::shared_ptr<const std::function<void(Level)>> counter;
};

// Never destroyed: threads and destructors of static objects may still log while the program ends.
Output& output() {
  static Output* const instance = new Output;
  return *instance;
}

std::size_t find(std::string_view id) {
  const auto* const at = std::lower_bound(
      std::begin(facts), std::end(facts), id,
      [](const EventFacts& entry, std::string_view wanted) { return entry.id < wanted; });
  return at != std::end(facts) && at->id == id
             ? static_cast<std::size_t>(std::distance(std::begin(facts), at))
             : no_event;
}

void write_all(std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return;  // nobody is left to tell
    }
    line.remove_prefix(static_cast<std::size_t>(n));
  }
}

void emit(std::string_view id, Level level, const timespec& now, const Field* first,
          std::size_t count) {
  const std::string line = format_line(now, level, id, first, count);
  std::shared_ptr<const std::function<void(std::string_view)>> sink;
  std::shared_ptr<const std::function<void(Level)>> counter;
  {
    const std::lock_guard lock(output().mutex);
    sink = output().sink;
    counter = output().counter;
  }
  if (sink) {
    (*sink)(std::string_view(line).substr(0, line.size() - 1));
  } else {
    write_all(line);
  }
  if (counter) (*counter)(level);
}

// True when the line may be written. The first line of a new second also gives back how many lines
// were left out before it.
bool admit(Throttle& throttle, std::int64_t second, std::uint64_t& suppressed) {
  std::int64_t seen = throttle.second.load(std::memory_order_relaxed);
  if (seen != second &&
      throttle.second.compare_exchange_strong(seen, second, std::memory_order_relaxed)) {
    throttle.written.store(0, std::memory_order_relaxed);
    suppressed = throttle.suppressed.exchange(0, std::memory_order_relaxed);
  }
  if (throttle.written.fetch_add(1, std::memory_order_relaxed) < lines_per_second) return true;
  throttle.suppressed.fetch_add(1, std::memory_order_relaxed);
  return false;
}

[[noreturn]] void undeclared(std::string_view id) {
  std::fprintf(stderr, "log event \"%.*s\" is not declared in metrics/log_events.def\n",
               static_cast<int>(id.size()), id.data());
  std::abort();
}

}  // namespace

Field::Field(std::string_view k, std::string_view v) : key(k), value(v) {}
Field::Field(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
Field::Field(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
Field::Field(std::string_view k, double v) : key(k) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
  value.assign(buffer.data(), end.ptr);
}

void event(std::string_view id, std::initializer_list<Field> fields) {
  const std::size_t index = find(id);
  if (index == no_event) {
#ifndef NDEBUG
    undeclared(id);
#else
    static_cast<void>(undeclared);
#endif
  }
  const Level level = index == no_event ? Level::warning : facts[index].level;
  Output& out = output();
  if (!enabled(level)) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::uint64_t suppressed = 0;
  const bool admitted = admit(out.throttles[index], now.tv_sec, suppressed);
  if (suppressed > 0) {
    const std::array<Field, 2> about{Field("event", id), Field("lines", suppressed)};
    emit("log.suppressed", Level::warning, now, about.data(), about.size());
  }
  if (admitted) emit(id, level, now, fields.begin(), fields.size());
}

bool enabled(Level level) noexcept {
  return level >= output().least.load(std::memory_order_relaxed);
}

void set_level(Level least) { output().least.store(least, std::memory_order_relaxed); }

void set_sink(std::function<void(std::string_view line)> sink) {
  auto shared = sink
                    ? std::make_shared<const std::function<void(std::string_view)>>(std::move(sink))
                    : nullptr;
  const std::lock_guard lock(output().mutex);
  output().sink = std::move(shared);
}

void set_counter(std::function<void(Level)> counter) {
  auto shared =
      counter ? std::make_shared<const std::function<void(Level)>>(std::move(counter)) : nullptr;
  const std::lock_guard lock(output().mutex);
  output().counter = std::move(shared);
}

std::vector<EventDescription> describe() {
  std::vector<EventDescription> all;
  all.reserve(event_count);
  for (const EventFacts& entry : facts) {
    all.push_back({std::string(entry.id), entry.level, std::string(entry.meaning)});
  }
  return all;
}

std::string describe_log_events_markdown() {
  std::string text =
      "# Log events\n\n"
      "One line an event on standard error: time (UTC), level, event id, `key=value` pairs. Values "
      "with\n"
      "blanks, quotes, `=` or control characters are quoted.\n\n"
      "| event | level | meaning |\n|---|---|---|\n";
  for (const EventFacts& entry : facts) {
    text.append("| `").append(entry.id).append("` | ").append(to_string(entry.level));
    text.append(" | ").append(entry.meaning).append(" |\n");
  }
  return text;
}

}  // namespace innkeeper::log
