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

// Commits each mutation in one batch; all must be accepted.
inline void commit_all(Store& store, const std::vector<Mutation>& mutations) {
  must(store.begin());
  for (const Mutation& mutation : mutations) must(store.apply(mutation));
  must(store.commit());
}

}  // namespace innkeeper::store::testing
