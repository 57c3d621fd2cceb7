#include "actors/domain/deployment.hpp"

#include <algorithm>

namespace innkeeper::domain {

const char* to_string(Transport transport) noexcept {
  switch (transport) {
    case Transport::tcp:
      return "tcp";
    case Transport::udp:
      return "udp";
    case Transport::tls:
      return "tls";
  }
  return "unknown";
}

std::optional<Transport> parse_transport(std::string_view text) noexcept {
  for (const Transport transport : {Transport::tcp, Transport::udp, Transport::tls}) {
    if (text == to_string(transport)) return transport;
  }
  return std::nullopt;
}

const CatalogSnapshot::AppEntry* CatalogSnapshot::find_app(const AppId& id) const {
  const auto found = apps.find(id);
  return found == apps.end() ? nullptr : &found->second;
}

std::shared_ptr<const Deployment> CatalogSnapshot::find(DeploymentKey key) const {
  const auto found = by_key.find(static_cast<std::uint32_t>(key));
  return found == by_key.end() ? nullptr : found->second;
}

std::shared_ptr<const Deployment> CatalogSnapshot::find(const AppId& app,
                                                        const DeploymentId& id) const {
  const AppEntry* entry = find_app(app);
  if (entry == nullptr) return nullptr;
  // From the newest on: that is the one asked for most.
  const auto found = std::find_if(entry->deployments.rbegin(), entry->deployments.rend(),
                                  [&](const auto& deployment) { return deployment->id == id; });
  return found == entry->deployments.rend() ? nullptr : *found;
}

}  // namespace innkeeper::domain
