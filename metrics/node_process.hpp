#pragma once

#include <cstdint>

namespace innkeeper::metrics {

// What the kernel says about this process; a value that cannot be read is 0.
struct NodeProcess {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  // since 1970
};
// Reads /proc/self (proc(5)) and the limits of the process.
[[nodiscard]] NodeProcess read_node_process();

}  // namespace innkeeper::metrics
