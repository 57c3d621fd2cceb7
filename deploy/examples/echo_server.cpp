// innkeeper-echo: the smallest useful server to run under Innkeeper. It binds its PORT by TCP and
// UDP and sends back what it gets, line by line. Some lines are commands: `env` (its environment),
// `env NAME`, `pid`, `fds` (its open descriptors), `quit`, `exit N`, `crash`. See README.md for the
// switches in its environment that make it misbehave in the ways that real servers do.

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

constexpr std::size_t line_bytes_max = 64 * 1024;
constexpr std::size_t clients_max = 1000;

volatile std::sig_atomic_t stop_wanted = 0;
void on_stop(int) { stop_wanted = 1; }

std::string variable(const char* name, const char* fallback = "") {
  const char* value = std::getenv(name);
  return value ? value : fallback;
}

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "innkeeper-echo: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int bind_socket(int type, std::uint16_t port, const std::string& address) {
  const bool v6 = address.find(':') != std::string::npos;
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (v6) {
    auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    if (::inet_pton(AF_INET6, address.c_str(), &to->sin6_addr) != 1) die("ECHO_ADDRESS");
    length = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &to->sin_addr) != 1) die("ECHO_ADDRESS");
    length = sizeof *to;
  }
  if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) die("bind");
  if (type == SOCK_STREAM && ::listen(fd, 128) != 0) die("listen");
  return fd;
}

std::string environment() {
  std::string out;
  for (char** entry = environ; *entry; ++entry) out.append(*entry).push_back('\n');
  return out;
}

std::string descriptors() {
  std::string out;
  DIR* folder = ::opendir("/proc/self/fd");
  if (!folder) return out;
  while (const auto* entry = ::readdir(folder)) {
    if (entry->d_name[0] == '.' || std::atoi(entry->d_name) == ::dirfd(folder)) continue;
    char target[256];
    const auto path = std::string("/proc/self/fd/") + entry->d_name;
    const auto n = ::readlink(path.c_str(), target, sizeof target);
    out.append(entry->d_name).append(" ").append(target, n > 0 ? static_cast<std::size_t>(n) : 0);
    out.push_back('\n');
  }
  ::closedir(folder);
  return out;
}

std::string answer(const std::string& line) {
  if (line == "env") return environment() + ".\n";
  if (line.rfind("env ", 0) == 0) return variable(line.c_str() + 4) + "\n";
  if (line == "pid") return std::to_string(::getpid()) + "\n";
  if (line == "fds") return descriptors() + ".\n";
  if (line == "quit") std::exit(0);
  if (line.rfind("exit ", 0) == 0) std::exit(std::atoi(line.c_str() + 5));
  if (line == "crash") {
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  }
  return line + "\n";
}

bool send_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const auto n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      pollfd waiting{fd, POLLOUT, 0};
      if (::poll(&waiting, 1, 1000) <= 0) return false;
      continue;
    }
    if (n <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// False when the client is gone or sends lines that are too long.
bool serve_client(int fd, std::string& pending) {
  char buffer[4096];
  const auto n = ::recv(fd, buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  pending.append(buffer, static_cast<std::size_t>(n));
  for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
    auto line = pending.substr(0, end);
    pending.erase(0, end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!send_all(fd, answer(line))) return false;
  }
  return pending.size() <= line_bytes_max;
}

void serve_datagram(int fd) {
  char buffer[2048];
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const auto n =
      ::recvfrom(fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (n < 0) return;
  std::string line(buffer, static_cast<std::size_t>(n));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  const auto reply = answer(line);
  ::sendto(fd, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
}

int serve(int tcp, int udp) {
  std::map<int, std::string> clients;
  while (!stop_wanted) {
    std::vector<pollfd> waiting;
    if (tcp >= 0 && clients.size() < clients_max) waiting.push_back({tcp, POLLIN, 0});
    if (udp >= 0) waiting.push_back({udp, POLLIN, 0});
    for (const auto& [fd, pending] : clients) waiting.push_back({fd, POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (const auto& ready : waiting) {
      if (ready.revents == 0) continue;
      if (ready.fd == tcp) {
        const int fd = ::accept4(tcp, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) clients[fd];
      } else if (ready.fd == udp) {
        serve_datagram(udp);
      } else if (!serve_client(ready.fd, clients[ready.fd])) {
        ::close(ready.fd);
        clients.erase(ready.fd);
      }
    }
  }
  return 0;
}

void pause_for(const std::string& milliseconds) {
  const auto wanted = std::atoi(milliseconds.c_str());
  if (wanted > 0) std::this_thread::sleep_for(std::chrono::milliseconds(wanted));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string port_text = argc > 1 ? argv[1] : variable("PORT");
  const int port = std::atoi(port_text.c_str());
  if (port < 1 || port > 65535) {
    std::fputs("innkeeper-echo: set PORT, or give the port as the argument\n", stderr);
    return 2;
  }
  // No SA_RESTART, so that the poll above returns.
  struct sigaction action {};
  action.sa_handler = variable("ECHO_IGNORE_TERM").empty() ? on_stop : SIG_IGN;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);

  const auto mode = variable("ECHO_MODE");
  if (mode == "never") {
    while (!stop_wanted) ::pause();
    return 0;
  }
  if (mode == "child") {
    const pid_t child = ::fork();
    if (child < 0) die("fork");
    if (child > 0) {
      int status = 0;
      while (::waitpid(child, &status, 0) < 0 && errno == EINTR && !stop_wanted) {
      }
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
  }
  if (mode == "daemon" && ::daemon(1, 1) != 0) die("daemon");

  pause_for(variable("ECHO_DELAY_MS"));
  const auto address = variable("ECHO_ADDRESS", "0.0.0.0");
  const auto protocol = variable("ECHO_PROTOCOL", "both");
  const auto bind_to = static_cast<std::uint16_t>(port);
  const int tcp = protocol == "udp" ? -1 : bind_socket(SOCK_STREAM, bind_to, address);
  const int udp = protocol == "tcp" ? -1 : bind_socket(SOCK_DGRAM, bind_to, address);
  // The moment of binding, so that the delay until somebody notices can be measured.
  std::printf("bound %d at %lld\n", port,
              static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(
                                         std::chrono::system_clock::now().time_since_epoch())
                                         .count()));
  std::fflush(stdout);
  if (mode == "daemon_after_bind" && ::daemon(1, 1) != 0) die("daemon");
  const auto chatter = std::atoll(variable("ECHO_CHATTER_BYTES", "0").c_str());
  for (long long written = 0; written < chatter;) written += std::printf("%060lld\n", written);
  std::fflush(stdout);
  return serve(tcp, udp);
}
