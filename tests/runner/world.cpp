#include "tests/runner/world.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/runner/os_process.hpp"
#include "actors/runner/port_pool.hpp"
#include "actors/runner/proc.hpp"

namespace innkeeper::runner::testing {

TemporaryFolder::TemporaryFolder() {
  char name[] = "/tmp/innkeeper-runner-XXXXXX";
  if (!::mkdtemp(name)) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  const auto processes = path_ + "/processes";
  // Shims first, for they restart nothing but would record ends in folders that are being removed.
  for (const bool shims : {true, false}) {
    for (const auto& process : find_marked(processes)) {
      if (process.is_shim == shims) ::kill(process.pid, SIGKILL);
    }
  }
  eventually([&] { return find_marked(processes).empty(); });
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

domain::ProcessId process_id(std::uint64_t number) {
  return {.hi = 0x0190000000007000, .lo = number};
}

Order echo_order(std::uint64_t number, std::map<std::string, std::string> env) {
  Order order;
  order.process = process_id(number);
  order.app = domain::AppId("app-1");
  order.app_secret = "the-secret";
  order.deployment = domain::DeploymentId("dep-1");
  order.region = domain::RegionName("Seattle");
  order.spec.command = {ECHO_PROGRAM};
  order.spec.requested_memory_mb = 64;
  order.spec.env = std::move(env);
  return order;
}

RunnerOptions options_in(const std::string& folder) {
  RunnerOptions options;
  options.directory = folder + "/processes";
  options.node = "node-1";
  options.shim = SHIM_PROGRAM;
  // By our pid, so that tests which run at the same time keep apart, and past what others have bound.
  auto first = static_cast<std::uint16_t>(10'000 + ::getpid() % 100 * 200);
  while (!port_is_free(first, true) || !port_is_free(static_cast<std::uint16_t>(first + 1), true)) {
    first = static_cast<std::uint16_t>(first + 2);
  }
  options.port_first = first;
  options.port_last = static_cast<std::uint16_t>(options.port_first + 199);
  options.stop_grace = std::chrono::seconds(5);
  return options;
}

World::World(std::function<void(RunnerOptions&)> adjust) : options_(options_in(folder_.path())) {
  if (adjust) adjust(options_);
  options_.on_unknown = [seen = seen_](const UnknownProcess& process) {
    const std::lock_guard lock(seen->mutex);
    seen->unknown.push_back(process);
    seen->changed.notify_all();
  };
  options_.on_problem = [seen = seen_](const std::string& what) {
    const std::lock_guard lock(seen->mutex);
    seen->problems.push_back(what);
  };
  reopen();
}

World::~World() = default;

std::string World::folder_of(domain::ProcessId process) const {
  return options_.directory + "/" + to_string(process);
}

void World::start(const Order& order) {
  runner_->start(order);
  watch(order.process);
}

void World::watch(domain::ProcessId process) {
  runner_->watch(process, [seen = seen_](const Report& report) {
    const std::lock_guard lock(seen->mutex);
    seen->reports[report.process].push_back(report);
    seen->changed.notify_all();
  });
}

std::optional<Report> World::wait(domain::ProcessId process,
                                  const std::function<bool(const Report&)>& wanted) {
  std::unique_lock lock(seen_->mutex);
  auto& reports = seen_->reports[process];
  const bool there = seen_->changed.wait_for(
      lock, patience, [&] { return !reports.empty() && wanted(reports.back()); });
  return there ? std::optional(reports.back()) : std::nullopt;
}

std::optional<Report> World::wait_phase(domain::ProcessId process, Phase phase) {
  return wait(process, [phase](const Report& report) {
    return report.phase == phase && (phase != Phase::booted || report.pid != 0);
  });
}

std::vector<UnknownProcess> World::unknown() {
  const std::lock_guard lock(seen_->mutex);
  return seen_->unknown;
}

bool World::wait_unknown(std::size_t count) {
  std::unique_lock lock(seen_->mutex);
  return seen_->changed.wait_for(lock, patience, [&] { return seen_->unknown.size() >= count; });
}

std::vector<std::string> World::problems() {
  const std::lock_guard lock(seen_->mutex);
  return seen_->problems;
}

std::vector<Report> World::reports(domain::ProcessId process) {
  const std::lock_guard lock(seen_->mutex);
  return seen_->reports[process];
}

void World::close() { runner_.reset(); }

void World::reopen() {
  runner_.reset();
  {
    const std::lock_guard lock(seen_->mutex);
    seen_->reports.clear();
  }
  auto opened = Runner::open(options_);
  if (!opened) throw std::runtime_error(opened.error().message);
  runner_ = std::move(*opened);
}

namespace {

int connect_to(int type, std::uint16_t port, const std::string& address) {
  const bool v6 = address.find(':') != std::string::npos;
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  int result = -1;
  if (v6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    ::inet_pton(AF_INET6, address.c_str(), &to.sin6_addr);
    result = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
    result = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  if (result == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::string ask_tcp(std::uint16_t port, const std::string& line, bool to_dot,
                    const std::string& address) {
  const UniqueFd fd(connect_to(SOCK_STREAM, port, address));
  if (!fd.valid()) return {};
  const auto request = line + "\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string answer;
  char buffer[4096];
  const std::string end = to_dot ? "\n.\n" : "\n";
  while (answer.size() < end.size() ||
         answer.compare(answer.size() - end.size(), end.size(), end) != 0) {
    const auto n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  return answer;
}

std::string ask_udp(std::uint16_t port, const std::string& line) {
  const UniqueFd fd(connect_to(SOCK_DGRAM, port, "127.0.0.1"));
  if (!fd.valid() || ::send(fd.get(), line.data(), line.size(), 0) < 0) return {};
  char buffer[4096];
  const auto n = ::recv(fd.get(), buffer, sizeof buffer, 0);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

bool alive(std::int64_t pid) {
  const auto stat = read_stat(static_cast<pid_t>(pid));
  return stat && stat->state != 'Z';
}

}  // namespace innkeeper::runner::testing
