#include "actors/store/checkpointer.hpp"

#include <system_error>
#include <utility>

namespace innkeeper::store {
namespace {

// Each round copies what came in during the one before, so the rest shrinks fast or the disk is too
// slow.
constexpr int rounds_max = 4;

}  // namespace

domain::Result<std::unique_ptr<Checkpointer>> Checkpointer::start(sqlite::Connection connection,
                                                                  const CheckpointLimits& limits) {
  std::unique_ptr<Checkpointer> checkpointer(new Checkpointer(std::move(connection), limits));
  try {
    checkpointer->thread_ = std::thread([self = checkpointer.get()] { self->run(); });
  } catch (const std::system_error& failure) {
    return domain::Error{.code = domain::ErrorCode::unavailable,
                         .message = "store " + checkpointer->connection_.path() +
                                    ": cannot start the checkpoint thread (" + failure.what() + ")",
                         .field = {},
                         .retry_after_s = 0};
  }
  return checkpointer;
}

Checkpointer::Checkpointer(sqlite::Connection connection, const CheckpointLimits& limits)
    : limits_(limits), connection_(std::move(connection)), restart_at_(limits.restart_at) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

domain::Result<void> Checkpointer::batch_begins() {
  std::unique_lock lock(mutex_);
  resume_.wait(lock, [this] { return !pause_; });
  if (error_) return *error_;
  in_batch_ = true;
  return {};
}

void Checkpointer::batch_ended(int frames) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    in_batch_ = false;
    if (frames >= 0) {
      if (frames < frames_) {  // the log has begun anew
        attempted_ = 0;
        restart_at_ = limits_.restart_at;
      }
      frames_ = frames;
    }
    wake = pause_ || frames_ - attempted_ >= limits_.every;
  }
  if (wake) wake_.notify_one();
}

bool Checkpointer::failed() {
  const std::lock_guard lock(mutex_);
  return error_.has_value();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock,
               [this] { return stop_ || (!error_ && frames_ - attempted_ >= limits_.every); });
    if (stop_) return;
    Progress progress;
    for (int round = 0; round < rounds_max && !stop_; ++round) {
      if (!copy(lock, progress)) break;
      const int rest = frames_ - progress.copied;
      if (frames_ < restart_at_ || rest <= limits_.restart_rest) break;
      // What another program still reads cannot be copied over, however often it is tried.
      if (progress.copied < progress.frames) break;
    }
    if (error_ || stop_ || frames_ < restart_at_) continue;
    const int rest = frames_ - progress.copied;
    if (rest <= limits_.restart_rest || frames_ >= limits_.restart_anyway) {
      copy_while_writer_waits(lock);
    }
  }
}

bool Checkpointer::copy(std::unique_lock<std::mutex>& lock, Progress& progress) {
  attempted_ = frames_;
  lock.unlock();
  const int code = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &progress.frames, &progress.copied);
  // Another program that checkpoints at the same time is no failure.
  std::optional<domain::Error> error;
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED) {
    error = connection_.failure(sqlite3_extended_errcode(connection_.get()),
                                "copying the write-ahead log into it");
  }
  lock.lock();
  if (error) error_ = std::move(error);
  return !error_;
}

bool Checkpointer::copy_while_writer_waits(std::unique_lock<std::mutex>& lock) {
  pause_ = true;
  wake_.wait(lock, [this] { return stop_ || !in_batch_; });
  Progress progress;
  const bool copied = stop_ || copy(lock, progress);
  // Foiled by a reader of another program: try again when the log has grown by as much once more,
  // so that the writer does not wait in vain again and again.
  restart_at_ =
      progress.copied < progress.frames ? frames_ + limits_.restart_at : limits_.restart_at;
  pause_ = false;
  resume_.notify_all();
  return copied;
}

}  // namespace innkeeper::store
