#include "actors/runner/proc.hpp"

#include <charconv>
#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <unistd.h>

#include "actors/runner/files.hpp"

namespace innkeeper::runner {
namespace {

std::string proc_path(pid_t pid, const char* rest) { return "/proc/" + std::to_string(pid) + rest; }

// The entries of a /proc folder whose names are numbers.
bool numeric_entries(const std::string& folder, std::vector<pid_t>& out) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(folder.c_str()), ::closedir);
  if (!handle) return false;
  while (const auto* entry = ::readdir(handle.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    out.push_back(static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10)));
  }
  return true;
}

// Kernels without CONFIG_PROC_CHILDREN have no `children` file.
bool has_children_files() {
  static const bool there = ::access("/proc/thread-self/children", R_OK) == 0;
  return there;
}

void append_children(pid_t pid, std::vector<pid_t>& out) {
  std::vector<pid_t> threads;
  if (!numeric_entries(proc_path(pid, "/task"), threads)) return;
  for (const pid_t thread : threads) {
    // Children belong to the thread that made them.
    const auto list = read_small_file(
        proc_path(pid, "/task/") + std::to_string(thread) + "/children", std::size_t{1} << 22);
    if (!list) continue;
    const char* at = list->data();
    const char* const end = at + list->size();
    while (at < end) {
      pid_t child = 0;
      const auto parsed = std::from_chars(at, end, child);
      if (parsed.ec == std::errc{}) {
        out.push_back(child);
        at = parsed.ptr;
      }
      ++at;
    }
  }
}

std::vector<pid_t> walk(pid_t root, bool deep) {
  std::vector<pid_t> found;
  if (has_children_files()) {
    append_children(root, found);
    for (std::size_t i = 0; deep && i < found.size(); ++i) append_children(found[i], found);
    return found;
  }
  std::vector<ProcStat> everything;
  for (const pid_t pid : all_pids()) {
    if (const auto stat = read_stat(pid)) everything.push_back(*stat);
  }
  std::vector<pid_t> parents{root};
  for (std::size_t i = 0; i < parents.size(); ++i) {
    for (const auto& stat : everything) {
      if (stat.parent != parents[i]) continue;
      found.push_back(stat.pid);
      if (deep) parents.push_back(stat.pid);
    }
  }
  return found;
}

}  // namespace

std::optional<ProcStat> parse_stat(const std::string& content) {
  // The second field is the program's name in parentheses and may itself hold anything.
  const auto name_end = content.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= content.size()) return std::nullopt;
  ProcStat stat;
  if (std::from_chars(content.data(), content.data() + name_end, stat.pid).ec != std::errc{}) {
    return std::nullopt;
  }
  stat.state = content[name_end + 2];
  const char* at = content.data() + name_end + 3;
  const char* const end = content.data() + content.size();
  for (int field = 4; field <= 22; ++field) {
    while (at < end && *at == ' ') ++at;
    std::int64_t value = 0;
    const auto parsed = std::from_chars(at, end, value);
    if (parsed.ec != std::errc{}) return std::nullopt;
    at = parsed.ptr;
    if (field == 4) stat.parent = static_cast<pid_t>(value);
    if (field == 6) stat.session = static_cast<pid_t>(value);
    if (field >= 14 && field <= 17) stat.cpu_ticks += static_cast<std::uint64_t>(value);
    if (field == 22) stat.start_time = static_cast<std::uint64_t>(value);
  }
  return stat;
}

std::optional<ProcStat> read_stat(pid_t pid) {
  const auto content = read_small_file(proc_path(pid, "/stat"), 4096);
  return content ? parse_stat(*content) : std::nullopt;
}

std::string boot_id() {
  auto id = read_small_file("/proc/sys/kernel/random/boot_id", 256).value_or("");
  while (!id.empty() && (id.back() == '\n' || id.back() == ' ')) id.pop_back();
  return id;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  numeric_entries("/proc", pids);
  return pids;
}

std::vector<pid_t> children_of(pid_t pid) { return walk(pid, false); }

std::vector<pid_t> descendants_of(pid_t pid) { return walk(pid, true); }

}  // namespace innkeeper::runner
