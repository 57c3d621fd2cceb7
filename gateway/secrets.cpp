#include "gateway/secrets.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <fmt/format.h>

namespace innkeeper {
namespace {

domain::Error cannot(const std::string& what, const std::string& path) {
  return {.code = domain::ErrorCode::unavailable,
          .message = fmt::format("cannot {} the token file {}: {}", what, path,
                                 std::generic_category().message(errno))};
}

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

std::uint64_t random_bits() {
  constexpr std::size_t block = 32;
  thread_local std::array<std::uint64_t, block> bits;
  thread_local std::size_t left = 0;
  if (left == 0) {
    // 256 bytes at most are given in one piece and without being interrupted (getrandom(2)).
    if (getrandom(bits.data(), sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) std::abort();
    left = block;
  }
  return bits[--left];
}

domain::Result<std::string> read_token(const std::string& path) {
  errno = 0;
  std::ifstream file{path};
  if (!file) return cannot("read", path);
  auto token = trimmed({std::istreambuf_iterator<char>{file}, {}});
  if (token.empty())
    return domain::Error{.code = domain::ErrorCode::unavailable,
                         .message = "the token file " + path + " is empty"};
  return token;
}

domain::Result<std::string> read_or_create_token(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    if (errno == EEXIST) return read_token(path);
    return cannot("create", path);
  }
  const auto token = fmt::format("{:016x}{:016x}{:016x}{:016x}", random_bits(), random_bits(),
                                 random_bits(), random_bits());
  const auto line = token + "\n";
  const bool written = write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
                       fsync(file) == 0;
  auto problem = cannot("write", path);
  close(file);
  if (written) return token;
  unlink(path.c_str());
  return problem;
}

}  // namespace innkeeper
