#include "actors/runner/socket_diag.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "actors/runner/files.hpp"

namespace innkeeper::runner {
namespace {

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

// True when the kernel has told all, false on an error.
bool receive(int fd, const std::function<void(const BoundSocket&)>& take) {
  alignas(nlmsghdr) std::array<char, 32 * 1024> buffer;
  while (true) {
    const auto received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    const auto size = static_cast<std::size_t>(received);
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
      nlmsghdr header{};
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > size) return false;
      if (header.nlmsg_type == NLMSG_DONE) return true;
      if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
      inet_diag_msg message{};
      if (header.nlmsg_len < NLMSG_HDRLEN + sizeof message) return false;
      std::memcpy(&message, buffer.data() + at + NLMSG_HDRLEN, sizeof message);
      take({.port = ntohs(message.id.idiag_sport),
            .inode = message.idiag_inode,
            .user = message.idiag_uid});
      at += (header.nlmsg_len + 3U) & ~std::size_t{3};
    }
  }
}

}  // namespace

bool dump_sockets(Protocol protocol, std::uint32_t states,
                  const std::function<void(const BoundSocket&)>& take) {
  const UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return false;
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (const int family : {AF_INET, AF_INET6}) {
    Request request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = static_cast<std::uint8_t>(family);
    request.body.sdiag_protocol = protocol == Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    request.body.idiag_states = states;
    if (::send(fd.get(), &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request))
      return false;
    if (!receive(fd.get(), take)) return false;
  }
  return true;
}

}  // namespace innkeeper::runner
