#pragma once

#include <cstdint>
#include <string>

namespace innkeeper::store::testing {

// SQLite's file system layer with faults on order. It does what the default one does until a fault
// that was asked for is met. One for the whole program; safe to use from several threads.
namespace fault_vfs {

enum class Operation : std::uint8_t { open, read, write, sync, truncate };

struct Fault {
  Operation operation = Operation::write;
  std::string suffix;       // only files whose name ends so; empty: all of the store's files
  std::uint64_t after = 0;  // so many operations go well before
  int code = 0;             // SQLite's, such as SQLITE_FULL
  bool lasts = false;       // until clear(); otherwise it is met once
  bool half = false;        // a write puts the first half of its bytes there before it fails
};

// The name to open with; registers the layer when it is first asked for.
[[nodiscard]] const char* name();
void inject(const Fault& fault);
void clear();
// Faults met since the start of the program. One may be met by the checkpoint thread, and show
// later.
[[nodiscard]] std::uint64_t met();
// Operations of that kind since the start of the program.
[[nodiscard]] std::uint64_t count(Operation operation);

}  // namespace fault_vfs
}  // namespace innkeeper::store::testing
