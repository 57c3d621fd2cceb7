#include "actors/runner/shim/log_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace innkeeper::shim {

LogFile::LogFile(std::string path, std::string old_path, std::uint64_t bytes_max)
    : path_(std::move(path)),
      old_path_(std::move(old_path)),
      half_(std::max<std::uint64_t>(bytes_max / 2, 1)) {
  open_new();
}

void LogFile::open_new() {
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  size_ = 0;
}

void LogFile::append(std::string_view data) {
  while (!data.empty()) {
    if (size_ >= half_) {
      ::rename(path_.c_str(), old_path_.c_str());
      open_new();
    }
    const auto part = data.substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), half_ - size_)));
    data.remove_prefix(part.size());
    size_ += part.size();
    for (std::size_t at = 0; at < part.size() && file_.valid();) {
      const auto n = ::write(file_.get(), part.data() + at, part.size() - at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
  }
}

}  // namespace innkeeper::shim
