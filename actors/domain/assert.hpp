#pragma once

#include <cstdio>
#include <cstdlib>

namespace innkeeper::domain {

// Prints where and what to standard error and aborts. Called by INNKEEPER_ASSERT only.
[[noreturn]] inline void assertion_failed(const char* file, int line,
                                          const char* condition) noexcept {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace innkeeper::domain

// Aborts when `condition` is false, in every build type: going on with a broken invariant would
// write it to the store. Only for our own mistakes, never for values that come from outside.
#define INNKEEPER_ASSERT(condition)                                                          \
  do {                                                                                       \
    if (!(condition)) ::innkeeper::domain::assertion_failed(__FILE__, __LINE__, #condition); \
  } while (false)
