#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "config/settings.hpp"
#include "gateway/http/server.hpp"
#include "gateway/http/tls.hpp"

namespace innkeeper::http {

// What all workers of a server have in common. Sessions keep it alive, because a Responder may
// outlive the server.
struct ServerShared {
  ServerShared(config::GatewaySettings settings_in, ServerHooks hooks_in)
      : settings(std::move(settings_in)), hooks(std::move(hooks_in)) {}

  const config::GatewaySettings settings;
  const ServerHooks hooks;
  std::shared_ptr<TlsContext> tls;  // set before the workers start

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> in_flight{0};  // requests that handlers have and have not answered

  // Shutdown: how many workers still have connections.
  std::mutex drain_mutex;
  std::condition_variable drained;
  std::size_t workers_open = 0;
};

}  // namespace innkeeper::http
