#pragma once

#include "config/options.hpp"

namespace innkeeper::config {

// What no option can say alone: options that need each other, names that must differ, files and
// addresses that must not clash. Reports what is wrong and completes `draft.settings`. An option
// that has a problem of its own is left out, so that nothing is reported twice.
void apply_rules(Draft& draft, Scope& scope);

}  // namespace innkeeper::config
