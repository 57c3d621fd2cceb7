#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/store/sqlite_store.hpp"
#include "actors/store/store.hpp"

namespace innkeeper::store::testing {

// Somewhere a store can be opened, closed and opened again: empty at first, gone at the end.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  [[nodiscard]] virtual domain::Result<std::unique_ptr<Store>> open() = 0;
};

// An implementation of the store, for the tests that all of them have to pass.
struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StorePlace>()> make_place;
};
// Those of this test program (sqlite_kind.cpp or postgres_kind.cpp).
[[nodiscard]] std::vector<StoreKind> store_kinds();

// A directory of its own under the system's temporary one, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace innkeeper::store::testing
