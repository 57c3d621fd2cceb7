// innkeeper-shim DIRECTORY: stands between Innkeeper and one server process, so that the server and
// the record of its end outlive Innkeeper. Not for use by hand; see actors/runner/README.md.

#include <cerrno>
#include <cstdio>
#include <string>

#include <linux/close_range.h>
#include <unistd.h>

#include "actors/runner/files.hpp"
#include "actors/runner/key_values.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/shim/command.hpp"
#include "actors/runner/shim/supervisor.hpp"

int main(int argc, char** argv) {
  using namespace innkeeper;
  if (argc != 2 || argv[1][0] != '/') {
    std::fputs("usage: innkeeper-shim DIRECTORY (absolute; made by innkeeper)\n", stderr);
    return 64;
  }
  ::close_range(3, ~0U, 0);
  ::setsid();
  const std::string directory = argv[1];
  if (::chdir("/") != 0) return 71;
  auto command = shim::take_command(directory);
  if (!command) {
    runner::KeyValues end;
    end.add(runner::files::key_format, runner::files::format);
    end.add(runner::files::key_kind, runner::files::kind_shim_failed);
    end.add(runner::files::key_step, "read its spec");
    end.add(runner::files::key_error, "missing or damaged");
    [[maybe_unused]] const int error = runner::write_file_atomic(
        directory + "/" + runner::files::exit, end.serialise(), runner::Sync::yes);
    return 65;
  }
  return shim::Supervisor(directory, std::move(*command)).run();
}
