#pragma once

#include <catch2/catch.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "actors/store/store.hpp"

namespace innkeeper::store::testing {

// The value, or a failed test that shows the error.
template <class T>
T must(domain::Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

// The error, or a failed test.
template <class T>
domain::Error error_of(const domain::Result<T>& result) {
  if (result) FAIL("this should have failed");
  return result.error();
}

// Commits the mutations in one batch.
inline domain::Result<Outcomes> commit(Store& store, const std::vector<Mutation>& mutations) {
  std::vector<const Mutation*> batch;
  for (const Mutation& mutation : mutations) batch.push_back(&mutation);
  return store.commit(batch);
}

// The same; all must be accepted.
inline void commit_all(Store& store, const std::vector<Mutation>& mutations) {
  for (auto& outcome : must(commit(store, mutations))) must(std::move(outcome));
}

}  // namespace innkeeper::store::testing
