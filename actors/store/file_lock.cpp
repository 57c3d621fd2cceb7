#include "actors/store/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace innkeeper::store {
namespace {

domain::Error lock_error(const std::string& path, const std::string& what) {
  return {.code = domain::ErrorCode::unavailable,
          .message = "store " + path + ": " + what,
          .field = {},
          .retry_after_s = 0};
}

std::string owner_of(int descriptor) {
  std::array<char, 32> text{};
  const auto size = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string number;
  for (std::size_t i = 0; size > 0 && i < static_cast<std::size_t>(size); ++i) {
    if (text[i] < '0' || text[i] > '9') break;
    number.push_back(text[i]);
  }
  return number.empty() ? "another process" : "process " + number;
}

}  // namespace

domain::Result<FileLock> FileLock::acquire(const std::string& path) {
  const std::string name = path + ".lock";
  FileLock lock;
  lock.descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock.descriptor_ < 0) {
    return lock_error(path, "cannot open its lock file " + name + " (" +
                                std::generic_category().message(errno) + ")");
  }
  // flock belongs to the open file, not to the process: it also keeps a second store of the same
  // process out, and closing another descriptor of the file does not drop it.
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return lock_error(path, "it is held by " + owner_of(lock.descriptor_) +
                                  "; one file serves one node at a time");
    }
    return lock_error(path,
                      "cannot lock " + name + " (" + std::generic_category().message(errno) + ")");
  }
  // The number is for people only, so a full disk is no reason to fail.
  const std::string number = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.descriptor_, 0) == 0) {
    [[maybe_unused]] const auto written =
        ::pwrite(lock.descriptor_, number.data(), number.size(), 0);
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}
FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace innkeeper::store
