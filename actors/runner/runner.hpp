#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/ids.hpp"
#include "actors/domain/result.hpp"
#include "actors/runner/types.hpp"

namespace innkeeper::runner {

// Runs the server processes of one host. They do not depend on it: when it goes away, by its
// destructor or by kill -9, they go on, and the next runner of the same directory adopts them.
// Thread-safe; no call waits for a process.
class Runner {
 public:
  using Watcher = std::function<void(const Report&)>;

  // Takes over `options.directory`, adopts what runs and judges what has ended since. `refused`
  // when another runner holds the directory or TLS files cannot be used, `unavailable` when it
  // cannot be read or written.
  [[nodiscard]] static domain::Result<std::unique_ptr<Runner>> open(RunnerOptions options);
  // Processes go on.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // All processes but those whose end was acknowledged.
  [[nodiscard]] std::vector<Report> inventory() const;

  // Accepts an order; what comes of it is reported. An order for a process that is known is
  // ignored.
  void start(Order order);
  // SIGTERM, the grace, SIGKILL. Unknown and ended processes are ignored.
  void stop(domain::ProcessId process);
  // Calls `watcher` with what is known now and then with each change, on the runner's thread, in
  // order. It replaces an earlier watcher of that process, must not throw and must not block.
  void watch(domain::ProcessId process, Watcher watcher);
  // The end of this process is recorded elsewhere: it leaves the inventory.
  void acknowledge(domain::ProcessId process);

  // Takes a sample of each process, stops processes that no record knows, and removes directories
  // whose retention is over; in the background. Called every ten seconds.
  void survey();
  // The last hour of a process; empty when it is not known.
  [[nodiscard]] domain::ProcessMetrics metrics(domain::ProcessId process) const;

  struct Usage {
    domain::Resources taken;    // of processes that have not ended
    std::size_t ports_all = 0;  // capacity of the pool
    std::size_t processes = 0;
  };
  [[nodiscard]] Usage usage() const;

  // Both 0 until the first scan for bound ports; for measurements.
  struct ScanCost {
    std::uint64_t scans = 0;
    std::uint64_t microseconds = 0;
  };
  [[nodiscard]] ScanCost scan_cost() const;

 private:
  class Worker;
  explicit Runner(std::unique_ptr<Worker> worker);
  std::unique_ptr<Worker> worker_;
};

}  // namespace innkeeper::runner
