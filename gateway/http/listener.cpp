#include "gateway/http/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace innkeeper::http {
namespace {

constexpr int accepts_per_wake_max = 64;
constexpr auto rest_time = std::chrono::milliseconds(100);

domain::Error cannot_listen(const config::ListenAddress& address, const std::string& why) {
  return {domain::ErrorCode::unavailable,
          "cannot listen on " + address.host + ":" + std::to_string(address.port) + ": " + why,
          {},
          0};
}

std::string error_text(int error) { return std::generic_category().message(error); }

std::uint16_t port_of(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  return ntohs(v4.sin_port);
}

void set_port(sockaddr_storage& address, std::uint16_t port) noexcept {
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    v6.sin6_port = htons(port);
    std::memcpy(&address, &v6, sizeof v6);
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    v4.sin_port = htons(port);
    std::memcpy(&address, &v4, sizeof v4);
  }
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  return text.data();
}

sockaddr* generic(sockaddr_storage& address) noexcept {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

bool enable(int socket, int option) noexcept {
  const int on = 1;
  return ::setsockopt(socket, SOL_SOCKET, option, &on, sizeof on) == 0;
}

UniqueFd open_reserve() noexcept { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

domain::Result<ListenSockets> open_listen_sockets(const config::ListenAddress& address,
                                                  std::size_t count) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0) {
    return cannot_listen(address, gai_strerror(error));
  }
  sockaddr_storage wanted{};
  const socklen_t size = found->ai_addrlen;
  std::memcpy(&wanted, found->ai_addr, size);
  ::freeaddrinfo(found);
  set_port(wanted, address.port);

  ListenSockets opened;
  opened.ipv6 = wanted.ss_family == AF_INET6;
  for (std::size_t index = 0; index < count; ++index) {
    UniqueFd socket(::socket(wanted.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket || !enable(socket.get(), SO_REUSEADDR)) {
      return cannot_listen(address, error_text(errno));
    }
    // The first is bound without SO_REUSEPORT, else a second server of the same user could take
    // half of this one's connections; from then on it lets its siblings in.
    if (index > 0 && !enable(socket.get(), SO_REUSEPORT)) {
      return cannot_listen(address, error_text(errno));
    }
    if (::bind(socket.get(), generic(wanted), size) != 0) {
      return cannot_listen(address, error_text(errno));
    }
    if (index == 0) {
      if (count > 1 && !enable(socket.get(), SO_REUSEPORT)) {
        return cannot_listen(address, error_text(errno));
      }
      sockaddr_storage bound{};
      socklen_t bound_size = sizeof bound;
      if (::getsockname(socket.get(), generic(bound), &bound_size) != 0) {
        return cannot_listen(address, error_text(errno));
      }
      opened.port = port_of(bound);
      set_port(wanted, opened.port);
    }
    opened.sockets.push_back(std::move(socket));
  }
  for (const UniqueFd& socket : opened.sockets) {
    if (::listen(socket.get(), SOMAXCONN) != 0) return cannot_listen(address, error_text(errno));
  }
  return opened;
}

Listener::Listener(boost::asio::io_context& context, Accepted accepted, Refused refused)
    : acceptor_(context),
      timer_(context),
      accepted_(std::move(accepted)),
      refused_(std::move(refused)) {}

Listener::~Listener() = default;

void Listener::start(UniqueFd socket, bool ipv6) {
  using boost::asio::ip::tcp;
  ipv6_ = ipv6;
  reserve_ = open_reserve();
  acceptor_.assign(ipv6 ? tcp::v6() : tcp::v4(), socket.get());
  (void)socket.release();
  accepting_ = true;
  wait();
}

void Listener::stop() {
  accepting_ = false;
  if (!acceptor_.is_open()) return;
  accept_waiting();
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  timer_.cancel();
  reserve_.reset();
}

void Listener::wait() {
  acceptor_.async_wait(boost::asio::ip::tcp::acceptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (error || !acceptor_.is_open() || !accepting_) return;
                         accept_waiting();
                         if (accepting_) wait();
                       });
}

void Listener::accept_waiting() {
  for (int count = 0; count < accepts_per_wake_max; ++count) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    UniqueFd socket(::accept4(acceptor_.native_handle(), generic(address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      accepted_({std::move(socket), ipv6_, text_of(address)});
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        turn_one_away();
        return rest();
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
        accepting_ = false;
        return;
      default:
        break;  // errors of that one connection (accept(2)): take the next
    }
  }
}

void Listener::turn_one_away() {
  refused_("descriptors");
  reserve_.reset();
  const UniqueFd dropped(::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
  // `dropped` is closed at the end of the scope; until then its number is taken.
}

void Listener::rest() {
  if (!accepting_) return;
  accepting_ = false;
  timer_.expires_after(rest_time);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || !acceptor_.is_open()) return;
    if (!reserve_) reserve_ = open_reserve();
    accepting_ = true;
    wait();
  });
}

}  // namespace innkeeper::http
