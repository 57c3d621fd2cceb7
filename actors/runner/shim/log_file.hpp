#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/runner/files.hpp"

namespace innkeeper::shim {

// A server's output in two files that take turns; together they never hold more than `bytes_max`.
// Output that cannot be written (disk full) is dropped: a server must not stall because of its log.
class LogFile {
 public:
  LogFile(std::string path, std::string old_path, std::uint64_t bytes_max);
  void append(std::string_view data);

 private:
  void open_new();
  std::string path_;
  std::string old_path_;
  std::uint64_t half_;
  std::uint64_t size_ = 0;
  runner::UniqueFd file_;
};

}  // namespace innkeeper::shim
