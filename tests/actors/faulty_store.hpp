#pragma once

#include <functional>
#include <memory>

#include "actors/store/store.hpp"

namespace innkeeper::actors::testing {

// What a store does wrong, and what is seen of it from outside; shared with the test.
struct StoreFaults {
  bool broken = false;           // every call fails from now on, until this is false again
  bool at_commit = false;        // the next commit fails, and the store stays down until it is reopened
  bool commit_arrives = false;   // what a failing commit was to write reaches the disk all the same
  bool lies = false;             // commits say that they went well and write nothing
  bool at_load = false;          // the next read fails, and the store stays down until it is reopened
  std::uint64_t met = 0;         // failures so far
  std::uint64_t commits = 0;     // commits that went well
  store::Store* healthy = nullptr;            // the real one, for looking at what is on disk
  std::function<void()> after_commit;         // called when something has reached the disk
};

// The store, with faults in front of it.
[[nodiscard]] std::unique_ptr<store::Store> make_faulty(std::unique_ptr<store::Store> store,
                                                        std::shared_ptr<StoreFaults> faults);

}  // namespace innkeeper::actors::testing
