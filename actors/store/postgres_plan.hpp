#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "actors/store/postgres.hpp"
#include "actors/store/store.hpp"

// How a batch becomes a few statements that work on whole arrays, and how a batch that the server
// has refused is told apart into mutations that may stay and mutations that may not. No I/O.
namespace innkeeper::store::postgres {

// Prepared once for a connection; the calls of plan_batch() name them.
[[nodiscard]] std::span<const Connection::Prepared> write_statements() noexcept;

// What became of each mutation so far: an error once it is refused.
using Refusals = std::vector<std::optional<domain::Error>>;

// Why a mutation cannot be carried out whatever the database holds; nothing when it may be.
[[nodiscard]] std::optional<domain::Error> malformed(const Mutation& mutation);

// The calls that have the effect of the mutations that are not refused, one after the other.
// Changes of one row are joined, and a table is written once, unless the order of changes forbids
// it.
[[nodiscard]] std::vector<Call> plan_batch(Batch batch, const Refusals& refused);

// The rooms that must or must not exist for the mutations that are not refused.
[[nodiscard]] std::vector<const domain::RoomId*> rooms_in_question(Batch batch,
                                                                   const Refusals& refused);

// Refuses the mutations that rest on a room that is not there, or make one that is. `present` are
// the rooms of rooms_in_question() that are stored. Returns how many were refused; nothing when it
// cannot be told, because a room is deleted and used in one batch.
[[nodiscard]] std::optional<std::size_t> blame(Batch batch, std::unordered_set<std::string> present,
                                               Refusals& refused);

// What a mutation that the server refused is answered with when no room is to blame.
[[nodiscard]] domain::Error refusal_of(const Mutation& mutation, const Refusal& refusal);

}  // namespace innkeeper::store::postgres
