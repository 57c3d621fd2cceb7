#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "config/options.hpp"
#include "config/overrides.hpp"
#include "config/rules.hpp"
#include "config/settings.hpp"
#include "config/toml_reader.hpp"

namespace innkeeper::config {
namespace {

// What a problem that belongs to no option is filed under.
constexpr const char* whole_file = "(file)";

Loaded one_problem(std::string value, std::string message) {
  Loaded loaded;
  loaded.problems.push_back({whole_file, std::move(value), std::move(message)});
  return loaded;
}

std::string absolute_directory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::absolute(directory.empty() ? "." : directory, error);
  return error ? directory : path.lexically_normal().string();
}

Loaded load(const std::string& toml, const std::string& directory,
            const std::vector<std::pair<std::string, std::string>>& overrides) {
  auto parsed = read_toml(toml);
  if (!parsed) return one_problem("", parsed.error().message);
  Loaded loaded;
  std::set<std::string> given;
  Scope scope{loaded.problems, given, absolute_directory(directory)};
  for (const auto& [key, value] : overrides) apply_override(*parsed, key, value, scope);
  Draft draft;
  read_table(options(), *parsed, "", draft, scope);
  apply_rules(draft, scope);
  if (loaded.problems.empty()) loaded.settings = std::move(draft.settings);
  return loaded;
}

// The whole file, or why it cannot be read.
domain::Result<std::string> read_whole(const std::string& path) {
  const auto failed = [](int code) {
    return domain::Error{.code = domain::ErrorCode::invalid,
                         .message = std::string("cannot be read: ") + std::strerror(code),
                         .field = {}};
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return failed(EISDIR);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return failed(errno);
  std::string text;
  std::vector<char> buffer(65'536);
  while (true) {
    const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get());
    text.append(buffer.data(), n);
    // One byte more than allowed is enough for the reader to refuse the rest.
    if (n == 0 || text.size() > text_bytes_max) break;
  }
  if (std::ferror(file.get()) != 0) return failed(EIO);
  return text;
}

}  // namespace

Loaded load_text(const std::string& toml, const std::string& directory,
                 const std::vector<std::pair<std::string, std::string>>& overrides) {
  try {
    return load(toml, directory, overrides);
  } catch (const std::exception& error) {
    return one_problem("", std::string("cannot be read: ") + error.what());
  }
}

Loaded load_file(const std::string& path,
                 const std::vector<std::pair<std::string, std::string>>& overrides) {
  try {
    const auto text = read_whole(path);
    if (!text) return one_problem(path, text.error().message);
    return load(*text, std::filesystem::path(path).parent_path().string(), overrides);
  } catch (const std::exception& error) {
    return one_problem(path, std::string("cannot be read: ") + error.what());
  }
}

}  // namespace innkeeper::config
