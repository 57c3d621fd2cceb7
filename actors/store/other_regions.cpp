#include "actors/store/other_regions.hpp"

#include "actors/store/columns.hpp"
#include "actors/store/sqlite.hpp"

namespace innkeeper::store {

domain::Result<std::vector<RegionRooms>> other_regions(
    const std::string& path, const std::vector<domain::RegionName>& known) {
  constexpr const char* doing = "counting the rooms of other regions";
  auto connection = sqlite::Connection::open(path, nullptr);
  if (!connection) return std::move(connection).error();
  std::string sql = "SELECT region, count(*) FROM rooms WHERE state <> ?";
  for (std::size_t i = 0; i < known.size(); ++i) sql += i == 0 ? " AND region NOT IN (?" : ", ?";
  if (!known.empty()) sql += ')';
  sql += " GROUP BY region ORDER BY region";
  auto statement = connection->prepare(sql);
  if (!statement) return std::move(statement).error();
  statement->bind(1, encode_enum(domain::RoomState::destroyed));
  for (std::size_t i = 0; i < known.size(); ++i)
    statement->bind(static_cast<int>(i) + 2, known[i].str());

  std::vector<RegionRooms> found;
  int code = statement->step();
  for (; code == SQLITE_ROW; code = statement->step())
    found.push_back({.region = domain::RegionName(std::string(statement->text(0))),
                     .rooms = static_cast<std::uint64_t>(statement->integer(1))});
  if (code != SQLITE_DONE) return connection->failure(code, doing);
  return found;
}

}  // namespace innkeeper::store
