// For LD_PRELOAD: fsync() and fdatasync() fail with EIO for as long as the file that the
// environment variable INNKEEPER_FAIL_FSYNC names exists, as on a disk that has stopped taking
// writes.

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

int sync_or_fail(long call, int descriptor) {
  const char* const file = std::getenv("INNKEEPER_FAIL_FSYNC");
  if (file != nullptr && ::access(file, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(call, descriptor));
}

}  // namespace

extern "C" int fsync(int descriptor) { return sync_or_fail(SYS_fsync, descriptor); }
extern "C" int fdatasync(int descriptor) { return sync_or_fail(SYS_fdatasync, descriptor); }
