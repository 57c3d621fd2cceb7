#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "actors/domain/result.hpp"
#include "actors/domain/time.hpp"
#include "actors/runner/types.hpp"

namespace innkeeper::runner {

// Terminates TLS (1.2 and 1.3) in front of processes: listens on their public ports and forwards
// the plain bytes to their local ones on the loopback address. One thread of its own. Thread-safe.
//
// A client that closes its direction (close_notify) still gets the rest of the answer. When the
// server closes, the client gets what is left and a close_notify, and the connection ends.
class TlsTerminator {
 public:
  struct Limits {
    std::size_t connections = 4'096;  // of all ports together; more are closed at once
    domain::Duration handshake = std::chrono::seconds(10);
    domain::Duration idle = std::chrono::hours(1);  // without a byte in either direction
    domain::Duration closing = std::chrono::seconds(5);
  };

  // `invalid` when certificate or key cannot be used; the message names the file.
  [[nodiscard]] static domain::Result<std::unique_ptr<TlsTerminator>> open(const TlsFiles& files,
                                                                           const Limits& limits);
  ~TlsTerminator();
  TlsTerminator(const TlsTerminator&) = delete;
  TlsTerminator& operator=(const TlsTerminator&) = delete;

  // Listens on `public_port` on all addresses. `refused` when it cannot be bound.
  [[nodiscard]] domain::Result<void> add(std::uint16_t public_port, std::uint16_t local_port);
  // Stops listening and closes the connections of that port.
  void remove(std::uint16_t public_port);

 private:
  struct State;
  explicit TlsTerminator(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace innkeeper::runner
