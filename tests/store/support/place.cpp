#include "tests/store/support/place.hpp"

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace innkeeper::store::testing {
TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "innkeeper-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace innkeeper::store::testing
