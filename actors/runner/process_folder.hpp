#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"
#include "actors/runner/key_values.hpp"
#include "actors/runner/launch_plan.hpp"
#include "actors/runner/outcome.hpp"
#include "actors/runner/types.hpp"

// A process's directory as the host reads and writes it (process_files.hpp, README.md).
namespace innkeeper::runner {

// What is kept of an order, so that the process can be adopted. Holds no secret.
struct FolderRecord {
  domain::ProcessId process;
  domain::AppId app;
  domain::DeploymentId deployment;
  std::string command;  // first argument
  std::vector<AssignedPort> ports;
  domain::Resources resources;
  domain::Timestamp created_at{};
  friend bool operator==(const FolderRecord&, const FolderRecord&) = default;
};

// Who runs, as the shim recorded it.
struct FolderState {
  std::string boot;
  pid_t shim_pid = 0;
  std::uint64_t shim_start = 0;
  pid_t pid = 0;  // 0: the command has not been executed yet
};

struct FolderOutcome {
  Outcome outcome;
  domain::Timestamp ended_at{};
  bool acknowledged = false;  // the scheduler has recorded it
};

class ProcessFolder {
 public:
  // Precondition: `path` is absolute.
  explicit ProcessFolder(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

  // Makes the directory and its work folder, mode 0700. Fails when it is there already.
  [[nodiscard]] domain::Result<void> create() const;
  [[nodiscard]] domain::Result<void> write_record(const FolderRecord& record) const;
  [[nodiscard]] domain::Result<void> write(const char* name, const KeyValues& content) const;
  [[nodiscard]] domain::Result<void> write_stop(StopCause cause) const;
  [[nodiscard]] domain::Result<void> write_outcome(const FolderOutcome& outcome) const;

  // Nothing when the file is missing, incomplete or not of its form.
  [[nodiscard]] std::optional<FolderRecord> record() const;
  [[nodiscard]] std::optional<FolderState> state() const;
  [[nodiscard]] std::optional<KeyValues> exit() const;
  [[nodiscard]] std::optional<FolderOutcome> outcome() const;
  [[nodiscard]] StopCause stop_cause() const;
  [[nodiscard]] bool marked_running() const;

 private:
  [[nodiscard]] std::optional<KeyValues> read(const char* name) const;
  std::string path_;
};

}  // namespace innkeeper::runner
