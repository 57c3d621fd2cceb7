#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "actors/domain/result.hpp"
#include "actors/store/sqlite.hpp"

namespace innkeeper::store {

// When the write-ahead log is copied into the database, in pages ("frames") of the log.
struct CheckpointLimits {
  int every = 1'000;            // copy whenever so many frames are new
  int restart_at = 4'000;       // from here on the log is to begin anew …
  int restart_rest = 256;       // … as soon as no more than this is left to copy …
  int restart_anyway = 32'000;  // … and whatever is left, from here on
};

// Copies the write-ahead log into the database on a thread and connection of its own, because a
// checkpoint on the committing thread would stall it for tens of milliseconds.
//
// SQLite lets a log begin anew only when a write starts at a moment at which everything has been
// copied. Under endless load that moment never comes by itself. So once the log has grown to
// `restart_at` and little is left to copy, the checkpointer asks the writer to wait before its next
// batch, copies the rest, and lets it go on: a pause of about one fsync. README.md has the whole
// scheme.
class Checkpointer {
 public:
  // The connection is used by the checkpointer alone from now on. Fails when no thread can be
  // started.
  [[nodiscard]] static domain::Result<std::unique_ptr<Checkpointer>> start(
      sqlite::Connection connection, const CheckpointLimits& limits);
  ~Checkpointer();  // waits for a checkpoint that is under way
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // By the writer, around each batch. batch_begins() may wait for the end of a checkpoint, and
  // fails with the reason for which a checkpoint has failed: then the database cannot take what the
  // log holds.
  [[nodiscard]] domain::Result<void> batch_begins();
  // `frames` is the length of the log after a commit; negative when nothing was committed.
  void batch_ended(int frames);
  // True after a checkpoint that has failed, whether batch_begins() has told or not.
  [[nodiscard]] bool failed();

 private:
  struct Progress {
    int frames = 0;  // in the log
    int copied = 0;
  };
  Checkpointer(sqlite::Connection connection, const CheckpointLimits& limits);
  void run();
  // Both are called with the lock held, and give it up meanwhile. False when a checkpoint failed.
  bool copy(std::unique_lock<std::mutex>& lock, Progress& progress);
  bool copy_while_writer_waits(std::unique_lock<std::mutex>& lock);

  const CheckpointLimits limits_;
  sqlite::Connection connection_;
  std::mutex mutex_;
  std::condition_variable wake_;    // the thread: there is something to do
  std::condition_variable resume_;  // the writer: the pause is over
  bool stop_ = false;
  bool in_batch_ = false;
  bool pause_ = false;
  int frames_ = 0;     // in the log, after the last commit
  int attempted_ = 0;  // frames_ when the last copying began
  int restart_at_ =
      0;  // limits_.restart_at, or more after an attempt that another reader has foiled
  std::optional<domain::Error> error_;
  std::thread thread_;
};

}  // namespace innkeeper::store
