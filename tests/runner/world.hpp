#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/runner/runner.hpp"

// Real processes for tests: a runner in a temporary directory, its reports in the order in which
// they came, and waiting for real events with a deadline.
namespace innkeeper::runner::testing {

inline constexpr auto patience = std::chrono::seconds(30);

// A folder that is removed at the end, with all processes that have been started in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

[[nodiscard]] domain::ProcessId process_id(std::uint64_t number);
// The echo server with these environment switches.
[[nodiscard]] Order echo_order(std::uint64_t number, std::map<std::string, std::string> env = {});
// Ports that other tests, which may run at the same time, do not use.
[[nodiscard]] RunnerOptions options_in(const std::string& folder);

class World {
 public:
  explicit World(std::function<void(RunnerOptions&)> adjust = {});
  ~World();

  [[nodiscard]] Runner& runner() { return *runner_; }
  [[nodiscard]] const RunnerOptions& options() const { return options_; }
  [[nodiscard]] std::string folder_of(domain::ProcessId process) const;

  // Starts and watches.
  void start(const Order& order);
  void watch(domain::ProcessId process);
  // The last report of the process, once `wanted` is true of it; nothing after the deadline.
  std::optional<Report> wait(domain::ProcessId process,
                             const std::function<bool(const Report&)>& wanted);
  std::optional<Report> wait_phase(domain::ProcessId process, Phase phase);
  [[nodiscard]] std::vector<UnknownProcess> unknown();
  bool wait_unknown(std::size_t count);
  [[nodiscard]] std::vector<std::string> problems();
  [[nodiscard]] std::vector<Report> reports(domain::ProcessId process);

  // Destroys the runner; processes go on. Then a new one in the same directory.
  void close();
  void reopen();

 private:
  struct Seen {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<domain::ProcessId, std::vector<Report>> reports;
    std::vector<UnknownProcess> unknown;
    std::vector<std::string> problems;
  };
  TemporaryFolder folder_;
  RunnerOptions options_;
  std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
  std::unique_ptr<Runner> runner_;
};

// Sends a line by TCP (UDP) to a port of this machine and returns the answer, up to a line with a
// dot for the commands that end so. Empty when nobody answers.
[[nodiscard]] std::string ask_tcp(std::uint16_t port, const std::string& line, bool to_dot = false,
                                  const std::string& address = "127.0.0.1");
[[nodiscard]] std::string ask_udp(std::uint16_t port, const std::string& line);

// True once `condition` holds; false after the deadline.
bool eventually(const std::function<bool()>& condition);
[[nodiscard]] bool alive(std::int64_t pid);

}  // namespace innkeeper::runner::testing
