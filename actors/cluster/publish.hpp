#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "actors/domain/result.hpp"

// Files that others may read while they are written.
namespace innkeeper::cluster {

enum class Existing { refuse, replace };

// Puts a file with this content and mode in place. A reader sees all of it or, with Existing::replace,
// all of the old one; it is on disk when this returns. Error: `refused` when the file is there and may
// not be replaced, `unavailable` when it cannot be written; the message names the file.
[[nodiscard]] domain::Result<void> publish(const std::string& path, std::string_view content,
                                           mode_t mode, Existing existing);

// Makes the directory, mode 0700, when it is missing; its parent must be there.
[[nodiscard]] domain::Result<void> make_directory(const std::string& path);

[[nodiscard]] bool exists(const std::string& path);

}  // namespace innkeeper::cluster
