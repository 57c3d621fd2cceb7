#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include <sys/types.h>

// Which ports are bound, and by whom: from sock_diag(7), or where that is missing from
// /proc/net/{tcp,tcp6,udp,udp6} (proc(5)).
namespace innkeeper::runner {

struct BoundSocket {
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
  std::uint32_t user = 0;
};

enum class Protocol : std::uint8_t { tcp, udp };

// Listening TCP sockets, or bound UDP ones, of this network namespace.
[[nodiscard]] std::vector<BoundSocket> bound_sockets(Protocol protocol);
// The lines of such a file; stops at the first TCP socket that does not listen, because the kernel
// lists those that do first, and there may be many others.
void parse_bound(std::string_view lines, Protocol protocol, std::vector<BoundSocket>& out,
                 bool& at_end);

// Number of established TCP connections by local port.
[[nodiscard]] std::map<std::uint16_t, std::uint32_t> established_connections();

// True when one of the processes holds one of the sockets. A process whose descriptors may not be
// read (it runs a privileged program) counts as holder of a socket that belongs to its user.
[[nodiscard]] bool owns_any(const std::vector<pid_t>& processes,
                            const std::vector<BoundSocket>& sockets);

}  // namespace innkeeper::runner
