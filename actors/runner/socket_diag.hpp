#pragma once

#include <cstdint>
#include <functional>

#include "actors/runner/socket_table.hpp"

namespace innkeeper::runner {

// Calls `take` with each socket of the protocol that is in one of `states` (a bit set of TCP
// states, as 1 << TCP_LISTEN), IPv4 and IPv6, by way of sock_diag(7). Looking for listening sockets
// this way costs some 20 us, while /proc/net/tcp costs milliseconds on machines with much memory,
// because the kernel walks the whole table of connections. False when the kernel does not offer it;
// then nothing was taken, or only some.
[[nodiscard]] bool dump_sockets(Protocol protocol, std::uint32_t states,
                                const std::function<void(const BoundSocket&)>& take);

}  // namespace innkeeper::runner
