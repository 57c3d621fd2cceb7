#pragma once

#include <string>
#include <vector>

#include "actors/domain/process.hpp"
#include "actors/domain/result.hpp"
#include "actors/runner/files.hpp"
#include "actors/runner/process_folder.hpp"

// The folder that holds the directories of all processes of a host.
namespace innkeeper::runner {

class Directory {
 public:
  // Makes the folder when it is missing (mode 0700) and locks it. `refused` when another program
  // holds it, `unavailable` when it cannot be made or locked.
  [[nodiscard]] static domain::Result<Directory> open(const std::string& path);

  // Absolute and without symbolic links.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] ProcessFolder folder(domain::ProcessId process) const;
  // The processes that have a directory.
  [[nodiscard]] std::vector<domain::ProcessId> list() const;

  // Removes directories of processes that ended, were acknowledged, and are older than `retention`
  // or exceed `count_max`; also those without a usable record and older than that. `known` are left
  // alone. Returns what could not be removed, as sentences.
  [[nodiscard]] std::vector<std::string> clean(const std::vector<domain::ProcessId>& known,
                                               domain::Timestamp now, domain::Duration retention,
                                               std::size_t count_max) const;

 private:
  Directory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace innkeeper::runner
