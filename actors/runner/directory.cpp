#include "actors/runner/directory.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace innkeeper::runner {
namespace {

domain::Error failure(domain::ErrorCode code, const std::string& what) {
  return domain::Error{.code = code, .message = what, .field = {}};
}

}  // namespace

domain::Result<Directory> Directory::open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return failure(domain::ErrorCode::unavailable,
                   "could not make " + path + ": " + error.message());
  }
  ::chmod(path.c_str(), 0700);
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(path.c_str(), nullptr), ::free);
  if (!resolved) {
    return failure(domain::ErrorCode::unavailable,
                   "could not resolve " + path + ": " + errno_text(errno));
  }
  std::string real = resolved.get();
  const auto lock_path = real + "/.lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return failure(domain::ErrorCode::unavailable,
                   "could not open " + lock_path + ": " + errno_text(errno));
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return failure(
        errno == EWOULDBLOCK ? domain::ErrorCode::refused : domain::ErrorCode::unavailable,
        errno == EWOULDBLOCK ? real + " is held by another process"
                             : "could not lock " + lock_path + ": " + errno_text(errno));
  }
  return Directory(std::move(real), std::move(lock));
}

ProcessFolder Directory::folder(domain::ProcessId process) const {
  return ProcessFolder(path_ + "/" + to_string(process));
}

std::vector<domain::ProcessId> Directory::list() const {
  std::vector<domain::ProcessId> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(path_.c_str()), ::closedir);
  if (!handle) return result;
  while (const auto* entry = ::readdir(handle.get())) {
    if (const auto id = domain::parse_process_id(entry->d_name);
        id && to_string(*id) == entry->d_name) {
      result.push_back(*id);
    }
  }
  return result;
}

std::vector<std::string> Directory::clean(const std::vector<domain::ProcessId>& known,
                                          domain::Timestamp now, domain::Duration retention,
                                          std::size_t count_max) const {
  const std::set<domain::ProcessId> keep(known.begin(), known.end());
  std::vector<std::pair<domain::Timestamp, domain::ProcessId>> ended;
  for (const auto id : list()) {
    if (keep.contains(id)) continue;
    const auto dir = folder(id);
    if (const auto outcome = dir.outcome()) {
      if (outcome->acknowledged) ended.emplace_back(outcome->ended_at, id);
      continue;
    }
    struct stat about {};
    if (!dir.record() && ::stat(dir.path().c_str(), &about) == 0) {
      ended.emplace_back(domain::Timestamp(std::chrono::seconds(about.st_mtim.tv_sec)), id);
    }
  }
  std::sort(ended.begin(), ended.end());
  const auto surplus = ended.size() - std::min(ended.size(), count_max);
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < ended.size(); ++i) {
    if (i >= surplus && ended[i].first + retention >= now) break;
    const auto path = folder(ended[i].second).path();
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) problems.push_back("could not remove " + path + ": " + error.message());
  }
  return problems;
}

}  // namespace innkeeper::runner
