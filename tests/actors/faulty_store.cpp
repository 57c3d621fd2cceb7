#include "tests/actors/faulty_store.hpp"

#include <utility>

namespace innkeeper::actors::testing {
namespace {

class FaultyStore final : public store::Store {
 public:
  FaultyStore(std::unique_ptr<store::Store> store, std::shared_ptr<StoreFaults> faults)
      : store_(std::move(store)), faults_(std::move(faults)) {
    faults_->healthy = store_.get();
  }
  ~FaultyStore() override { faults_->healthy = nullptr; }

  domain::Result<store::Outcomes> commit(store::Batch batch) override {
    if (fails()) return failure();
    if (std::exchange(faults_->at_commit, false)) {
      if (std::exchange(faults_->commit_arrives, false) && store_->commit(batch)) committed();
      return lose();
    }
    auto result = faults_->lies ? lie(batch) : store_->commit(batch);
    if (result) {
      ++faults_->commits;
      committed();
    }
    return result;
  }
  domain::Result<void> reopen() override {
    if (faults_->broken) return failure();
    auto result = store_->reopen();
    down_ = !result.has_value();
    return result;
  }
  domain::Result<store::RegionSnapshot> load_region(const domain::RegionName& region) override {
    if (read_fails()) return failure();
    return store_->load_region(region);
  }
  domain::Result<std::shared_ptr<const domain::RoomRecord>> load_room(const domain::RoomId& room) override {
    if (read_fails()) return failure();
    return store_->load_room(room);
  }
  domain::Result<domain::CatalogSnapshot> load_catalog() override {
    if (read_fails()) return failure();
    return store_->load_catalog();
  }
  [[nodiscard]] Size size() const override { return store_->size(); }

 private:
  // All is well, it says, and keeps nothing.
  static domain::Result<store::Outcomes> lie(store::Batch batch) {
    return store::Outcomes(batch.size(), domain::Result<void>{});
  }
  static domain::Error failure() {
    return {.code = domain::ErrorCode::unavailable, .message = "the disk is broken"};
  }
  domain::Error lose() {
    ++faults_->met;
    down_ = true;
    return failure();
  }
  bool fails() {
    if (faults_->broken && !down_) static_cast<void>(lose());
    return down_;
  }
  bool read_fails() {
    if (std::exchange(faults_->at_load, false)) static_cast<void>(lose());
    return fails();
  }
  void committed() {
    if (faults_->after_commit) faults_->after_commit();
  }

  std::unique_ptr<store::Store> store_;
  std::shared_ptr<StoreFaults> faults_;
  bool down_ = false;
};

}  // namespace

std::unique_ptr<store::Store> make_faulty(std::unique_ptr<store::Store> store,
                                          std::shared_ptr<StoreFaults> faults) {
  return std::make_unique<FaultyStore>(std::move(store), std::move(faults));
}

}  // namespace innkeeper::actors::testing
