#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "actors/domain/result.hpp"
#include "actors/store/postgres.hpp"

namespace innkeeper::store::postgres {

// One step of the schema: brings a database of version `to - 1` to version `to`.
struct Migration {
  int to;
  const char* sql;
};

// All steps, from an empty database to the version of this binary. A step that has been released is
// never edited; a change of the schema is a new step, and SQLite gets one too.
[[nodiscard]] std::span<const Migration> migrations() noexcept;

// SQLSTATEs that our own functions raise.
inline constexpr const char* lease_lost_state = "IK001";
inline constexpr const char* count_differs_state = "IK002";

// The server is one that this program can work with: empty, or what is wrong with it.
inline constexpr int oldest_server = 140'000;
[[nodiscard]] std::string server_problem(int version, std::string_view encoding);

// Brings the schema `innkeeper` of the database up to the last of `steps`; several nodes may do so
// at once. Fails, having written nothing, for a server that will not do, for a schema of that name
// that is not ours, and for one that is newer than `steps`.
[[nodiscard]] domain::Result<void> migrate(Connection& connection, std::span<const Migration> steps,
                                           std::chrono::milliseconds timeout);

}  // namespace innkeeper::store::postgres
