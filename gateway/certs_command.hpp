#pragma once

#include <CLI/CLI.hpp>

namespace innkeeper {

// Adds `innkeeper certs init|issue|show`: the CA of a cluster and the certificates of its nodes. The
// command that was given leaves its exit code in `code`, which must outlive `app`.
void add_certs_command(CLI::App& app, int& code);

}  // namespace innkeeper
