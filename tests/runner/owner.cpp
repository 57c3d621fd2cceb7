// Owns a runner in the folder that is its argument, starts two echo servers, says so on standard
// output, and waits to be killed.

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "tests/runner/world.hpp"

int main(int argc, char** argv) {
  using namespace innkeeper::runner;
  if (argc != 4) return 64;
  auto options = testing::options_in(argv[1]);
  options.port_first = static_cast<std::uint16_t>(std::atoi(argv[2]));
  options.port_last = static_cast<std::uint16_t>(std::atoi(argv[3]));
  auto opened = Runner::open(options);
  if (!opened) return 1;
  auto& runner = **opened;
  for (const std::uint64_t number : {1U, 2U}) {
    runner.start(testing::echo_order(number));
    runner.watch(testing::process_id(number), [number](const Report& report) {
      if (report.phase != Phase::running) return;
      std::printf("%llu %lld %d\n", static_cast<unsigned long long>(number),
                  static_cast<long long>(report.pid), report.ports.front().port);
      std::fflush(stdout);
    });
  }
  while (true) ::pause();
}
