#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace innkeeper::store {

// Which file a path leads to. Names can be moved and given to other files while a file is open;
// this tells whether that has happened.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  bool operator==(const FileIdentity&) const = default;

  // Nothing when there is no such file. One stat.
  [[nodiscard]] static std::optional<FileIdentity> of(const std::string& path);
};

}  // namespace innkeeper::store
