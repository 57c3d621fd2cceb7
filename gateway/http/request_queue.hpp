#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/http/message.hpp"
#include "gateway/http/request_parser.hpp"

namespace innkeeper::http {

// Requests of one connection that have been read and not yet answered on the wire, oldest first.
// Handlers complete them in any order; they leave in the order of arrival. Takes no memory until
// used.
class RequestQueue {
 public:
  static constexpr std::size_t size_max = 32;

  struct Slot {
    RequestFacts facts;
    std::optional<Response> response;  // when the handler has answered
  };

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == size_max; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Precondition: not full. Returns the request's number on this connection.
  std::uint64_t push(const RequestFacts& facts) {
    if (size_ == ring_.size()) grow();
    Slot& slot = at(size_++);
    slot.facts = facts;
    return first_ + size_ - 1;
  }
  // The slot of that request; null when it has left.
  [[nodiscard]] Slot* find(std::uint64_t number) noexcept {
    return number >= first_ && number - first_ < size_ ? &at(number - first_) : nullptr;
  }
  // Precondition: not empty.
  [[nodiscard]] Slot& front() noexcept { return at(0); }
  void pop() noexcept {
    front().response.reset();
    start_ = (start_ + 1) % ring_.size();
    ++first_;
    --size_;
  }
  // Forgets all; their numbers stay used.
  void clear() noexcept {
    while (!empty()) pop();
  }
  // Gives memory back when a burst is over. Precondition: empty.
  void shrink() noexcept {
    if (ring_.size() > 2) ring_ = {};
    start_ = 0;
  }

 private:
  Slot& at(std::uint64_t index) noexcept { return ring_[(start_ + index) % ring_.size()]; }
  void grow() {
    std::vector<Slot> bigger(ring_.empty() ? 1 : ring_.size() * 2);
    for (std::size_t index = 0; index < size_; ++index) bigger[index] = std::move(at(index));
    ring_ = std::move(bigger);
    start_ = 0;
  }

  std::vector<Slot> ring_;
  std::size_t start_ = 0;
  std::size_t size_ = 0;
  std::uint64_t first_ = 0;  // number of the oldest request
};

}  // namespace innkeeper::http
