#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "actors/runner/directory.hpp"
#include "actors/runner/os_process.hpp"
#include "actors/runner/port_pool.hpp"
#include "actors/runner/process_folder.hpp"
#include "actors/runner/runner.hpp"
#include "actors/runner/sampler.hpp"
#include "actors/runner/tls_terminator.hpp"

namespace innkeeper::runner {

// The inside of a Runner. One thread carries out commands and waits for shims and timers; a second
// one does what may take long (samples, the search for unknown processes, removal of old
// directories).
class Runner::Worker {
 public:
  Worker(RunnerOptions options, Directory directory, std::unique_ptr<TlsTerminator> tls);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  [[nodiscard]] domain::Result<void> adopt_all();  // before launch()
  [[nodiscard]] domain::Result<void> launch();

  [[nodiscard]] std::vector<Report> inventory() const;
  void start(Order order);
  void stop(domain::ProcessId process);
  void watch(domain::ProcessId process, Watcher watcher);
  void acknowledge(domain::ProcessId process);
  void survey();
  [[nodiscard]] domain::ProcessMetrics metrics(domain::ProcessId process) const;
  [[nodiscard]] Usage usage() const;
  [[nodiscard]] ScanCost scan_cost() const;

 private:
  using Clock = std::chrono::steady_clock;

  // One process; touched by the worker's thread only.
  struct Entry {
    explicit Entry(ProcessFolder its_folder) : folder(std::move(its_folder)) {}
    ProcessFolder folder;
    Report report;
    std::vector<AssignedPort> ports;
    std::string command;
    UniqueFd shim;  // pidfd; invalid when it has ended
    pid_t shim_pid = 0;
    StopCause stop = StopCause::none;
    bool ran = false;
    Clock::time_point accepted_at{};
    Clock::time_point start_deadline{};
    std::optional<Clock::time_point> stuck_at;  // when a shim that was told to stop is given up
    Watcher watcher;
  };

  // What other threads may know of it.
  struct Published {
    Report report;
    pid_t shim_pid = 0;
    std::vector<std::uint16_t> local_ports;
  };

  // Commands, run on the worker's thread.
  void post(std::function<void()> command);
  void run();
  void run_commands();
  using Ports = domain::Result<std::vector<AssignedPort>>;
  void begin(const Order& order, const Ports& ports);
  [[nodiscard]] domain::Result<void> prepare(const Order& order, Entry& entry) const;
  [[nodiscard]] domain::Result<void> spawn(const Order& order, Entry& entry);
  void remember_again(domain::ProcessId process);
  void begin_stop(Entry& entry, StopCause cause, domain::Duration grace);
  void check_starting();
  void check_deadlines();
  void refresh_pids();
  void on_shim_gone(domain::ProcessId process);
  void on_running(Entry& entry);
  void finish(Entry& entry, const Outcome& outcome);
  void acknowledge_now(domain::ProcessId process);
  [[nodiscard]] int wait_ms() const;
  [[nodiscard]] bool wait_for_shim(Entry& entry);

  // Adoption.
  void adopt(domain::ProcessId process, const std::vector<MarkedProcess>& marked,
             const std::string& boot);
  [[nodiscard]] UniqueFd find_shim(Entry& entry, const std::vector<MarkedProcess>& marked,
                                   const std::string& boot);
  [[nodiscard]] KeyValues make_spec(const Order& order, const Entry& entry) const;
  [[nodiscard]] std::optional<std::string> open_public_ports(
      const std::vector<AssignedPort>& ports);
  [[nodiscard]] Circumstances circumstances(const Entry& entry) const;

  // The second thread.
  void run_surveys();
  void stop_unknown();
  void clean_up();

  void publish(const Entry& entry);
  void tell(Entry& entry);
  void problem(const std::string& what) const;
  void check_write(const domain::Result<void>& result) const;
  [[nodiscard]] domain::Timestamp now() const;
  // With the mutex held.
  [[nodiscard]] Ports assign_ports(const Order& order);
  [[nodiscard]] std::vector<domain::ExposedPort> exposed(
      const std::vector<AssignedPort>& ports) const;

  RunnerOptions options_;
  Directory directory_;
  std::unique_ptr<TlsTerminator> tls_;
  Sampler sampler_;

  mutable std::mutex mutex_;  // guards what follows
  PortPool pool_;
  std::unordered_map<domain::ProcessId, Published> published_;
  std::deque<std::function<void()>> commands_;
  bool ending_ = false;

  std::unordered_map<domain::ProcessId, Entry> entries_;
  std::unordered_map<int, domain::ProcessId> shims_;  // by pidfd
  std::vector<domain::ProcessId> starting_;           // not bound yet, and not told to stop
  std::vector<domain::ProcessId> stopping_;
  Clock::time_point next_scan_{};
  std::atomic<std::uint64_t> scans_{0};
  std::atomic<std::uint64_t> scan_microseconds_{0};
  UniqueFd epoll_;
  UniqueFd wake_;
  std::thread thread_;

  std::mutex survey_mutex_;
  std::condition_variable survey_wanted_;
  bool survey_due_ = false;
  bool surveys_end_ = false;
  std::optional<Clock::time_point> cleaned_at_;
  std::unordered_map<std::string, Clock::time_point> warned_;  // unknown processes that got SIGTERM
  std::thread survey_thread_;
};

}  // namespace innkeeper::runner
