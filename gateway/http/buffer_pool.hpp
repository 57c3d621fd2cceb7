#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace innkeeper::http {

// Empty strings that have memory: lent to the connections that have bytes under way, so that idle
// ones hold none. One per worker; not thread-safe.
class BufferPool {
 public:
  static constexpr std::size_t buffers_max = 256;
  static constexpr std::size_t capacity_max = 32 * 1024;  // larger ones are freed

  // Gives `buffer` memory if it has none.
  void lend(std::string& buffer) {
    if (buffer.capacity() > 64 || free_.empty()) return;
    buffer.swap(free_.back());
    free_.pop_back();
  }
  // Takes the memory of `buffer`, which is empty afterwards.
  void take_back(std::string& buffer) {
    if (buffer.capacity() <= 64) {
      buffer.clear();
      return;
    }
    std::string returned;
    returned.swap(buffer);
    returned.clear();
    if (free_.size() < buffers_max && returned.capacity() <= capacity_max) {
      free_.push_back(std::move(returned));
    }
  }

 private:
  std::vector<std::string> free_;
};

}  // namespace innkeeper::http
