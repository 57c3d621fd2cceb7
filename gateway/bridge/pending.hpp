#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include <boost/intrusive/list.hpp>

namespace innkeeper::bridge {

// A request that has not been answered. Whoever answers first, the core or the clock, calls `finish`.
class Pending : public boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
                public std::enable_shared_from_this<Pending> {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Pending() = default;
  virtual void expire() = 0;  // its deadline has passed
  Clock::time_point deadline;
};

// The requests of one worker that are under way. Those with the common timeout form a list in the order of
// their deadlines; those with one of their own (?wait=) are sorted.
class PendingRequests {
 public:
  // The reply handlers inside the actor own the request; it unlinks itself when they are gone.
  void add(const std::shared_ptr<Pending>& request) { list_.push_back(*request); }
  void add_sorted(const std::shared_ptr<Pending>& request) {
    sorted_.emplace(request->deadline, request);
  }

  // Expires what is overdue. Not reentrant.
  void sweep(Pending::Clock::time_point now) {
    while (!list_.empty() && list_.front().deadline <= now) {
      const auto request = list_.front().shared_from_this();
      list_.pop_front();
      request->expire();
    }
    while (!sorted_.empty() && sorted_.begin()->first <= now) {
      const auto request = sorted_.begin()->second.lock();
      sorted_.erase(sorted_.begin());
      if (request) request->expire();
    }
  }
  // Expires those that wait with a deadline of their own.
  void sweep_sorted() {
    for (const auto& [deadline, weak] : std::exchange(sorted_, {}))
      if (const auto request = weak.lock()) request->expire();
  }
  // Expires everything, for the end of the worker.
  void sweep_all() { sweep(Pending::Clock::time_point::max()); }

 private:
  boost::intrusive::list<Pending, boost::intrusive::constant_time_size<false>> list_;
  std::multimap<Pending::Clock::time_point, std::weak_ptr<Pending>> sorted_;
};

}  // namespace innkeeper::bridge
