#include "actors/runner/socket_table.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runner/files.hpp"
#include "actors/runner/socket_diag.hpp"

namespace innkeeper::runner {
namespace {

constexpr unsigned state_established = 0x01;
constexpr unsigned state_listen = 0x0A;
constexpr std::uint32_t all_states = 0xFFF;

struct Line {
  std::uint16_t port = 0;
  unsigned state = 0;
  std::uint32_t user = 0;
  std::uint64_t inode = 0;
};

template <class Number>
bool number(std::string_view text, Number& out, int base) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return result.ec == std::errc{};
}

// Fields: slot, local address:port, remote, state, queues, timer, retransmits, user, timeout,
// inode.
std::optional<Line> parse_line(std::string_view line) {
  std::string_view fields[10];
  std::size_t count = 0;
  for (std::size_t at = 0; count < 10;) {
    at = line.find_first_not_of(' ', at);
    if (at == std::string_view::npos) break;
    const auto end = std::min(line.find(' ', at), line.size());
    fields[count++] = line.substr(at, end - at);
    at = end;
  }
  if (count < 10) return std::nullopt;
  const auto colon = fields[1].rfind(':');
  Line result;
  if (colon == std::string_view::npos || !number(fields[1].substr(colon + 1), result.port, 16) ||
      !number(fields[3], result.state, 16) || !number(fields[7], result.user, 10) ||
      !number(fields[9], result.inode, 10)) {
    return std::nullopt;
  }
  return result;
}

// Calls `take` with runs of whole lines, without the heading, until it says false.
void for_lines(const char* path, const std::function<bool(std::string_view)>& take) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return;
  std::string pending;
  bool heading = true;
  char buffer[32 * 1024];
  while (true) {
    const auto n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    pending.append(buffer, static_cast<std::size_t>(n));
    if (heading) {
      const auto end = pending.find('\n');
      if (end == std::string::npos) continue;
      pending.erase(0, end + 1);
      heading = false;
    }
    const auto end = pending.rfind('\n');
    if (end == std::string::npos) continue;
    if (!take(std::string_view(pending).substr(0, end + 1))) return;
    pending.erase(0, end + 1);
  }
}

template <class Handle>
void each_line(std::string_view lines, const Handle& handle) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    if (!handle(lines.substr(0, end))) return;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace

void parse_bound(std::string_view lines, Protocol protocol, std::vector<BoundSocket>& out,
                 bool& at_end) {
  each_line(lines, [&](std::string_view text) {
    const auto line = parse_line(text);
    if (!line) return true;
    if (protocol == Protocol::tcp && line->state != state_listen) {
      at_end = true;
      return false;
    }
    out.push_back({line->port, line->inode, line->user});
    return true;
  });
}

std::vector<BoundSocket> bound_sockets(Protocol protocol) {
  std::vector<BoundSocket> result;
  const bool tcp = protocol == Protocol::tcp;
  const auto keep = [&](const BoundSocket& socket) { result.push_back(socket); };
  if (dump_sockets(protocol, tcp ? 1U << state_listen : all_states, keep)) return result;
  result.clear();
  for (const char* path :
       {tcp ? "/proc/net/tcp" : "/proc/net/udp", tcp ? "/proc/net/tcp6" : "/proc/net/udp6"}) {
    for_lines(path, [&](std::string_view lines) {
      bool at_end = false;
      parse_bound(lines, protocol, result, at_end);
      return !at_end;
    });
  }
  return result;
}

std::map<std::uint16_t, std::uint32_t> established_connections() {
  std::map<std::uint16_t, std::uint32_t> counts;
  const auto count = [&](const BoundSocket& socket) { ++counts[socket.port]; };
  if (dump_sockets(Protocol::tcp, 1U << state_established, count)) return counts;
  counts.clear();
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    for_lines(path, [&](std::string_view lines) {
      each_line(lines, [&](std::string_view text) {
        const auto line = parse_line(text);
        if (line && line->state == state_established) ++counts[line->port];
        return true;
      });
      return true;
    });
  }
  return counts;
}

bool owns_any(const std::vector<pid_t>& processes, const std::vector<BoundSocket>& sockets) {
  if (sockets.empty()) return false;
  for (const pid_t pid : processes) {
    const auto folder = "/proc/" + std::to_string(pid) + "/fd";
    const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(folder.c_str()), ::closedir);
    if (!handle) {
      struct stat about {};
      if (errno != EACCES ||
          ::stat(("/proc/" + std::to_string(pid) + "/task").c_str(), &about) != 0)
        continue;
      // Without the right to look, the effective user is all there is; root is too common to say
      // much.
      const auto matches = [&](const BoundSocket& socket) {
        return socket.user == about.st_uid || about.st_uid == 0;
      };
      if (std::any_of(sockets.begin(), sockets.end(), matches)) return true;
      continue;
    }
    while (const auto* entry = ::readdir(handle.get())) {
      char target[64];
      const auto n = ::readlinkat(::dirfd(handle.get()), entry->d_name, target, sizeof target);
      const std::string_view link(target, n > 0 ? static_cast<std::size_t>(n) : 0);
      std::uint64_t inode = 0;
      if (link.substr(0, 8) != "socket:[" || !number(link.substr(8), inode, 10)) continue;
      const auto is_it = [&](const BoundSocket& socket) { return socket.inode == inode; };
      if (std::any_of(sockets.begin(), sockets.end(), is_it)) return true;
    }
  }
  return false;
}

}  // namespace innkeeper::runner
