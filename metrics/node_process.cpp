#include "metrics/node_process.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

namespace innkeeper::metrics {
namespace {

std::string read_whole(const char* path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "re"), &std::fclose);
  std::string text;
  if (!file) return text;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    text.append(buffer.data(), n);
    if (text.size() > 65'536) break;
  }
  return text;
}

// Seconds since 1970 at which the machine was booted.
double boot_time() {
  const std::string text = read_whole("/proc/stat");
  const std::size_t at = text.find("\nbtime ");
  unsigned long long seconds = 0;
  if (at == std::string::npos || std::sscanf(text.c_str() + at, " btime %llu", &seconds) != 1)
    return 0;
  return static_cast<double>(seconds);
}

double count_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  if (!folder) return 0;
  int n = 0;
  while (const dirent* const one = ::readdir(folder.get())) {
    if (one->d_name[0] != '.') ++n;
  }
  return n > 0 ? n - 1 : 0;  // without the one that reads the folder
}

}  // namespace

NodeProcess read_node_process() {
  NodeProcess result;
  // The name of the program, field 2, is in parentheses and may hold anything; fields are counted
  // after it.
  const std::string stat = read_whole("/proc/self/stat");
  const std::size_t end_of_name = stat.rfind(')');
  unsigned long long start_ticks = 0;
  unsigned long long virtual_bytes = 0;
  long long resident_pages = 0;
  if (end_of_name != std::string::npos &&
      std::sscanf(stat.c_str() + end_of_name + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
                  "%llu %llu %lld",
                  &start_ticks, &virtual_bytes, &resident_pages) == 3) {
    result.virtual_bytes = static_cast<double>(virtual_bytes);
    result.resident_bytes =
        static_cast<double>(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
    static const double boot = boot_time();
    result.start_time_seconds =
        boot + static_cast<double>(start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    result.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  }
  result.open_fds = count_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) result.max_fds = static_cast<double>(limit.rlim_cur);
  return result;
}

}  // namespace innkeeper::metrics
