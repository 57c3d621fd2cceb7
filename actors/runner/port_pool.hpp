#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "actors/domain/result.hpp"

namespace innkeeper::runner {

// True when nobody has bound `port`, by TCP or UDP, IPv4 or IPv6. With `strict` a port that lingers
// in TIME_WAIT is not free either: a server without SO_REUSEADDR could not bind it.
[[nodiscard]] bool port_is_free(std::uint16_t port, bool strict);

// A UDP and TCP port that is free on the loopback address, outside of any pool; 0 when there is
// none.
[[nodiscard]] std::uint16_t free_loopback_port();

// The ports of a host that its processes may get, handed out in turn so that a port rests as long
// as possible before it is used again. Not thread-safe.
class PortPool {
 public:
  using Probe = std::function<bool(std::uint16_t port, bool strict)>;
  // Precondition: 1 <= first <= last.
  PortPool(std::uint16_t first, std::uint16_t last, Probe probe = port_is_free);

  // So many different ports that are neither taken nor bound by somebody else, or `refused` and
  // none.
  [[nodiscard]] domain::Result<std::vector<std::uint16_t>> take(std::size_t count);
  // Marks a port of a process that was found again. False when it is taken already. Ports outside
  // of the range (it was changed while the process ran) are no business of the pool: true.
  [[nodiscard]] bool adopt(std::uint16_t port);
  // Gives back what take or adopt marked; ignores others.
  void give_back(std::uint16_t port);

  [[nodiscard]] std::size_t capacity() const noexcept { return taken_.size(); }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

 private:
  std::uint16_t first_;
  std::vector<bool> taken_;  // by offset from the first
  std::size_t next_ = 0;
  std::size_t used_ = 0;
  Probe probe_;
};

}  // namespace innkeeper::runner
