#include "tests/gateway/http/http_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace innkeeper::http::test {

Client::Client(std::uint16_t port, int receive_buffer) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof address);
  if (fd_ < 0 || ::connect(fd_, &generic, sizeof address) != 0) {
    const int error = errno;
    close();
    throw std::runtime_error(std::string("cannot connect: ") + std::strerror(error));
  }
}

Client::~Client() { close(); }
Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::size_t Client::send_some(std::string_view bytes) {
  const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void Client::shutdown_write() { ::shutdown(fd_, SHUT_WR); }

bool Client::readable(std::chrono::milliseconds within) const {
  pollfd entry{fd_, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(within.count())) == 1;
}

bool Client::fill() {
  if (!readable(patience)) throw std::runtime_error("the server took too long");
  std::array<char, 16384> bytes;
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

bool Client::closed() {
  while (fill()) {
  }
  return true;
}

std::string Client::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::optional<Reply> Client::read_reply(bool to_head) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) {
      if (buffer_.empty()) return std::nullopt;
      throw std::runtime_error("the connection ended inside of a head: " + buffer_);
    }
  }
  Reply reply;
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  if (head.compare(0, 9, "HTTP/1.1 ") != 0) throw std::runtime_error("not a status line: " + head);
  reply.status = std::stoi(head.substr(9, 3));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t stop = head.find("\r\n", at);
    const std::size_t colon = head.find(": ", at);
    std::string name = head.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!reply.headers.emplace(name, head.substr(colon + 2, stop - colon - 2)).second) {
      throw std::runtime_error("a header came twice: " + name);
    }
    at = stop + 2;
  }
  const auto length = reply.headers.find("content-length");
  if (length == reply.headers.end() || to_head) return reply;
  const std::size_t size = std::stoul(length->second);
  while (buffer_.size() < size) {
    if (!fill()) throw std::runtime_error("the connection ended inside of a body");
  }
  reply.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return reply;
}

std::string get(std::string_view target, std::string_view more_headers) {
  std::string request("GET ");
  request.append(target).append(" HTTP/1.1\r\nHost: test\r\n").append(more_headers).append("\r\n");
  return request;
}

std::string post(std::string_view target, std::string_view body, std::string_view more_headers) {
  std::string request("POST ");
  request.append(target).append(" HTTP/1.1\r\nHost: test\r\nContent-Length: ");
  request.append(std::to_string(body.size())).append("\r\n").append(more_headers).append("\r\n");
  request.append(body);
  return request;
}

}  // namespace innkeeper::http::test
