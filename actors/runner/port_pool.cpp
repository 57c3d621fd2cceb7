#include "actors/runner/port_pool.hpp"

#include <cerrno>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "actors/runner/files.hpp"

namespace innkeeper::runner {
namespace {

bool can_bind(int family, int type, std::uint16_t port, bool strict) {
  const UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno == EAFNOSUPPORT;
  const int on = 1;
  // SO_REUSEADDR on UDP would allow to share the port with another such socket.
  if (!strict && type == SOCK_STREAM) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    return ::bind(fd.get(), to, sizeof address) == 0 || errno == EADDRNOTAVAIL;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

bool port_is_free(std::uint16_t port, bool strict) {
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      if (!can_bind(family, type, port, strict)) return false;
    }
  }
  return true;
}

std::uint16_t free_loopback_port() {
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::uint16_t port = 0;
    {
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t length = sizeof address;
      if (!fd.valid() ||
          ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
          ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return 0;
      }
      port = ntohs(address.sin_port);
    }
    if (port_is_free(port, true)) return port;
  }
  return 0;
}

PortPool::PortPool(std::uint16_t first, std::uint16_t last, Probe probe)
    : first_(first), taken_(static_cast<std::size_t>(last - first) + 1), probe_(std::move(probe)) {}

domain::Result<std::vector<std::uint16_t>> PortPool::take(std::size_t count) {
  std::vector<std::uint16_t> ports;
  const auto start = next_;
  for (const bool strict : {true, false}) {
    for (std::size_t i = 0; i < capacity() && ports.size() < count; ++i) {
      const auto offset = (start + i) % capacity();
      if (taken_[offset]) continue;
      const auto port = static_cast<std::uint16_t>(first_ + offset);
      if (!probe_(port, strict)) continue;
      taken_[offset] = true;
      ports.push_back(port);
      next_ = (offset + 1) % capacity();
    }
  }
  used_ += ports.size();
  if (ports.size() == count) return ports;
  for (const auto port : ports) give_back(port);
  const auto last = first_ + capacity() - 1;
  return domain::Error{.code = domain::ErrorCode::overloaded,
                       .message = "no free port: " + std::to_string(count) + " needed, range " +
                                  std::to_string(first_) + "-" + std::to_string(last) + " has " +
                                  std::to_string(used_) + " in use, and " +
                                  std::to_string(capacity() - used_ - ports.size()) +
                                  " that other programs have bound",
                       .field = {}};
}

bool PortPool::adopt(std::uint16_t port) {
  if (port < first_ || static_cast<std::size_t>(port - first_) >= capacity()) return true;
  const auto offset = static_cast<std::size_t>(port - first_);
  if (taken_[offset]) return false;
  taken_[offset] = true;
  ++used_;
  return true;
}

void PortPool::give_back(std::uint16_t port) {
  if (port < first_ || static_cast<std::size_t>(port - first_) >= capacity()) return;
  const auto offset = static_cast<std::size_t>(port - first_);
  if (!taken_[offset]) return;
  taken_[offset] = false;
  --used_;
}

}  // namespace innkeeper::runner
