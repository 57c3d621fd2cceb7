#pragma once

#include <cstdint>
#include <span>

#include "actors/domain/result.hpp"
#include "actors/store/sqlite.hpp"

namespace innkeeper::store::sqlite {

// One step of the schema: brings a file of version `to - 1` to version `to`.
struct Migration {
  int to;
  const char* sql;
};

// All steps, from an empty file to the version of this binary. A step that has been released is
// never edited; a change of the schema is a new step.
[[nodiscard]] std::span<const Migration> migrations() noexcept;

// Marks a file as ours (SQLite's application_id): "Innk".
inline constexpr std::int64_t application_id = 0x496E6E6B;

// Fails with `unavailable` for a database of another program and for a schema that is newer than
// `steps`. Only reads.
[[nodiscard]] domain::Result<void> check_owner(Connection& connection,
                                               std::span<const Migration> steps);

// Brings the schema up to the last of `steps`, each step in a transaction of its own, so that a
// failure leaves the file at a version that exists. Fails as check_owner() does, and with whatever
// the file meets.
[[nodiscard]] domain::Result<void> migrate(Connection& connection,
                                           std::span<const Migration> steps);

}  // namespace innkeeper::store::sqlite
