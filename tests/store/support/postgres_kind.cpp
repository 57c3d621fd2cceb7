#include "tests/store/support/postgres_server.hpp"

namespace innkeeper::store::testing {
namespace {

class PostgresPlace : public StorePlace {
 public:
  domain::Result<std::unique_ptr<Store>> open() override {
    return open_postgres(database_.options(), Alone{});
  }

 protected:
  TestDatabase database_;
};

// With a lease that outlasts the test.
class LeasedPlace final : public PostgresPlace {
 public:
  domain::Result<std::unique_ptr<Store>> open() override {
    auto table = LeaseTable::open(database_.options());
    if (!table) return std::move(table).error();
    auto lease = (*table)->acquire(domain::RegionName("Seattle"),
                                   {.node = "node-1", .incarnation = 1}, std::chrono::hours(1));
    if (!lease) return std::move(lease).error();
    return open_postgres(database_.options(), **lease);
  }
};

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {{"postgresql", [] { return std::make_unique<PostgresPlace>(); }},
          {"postgresql with a lease", [] { return std::make_unique<LeasedPlace>(); }}};
}

}  // namespace innkeeper::store::testing
