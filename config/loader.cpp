#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iterator>
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

using Overrides = std::vector<std::pair<std::string, std::string>>;

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

bool is_within(const std::string& option, const std::string& key) {
  return option.starts_with(key) &&
         (option.size() == key.size() || option[key.size()] == '.' || option[key.size()] == '[');
}

bool holds(const std::vector<Problem>& problems, const Problem& one) {
  return std::any_of(problems.begin(), problems.end(), [&](const Problem& other) {
    return other.option == one.option && other.value == one.value && other.message == one.message;
  });
}

// What is wrong with the override at `index` by itself: later ones are not applied.
void report_override(const Table& root, const Overrides& overrides, std::size_t index,
                     const Scope& scope) {
  Table table = root;
  std::vector<Problem> problems;
  std::set<std::string> given;
  Scope alone{problems, given, scope.directory};
  for (std::size_t i = 0; i <= index; ++i) {
    apply_override(table, overrides[i].first, overrides[i].second, alone);
  }
  Draft draft;
  read_table(options(), table, "", draft, alone);
  for (Problem& problem : problems) {
    if (is_within(problem.option, overrides[index].first) && !holds(scope.problems, problem)) {
      scope.problems.push_back(std::move(problem));
    }
  }
}

// Values that a later `--set` of the same option replaces: a person who types two wrong ones wants
// to hear of both.
void report_replaced(const Table& root, const Overrides& overrides, const Scope& scope) {
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    const bool replaced =
        std::any_of(overrides.begin() + static_cast<std::ptrdiff_t>(i) + 1, overrides.end(),
                    [&](const auto& later) { return later.first == overrides[i].first; });
    if (replaced) report_override(root, overrides, i, scope);
  }
}

// Without a text, overrides can still be looked at, but for those that reach into its arrays.
Loaded without_text(const std::string& directory, const Overrides& overrides, Problem why) {
  Loaded loaded;
  loaded.problems.push_back(std::move(why));
  std::set<std::string> given;
  const Scope scope{loaded.problems, given, absolute_directory(directory)};
  Overrides plain;
  std::copy_if(overrides.begin(), overrides.end(), std::back_inserter(plain),
               [](const auto& one) { return one.first.find('[') == std::string::npos; });
  for (std::size_t i = 0; i < plain.size(); ++i) report_override({}, plain, i, scope);
  return loaded;
}

Loaded load(const std::string& toml, const std::string& directory, const Overrides& overrides) {
  auto parsed = read_toml(toml);
  if (!parsed) return without_text(directory, overrides, {whole_file, "", parsed.error().message});
  Loaded loaded;
  std::set<std::string> given;
  Scope scope{loaded.problems, given, absolute_directory(directory)};
  report_replaced(*parsed, overrides, scope);
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
    const std::string directory = std::filesystem::path(path).parent_path().string();
    if (!text) return without_text(directory, overrides, {whole_file, path, text.error().message});
    return load(*text, directory, overrides);
  } catch (const std::exception& error) {
    return one_problem(path, std::string("cannot be read: ") + error.what());
  }
}

}  // namespace innkeeper::config
