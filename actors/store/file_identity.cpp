#include "actors/store/file_identity.hpp"

#include <sys/stat.h>

namespace innkeeper::store {

std::optional<FileIdentity> FileIdentity::of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{.device = status.st_dev, .number = status.st_ino};
}

}  // namespace innkeeper::store
