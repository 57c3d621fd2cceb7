#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

// Small files with POSIX calls only; shared with the shim.
namespace innkeeper::runner {

// A file descriptor that is closed with its owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

// The whole content of `path`; nothing when it cannot be read or is longer than `bytes_max`.
[[nodiscard]] std::optional<std::string> read_small_file(const std::string& path,
                                                         std::size_t bytes_max);

enum class Sync { no, yes };
// Replaces `path` by a file with this content, so that a reader sees the old or the new one. The
// file gets mode 0600. With Sync::yes content and name are on disk when it returns. Returns 0 or an
// errno.
[[nodiscard]] int write_file_atomic(const std::string& path, std::string_view content, Sync sync);

// The text of an errno, as strerror has it.
[[nodiscard]] std::string errno_text(int error);

}  // namespace innkeeper::runner
