#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/runner/types.hpp"

// What a process is started with; pure.
namespace innkeeper::runner {

// A port of one process. `local` is what the process binds; it differs from the public one for
// `tls`, where the host listens on the public port and forwards.
struct AssignedPort {
  std::string name;
  domain::Transport transport = domain::Transport::tcp;
  std::uint16_t public_port = 0;
  std::uint16_t local_port = 0;
  friend bool operator==(const AssignedPort&, const AssignedPort&) = default;
};

struct Surroundings {
  std::string node;
  std::string public_address;
  std::string private_address;
  std::string process_directory;  // absolute
  std::string work_folder;        // absolute
};

// The environment, NAME=value, later entries win and names are unique: a base (PATH, HOME, LANG),
// the deployment's own env, then what it cannot replace (domain/environment.hpp): the HATHORA_*
// list, the ports, and the marks by which the host finds its processes again.
[[nodiscard]] std::vector<std::string> make_environment(const Order& order,
                                                        const std::vector<AssignedPort>& ports,
                                                        const Surroundings& surroundings);

// The arguments with {port} and {NAME_port} replaced by the ports that the process binds.
[[nodiscard]] std::vector<std::string> make_arguments(const std::vector<std::string>& command,
                                                      const std::vector<AssignedPort>& ports);

// Nothing is wrong with the order: empty. Otherwise a sentence, for orders that cannot be carried
// out.
[[nodiscard]] std::string find_fault(const Order& order, bool tls_available);

// The marks.
inline constexpr const char* mark_process = "INNKEEPER_PROCESS_ID";
inline constexpr const char* mark_node = "INNKEEPER_NODE";
inline constexpr const char* mark_directory = "INNKEEPER_PROCESS_DIR";

}  // namespace innkeeper::runner
