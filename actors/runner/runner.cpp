#include "actors/runner/runner.hpp"

#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "actors/runner/directory.hpp"
#include "actors/runner/tls_terminator.hpp"
#include "actors/runner/worker.hpp"

namespace innkeeper::runner {
namespace {

// The first IPv4 address of the machine that is not loopback, for HATHORA_PRIVATE_IP.
std::string own_address() {
  std::string found = "127.0.0.1";
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const auto* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET ||
        (entry->ifa_flags & IFF_LOOPBACK) != 0 || (entry->ifa_flags & IFF_UP) == 0) {
      continue;
    }
    sockaddr_in address{};
    std::memcpy(&address, entry->ifa_addr, sizeof address);
    char text[INET_ADDRSTRLEN];
    if (::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text)) found = text;
    break;
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

Runner::Runner(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}

Runner::~Runner() = default;

domain::Result<std::unique_ptr<Runner>> Runner::open(RunnerOptions options) {
  if (options.private_address.empty()) options.private_address = own_address();
  auto directory = Directory::open(options.directory);
  if (!directory) return directory.error();
  std::unique_ptr<TlsTerminator> tls;
  if (options.tls) {
    auto opened = TlsTerminator::open(*options.tls, {});
    if (!opened) return opened.error();
    tls = std::move(*opened);
  }
  auto worker = std::make_unique<Worker>(std::move(options), std::move(*directory), std::move(tls));
  if (const auto adopted = worker->adopt_all(); !adopted) return adopted.error();
  if (const auto launched = worker->launch(); !launched) return launched.error();
  return std::unique_ptr<Runner>(new Runner(std::move(worker)));
}

std::vector<Report> Runner::inventory() const { return worker_->inventory(); }
void Runner::start(Order order) { worker_->start(std::move(order)); }
void Runner::stop(domain::ProcessId process) { worker_->stop(process); }
void Runner::watch(domain::ProcessId process, Watcher watcher) {
  worker_->watch(process, std::move(watcher));
}
void Runner::acknowledge(domain::ProcessId process) { worker_->acknowledge(process); }
void Runner::survey() { worker_->survey(); }
domain::ProcessMetrics Runner::metrics(domain::ProcessId process) const {
  return worker_->metrics(process);
}
Runner::Usage Runner::usage() const { return worker_->usage(); }
Runner::ScanCost Runner::scan_cost() const { return worker_->scan_cost(); }

}  // namespace innkeeper::runner
