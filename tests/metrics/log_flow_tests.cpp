#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "metrics/log.hpp"
#include "metrics/seldom.hpp"

namespace innkeeper::log {
namespace {

// Gathers lines instead of writing them; puts everything back at the end.
class Capture {
 public:
  Capture() {
    set_sink([this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    });
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    set_sink({});
    set_counter({});
    set_level(Level::info);
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

bool ends_with(const std::string& line, const std::string& end) {
  return line.size() >= end.size() && line.compare(line.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST_CASE("an event is written with its declared level unless that is too low") {
  Capture capture;
  event("node.ready", {{"url", "http://x"}});
  event("room.created", {{"room", "r"}});
  set_level(Level::debug);
  event("room.created", {{"room", "r"}});
  set_level(Level::error);
  event("actor.restarted", {{"actor", "room"}});
  event("store.commit_failed");
  const auto lines = capture.lines();
  REQUIRE(lines.size() == 3);
  CHECK(ends_with(lines[0], " info node.ready url=http://x"));
  CHECK(ends_with(lines[1], " debug room.created room=r"));
  CHECK(ends_with(lines[2], " error store.commit_failed"));
}

TEST_CASE("the counter hears the level of each line that is written, and of no other") {
  Capture capture;
  std::vector<Level> levels;
  set_counter([&levels](Level level) { levels.push_back(level); });
  event("node.ready");
  event("room.created");
  event("process.start_failed");
  CHECK(levels == std::vector<Level>{Level::info, Level::warning});
}

TEST_CASE("lines of one event are bounded in a second, and what is left out is told") {
  Capture capture;
  const int sent = 20'000;
  for (int i = 0; i < sent; ++i) event("http.connection_refused", {{"n", i}});
  event("node.ready");
  const auto lines = capture.lines();
  const auto refused = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find(" http.connection_refused ") != std::string::npos;
  });
  CHECK(refused >= 1'000);
  CHECK(refused < sent);
  CHECK(ends_with(lines.back(), " info node.ready"));
}

TEST_CASE("of what happens too often one passes in each pause, and says for how many it stands") {
  using namespace std::chrono_literals;
  Seldom seldom{10s};
  const Seldom::Clock::time_point start{1h};
  CHECK(seldom.pass(start) == 1);
  CHECK(seldom.pass(start) == 0);
  CHECK(seldom.pass(start + 9s) == 0);
  CHECK(seldom.pass(start + 10s) == 3);
  CHECK(seldom.pass(start + 11s) == 0);
  CHECK(seldom.pass(start + 60s) == 2);
}

TEST_CASE("lines of many threads do not run into each other") {
  Capture capture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i)
        event("process.started", {{"thread", t}, {"text", std::string(500, 'a')}});
    });
  }
  for (std::thread& one : threads) one.join();
  const auto lines = capture.lines();
  CHECK(lines.size() == 400);
  for (const std::string& line : lines) CHECK(ends_with(line, " text=" + std::string(500, 'a')));
}

TEST_CASE("without a sink a line goes to standard error in one piece") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int kept = ::dup(STDERR_FILENO);
  REQUIRE(::dup2(ends[1], STDERR_FILENO) >= 0);
  event("node.ready", {{"url", "http://x"}});
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  ::close(ends[1]);
  char buffer[256];
  const ssize_t n = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  REQUIRE(n > 0);
  CHECK(ends_with(std::string(buffer, static_cast<std::size_t>(n)),
                  " info node.ready url=http://x\n"));
}

TEST_CASE("every event has an id of two words, a meaning, and a line in the reference") {
  std::set<std::string> ids;
  const std::string text = describe_log_events_markdown();
  for (const EventDescription& one : describe()) {
    INFO(one.id);
    CHECK(ids.insert(one.id).second);
    CHECK(std::count(one.id.begin(), one.id.end(), '.') == 1);
    CHECK(one.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz._") == std::string::npos);
    CHECK(one.meaning.size() > 10);
    CHECK(text.find("| `" + one.id + "` | " + to_string(one.level) + " |") != std::string::npos);
  }
  for (const std::string needed :
       {"node.ready", "node.starting", "node.stopping", "node.stopped"}) {
    CHECK(ids.contains(needed));
  }
}

}  // namespace innkeeper::log
