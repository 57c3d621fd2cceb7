#include "actors/cluster/publish.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace innkeeper::cluster {
namespace {

using domain::Error;
using domain::ErrorCode;

Error cannot(const std::string& what, const std::string& path, int error) {
  return {.code = ErrorCode::unavailable,
          .message = "cannot " + what + " " + path + ": " + std::generic_category().message(error)};
}

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A name is on disk only when its directory is.
void sync_directory(const std::string& path) {
  const int directory = ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

// Gives the temporary file its name; returns 0 or an errno.
int give_name(const std::string& temporary, const std::string& path, Existing existing) {
  if (existing == Existing::replace)
    return ::rename(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  // Unlike rename(2), link(2) fails when the name is taken: of two who try at once, one is told.
  const int error = ::link(temporary.c_str(), path.c_str()) == 0 ? 0 : errno;
  ::unlink(temporary.c_str());
  return error;
}

}  // namespace

domain::Result<void> publish(const std::string& path, std::string_view content, mode_t mode,
                             Existing existing) {
  std::string temporary = path + ".XXXXXX";
  const int file = ::mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600 until it is complete
  if (file < 0) return cannot("write", path, errno);
  errno = 0;
  const bool written =
      write_all(file, content) && ::fchmod(file, mode) == 0 && ::fsync(file) == 0;
  const int write_error = errno;
  ::close(file);
  if (!written) {
    ::unlink(temporary.c_str());
    return cannot("write", path, write_error);
  }
  const int error = give_name(temporary, path, existing);
  if (error == EEXIST)
    return Error{.code = ErrorCode::refused, .message = path + " exists already"};
  if (error != 0) {
    ::unlink(temporary.c_str());
    return cannot("write", path, error);
  }
  sync_directory(path);
  return {};
}

domain::Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  struct stat found {};
  if (error == EEXIST && ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
  return cannot("make the directory", path, error == EEXIST ? ENOTDIR : error);
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

}  // namespace innkeeper::cluster
