#pragma once

#include <string>

#include "config/option.hpp"
#include "config/value.hpp"

namespace innkeeper::config {

// Puts one `--set KEY=VALUE` into the tree. The key is a dotted name, elements of arrays as
// name[index]; the index one past the last element appends. The value is a TOML value when it reads
// as one, else a string. A key that cannot be followed is reported; whether an option of that name
// exists is not looked at here.
void apply_override(Table& root, const std::string& key, const std::string& value, Scope& scope);

}  // namespace innkeeper::config
