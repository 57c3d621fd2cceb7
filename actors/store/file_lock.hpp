#pragma once

#include <string>

#include "actors/domain/result.hpp"

namespace innkeeper::store {

// Exclusive ownership of a file for as long as the object lives, by a lock on a file beside it
// ("<path>.lock", which stays behind and holds the owner's process number). The kernel lets go of
// it when the process dies in whatever way. It is not passed on to programs that this process
// starts.
class FileLock {
 public:
  // `unavailable` when another owner (also in this process) holds it, or the lock file cannot be
  // made.
  [[nodiscard]] static domain::Result<FileLock> acquire(const std::string& path);

  FileLock() = default;
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace innkeeper::store
