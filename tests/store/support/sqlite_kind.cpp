#include "tests/store/support/place.hpp"

namespace innkeeper::store::testing {
namespace {

class SqlitePlace final : public StorePlace {
 public:
  domain::Result<std::unique_ptr<Store>> open() override {
    return open_sqlite(directory_.file("innkeeper.db"));
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

std::vector<StoreKind> store_kinds() {
  return {{"sqlite", [] { return std::make_unique<SqlitePlace>(); }}};
}

}  // namespace innkeeper::store::testing
