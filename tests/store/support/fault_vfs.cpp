#include "tests/store/support/fault_vfs.hpp"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>

namespace innkeeper::store::testing::fault_vfs {
namespace {

struct State {
  std::mutex mutex;
  std::optional<Fault> fault;
  std::uint64_t met = 0;
  std::array<std::uint64_t, 5> counts{};
};
State& state() {
  static State instance;
  return instance;
}

struct Verdict {
  int code = SQLITE_OK;
  bool half = false;
};

Verdict judge(Operation operation, std::string_view name) {
  State& all = state();
  const std::lock_guard lock(all.mutex);
  ++all.counts[static_cast<std::size_t>(operation)];
  if (!all.fault || all.fault->operation != operation) return {};
  if (!name.ends_with(all.fault->suffix)) return {};
  if (all.fault->after > 0) {
    --all.fault->after;
    return {};
  }
  const Verdict verdict{all.fault->code, all.fault->half};
  ++all.met;
  if (!all.fault->lasts) all.fault.reset();
  errno = (verdict.code & 0xFF) == SQLITE_FULL ? ENOSPC : EIO;
  return verdict;
}

// SQLite allocates our part and the real layer's file behind it as one block.
struct File {
  sqlite3_file base;
  const char* name;
};

constexpr int own_size = (static_cast<int>(sizeof(File)) + 15) / 16 * 16;

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + own_size);
}
std::string_view name_of(sqlite3_file* file) {
  const char* name = reinterpret_cast<File*>(file)->name;
  return name == nullptr ? std::string_view() : std::string_view(name);
}

int do_close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int do_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  if (const auto fault = judge(Operation::read, name_of(file)); fault.code != SQLITE_OK)
    return fault.code;
  return real(file)->pMethods->xRead(real(file), data, size, offset);
}
int do_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (const auto fault = judge(Operation::write, name_of(file)); fault.code != SQLITE_OK) {
    if (fault.half) real(file)->pMethods->xWrite(real(file), data, size / 2, offset);
    return fault.code;
  }
  return real(file)->pMethods->xWrite(real(file), data, size, offset);
}
int do_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const auto fault = judge(Operation::truncate, name_of(file)); fault.code != SQLITE_OK) {
    return fault.code;
  }
  return real(file)->pMethods->xTruncate(real(file), size);
}
int do_sync(sqlite3_file* file, int flags) {
  if (const auto fault = judge(Operation::sync, name_of(file)); fault.code != SQLITE_OK)
    return fault.code;
  return real(file)->pMethods->xSync(real(file), flags);
}
int do_file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int do_lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int do_unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int do_check_lock(sqlite3_file* file, int* reserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}
int do_control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int do_sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int do_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int do_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int do_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void do_shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int do_shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods methods = {2,
                                    do_close,
                                    do_read,
                                    do_write,
                                    do_truncate,
                                    do_sync,
                                    do_file_size,
                                    do_lock,
                                    do_unlock,
                                    do_check_lock,
                                    do_control,
                                    do_sector_size,
                                    do_characteristics,
                                    do_shm_map,
                                    do_shm_lock,
                                    do_shm_barrier,
                                    do_shm_unmap,
                                    nullptr,
                                    nullptr};

sqlite3_vfs* base_vfs() { return sqlite3_vfs_find(nullptr); }

int do_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  if (name != nullptr) {
    if (const auto fault = judge(Operation::open, name); fault.code != SQLITE_OK) return fault.code;
  }
  const int code = base_vfs()->xOpen(base_vfs(), name, real(file), flags, out_flags);
  if (real(file)->pMethods == nullptr) return code;
  // SQLite keeps the name for as long as the file is open.
  reinterpret_cast<File*>(file)->name = name;
  file->pMethods = &methods;
  return code;
}

}  // namespace

const char* name() {
  static sqlite3_vfs* const registered = [] {
    static sqlite3_vfs vfs = *base_vfs();
    vfs.zName = "innkeeper-fault";
    vfs.szOsFile = own_size + base_vfs()->szOsFile;
    vfs.xOpen = do_open;
    vfs.pNext = nullptr;
    sqlite3_vfs_register(&vfs, 0);
    return &vfs;
  }();
  return registered->zName;
}

void inject(const Fault& fault) {
  const std::lock_guard lock(state().mutex);
  state().fault = fault;
}
void clear() {
  const std::lock_guard lock(state().mutex);
  state().fault.reset();
}
std::uint64_t met() {
  const std::lock_guard lock(state().mutex);
  return state().met;
}
std::uint64_t count(Operation operation) {
  const std::lock_guard lock(state().mutex);
  return state().counts[static_cast<std::size_t>(operation)];
}

}  // namespace innkeeper::store::testing::fault_vfs
