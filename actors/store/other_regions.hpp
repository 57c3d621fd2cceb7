#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/domain/ids.hpp"
#include "actors/domain/result.hpp"

namespace innkeeper::store {

struct RegionRooms {
  domain::RegionName region;
  std::uint64_t rooms = 0;
  friend bool operator==(const RegionRooms&, const RegionRooms&) = default;
};

// The regions beside `known` that have rooms in the SQLite file, by name, with how many of them are
// not destroyed. Reads the whole table, through a connection of its own, so that the owner of the
// store can work meanwhile. The file must have been opened with open_sqlite() before. Error:
// `unavailable`.
[[nodiscard]] domain::Result<std::vector<RegionRooms>> other_regions(
    const std::string& path, const std::vector<domain::RegionName>& known);

}  // namespace innkeeper::store
