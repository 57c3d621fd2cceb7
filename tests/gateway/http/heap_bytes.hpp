#pragma once

#include <malloc.h>

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer's own interface; its header is not packaged with the compiler.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace innkeeper::http::test {

// Bytes that this process holds on its heap.
inline std::size_t heap_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace innkeeper::http::test
