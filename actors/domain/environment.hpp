#pragma once

#include <string_view>

namespace innkeeper::domain {

// Whether Innkeeper alone gives the environment variable of that name to a process: `PORT`,
// `PORT_<NAME>`, `HATHORA_<NAME>_PORT`, `INNKEEPER_…`, and the fixed names of the Hathora contract.
// A deployment cannot set these. Other names that begin with HATHORA_ are its own: servers are told
// to look for a HATHORA_DEV_TOKEN there, for example.
[[nodiscard]] bool is_reserved_variable(std::string_view name) noexcept;

}  // namespace innkeeper::domain
