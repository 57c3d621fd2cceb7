#include "config/options.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "actors/domain/environment.hpp"
#include "actors/domain/limits.hpp"
#include "config/option_kinds.hpp"

namespace innkeeper::config {
namespace {

namespace limits = domain::limits;
using domain::ContainerPort;
using domain::Transport;

constexpr std::size_t command_words_max = 256;
constexpr std::size_t command_word_bytes_max = 4'096;
constexpr std::uint16_t default_container_port = 8080;

bool is_tag(const std::string& text) { return code_points(text) <= 100; }

bool is_shown_name(const std::string& text) {
  return !text.empty() && code_points(text) <= 100 &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20U || byte == 0x7FU;
         });
}

std::vector<std::pair<std::string, Transport>> transports() {
  return {{"tcp", Transport::tcp}, {"udp", Transport::udp}, {"tls", Transport::tls}};
}

// A path must be there before the node starts; a bare name is looked up when a process starts.
void check_executable(std::string& program, const std::string& name, Scope& scope) {
  if (program.find('/') == std::string::npos) return;
  const std::string given = program;
  program = resolve(scope.directory, program);
  std::error_code error;
  const auto status = std::filesystem::status(program, error);
  if (!std::filesystem::exists(status)) {
    scope.report(name, given, "there is no such file: " + program);
  } else if (!std::filesystem::is_regular_file(status) || ::access(program.c_str(), X_OK) != 0) {
    scope.report(name, given, "cannot be executed: " + program);
  }
}

void read_command(const Value& value, const std::string& name, AppDraft& app, Scope& scope) {
  const char* const allowed =
      "a list of 1 to 256 strings of at most 4096 bytes: the program and its arguments";
  const Array* const words = value.array();
  if (words == nullptr || words->empty()) return report_value(scope, name, value, allowed);
  if (words->size() > command_words_max) report_value(scope, name, value, allowed);
  // A wrong word leaves an empty one behind, so that the others keep their indexes.
  std::vector<std::string>& command = app.deployment.command;
  command.assign(words->size(), "");
  for (std::size_t i = 0; i < words->size(); ++i) {
    const std::string word_name = name + "[" + std::to_string(i) + "]";
    const std::string* const word = read_string((*words)[i], word_name, "a string", scope);
    if (word == nullptr) continue;
    if (word->size() > command_word_bytes_max || (i == 0 && word->empty())) {
      report_value(scope, word_name, (*words)[i], allowed);
    } else {
      command[i] = *word;
    }
  }
  check_executable(command.front(), name + "[0]", scope);
}

void read_env(const Value& value, const std::string& name, AppDraft& app, Scope& scope) {
  const char* const allowed = "a table of at most 100 strings, { NAME = \"value\" }";
  const Table* const table = value.table();
  if (table == nullptr) return report_value(scope, name, value, allowed);
  if (table->size() > limits::env_entries) report_value(scope, name, value, allowed);
  for (const auto& [key, given] : *table) {
    const std::string entry = name + "." + key;
    if (!is_env_name(key)) {
      scope.report(
          entry, show(given),
          "is not a name for a variable; allowed: 1 to 100 characters of A-Z a-z 0-9 _, not "
          "beginning with a digit");
    } else if (domain::is_reserved_variable(key)) {
      scope.report(entry, "(not shown)",
                   "is set by Innkeeper; allowed: any name but PORT, PORT_*, HATHORA_*_PORT, "
                   "INNKEEPER_* and the HATHORA_* that processes are given");
    }
    const char* const text_allowed = "a string of at most 5000 characters";
    const std::string* const text = read_string(given, entry, text_allowed, scope);
    if (text == nullptr) continue;
    if (code_points(*text) > limits::env_value_length) {
      report_value(scope, entry, given, text_allowed);
    } else {
      app.deployment.env[key] = *text;
    }
  }
}

OptionSet<ContainerPort> port_options() {
  OptionSet<ContainerPort> set;
  set.push_back(
      text<ContainerPort>(
          "name", [](ContainerPort & p) -> auto& { return p.name; },
          [](const std::string& given) { return is_port_name(given) && given != "default"; },
          "1 to 100 characters of a-z 0-9 -, beginning with a letter; not \"default\"",
          "Name of the port: {NAME_port} in the command, HATHORA_NAME_PORT in the environment")
          .require());
  set.push_back(whole<ContainerPort>(
                    "port", [](ContainerPort & p) -> auto& { return p.port; }, 1, 65'535,
                    "Number of the port as its author knows it")
                    .require());
  set.push_back(choice<ContainerPort>(
      "transport", [](ContainerPort & p) -> auto& { return p.transport; }, transports(),
      "What is spoken on the port; tls ends at the host"));
  return set;
}

void add_deployment(OptionSet<AppDraft>& set) {
  set.push_back(
      special<AppDraft>(
          "deployment.command", "list of strings", "", "1 to 256 strings",
          "Program and arguments. {port} and {NAME_port} are replaced. A program with a slash must "
          "be there and executable; a bare name is looked up in PATH when a process starts",
          read_command)
          .require());
  set.push_back(choice<AppDraft>(
      "deployment.transport",
      [](AppDraft & a) -> auto& { return a.deployment.default_port.transport; }, transports(),
      "What is spoken on the default port; tls ends at the host and needs [host.tls]"));
  set.push_back(
      whole<AppDraft>(
          "deployment.container_port",
          [](AppDraft & a) -> auto& { return a.deployment.default_port.port; }, 1, 65'535,
          "Default port as its author knows it: inside a container, or what a command without "
          "{port} binds")
          .default_text(std::to_string(default_container_port)));
  set.push_back(tables<AppDraft>(
      "deployment.additional_container_ports",
      [](AppDraft & a) -> auto& { return a.deployment.additional_ports; }, port_options(),
      limits::additional_ports, "a list of at most 2 tables { name, port, transport }",
      "Ports of a process besides the default one",
      [](ContainerPort&, const std::string&, Scope&) {}));
  set.push_back(whole<AppDraft>(
      "deployment.rooms_per_process",
      [](AppDraft & a) -> auto& { return a.deployment.rooms_per_process; }, 1,
      std::int64_t{limits::rooms_per_process}, "Rooms that one process takes at once"));
  set.push_back(cores<AppDraft>(
      "deployment.requested_cpu",
      [](AppDraft & a) -> auto& { return a.deployment.requested_cpu_millis; }, 0.01, 1'024, "0.25",
      "Cores that one process reserves on its host"));
  set.push_back(whole<AppDraft>(
      "deployment.requested_memory_mb",
      [](AppDraft & a) -> auto& { return a.deployment.requested_memory_mb; }, 1, 16'777'216,
      "Memory that one process reserves on its host, in MiB"));
  set.push_back(flag<AppDraft>(
      "deployment.idle_timeout_enabled",
      [](AppDraft & a) -> auto& { return a.deployment.idle_timeout_enabled; },
      "Stop a process that has had no room for [timeouts] idle"));
  set.push_back(special<AppDraft>(
      "deployment.env", "table of strings", "{}",
      "at most 100; names of A-Z a-z 0-9 _ that Innkeeper does not set itself, values "
      "of at most 5000 characters",
      "Environment of a process, besides what Innkeeper sets", read_env));
  set.push_back(text<AppDraft>(
      "deployment.build_tag", [](AppDraft & a) -> auto& { return a.deployment.build_tag; }, is_tag,
      "at most 100 characters",
      "Given to processes as HATHORA_BUILD_TAG; the deployment's id when empty"));
  set.push_back(text<AppDraft>(
      "deployment.deployment_tag",
      [](AppDraft & a) -> auto& { return a.deployment.deployment_tag; }, is_tag,
      "at most 100 characters", "Shown with the deployment"));
}

// {NAME_port} for a port that is not there would reach the program as it stands.
void check_placeholders(const AppDraft& app, const std::string& name, Scope& scope) {
  constexpr std::string_view suffix = "_port";
  for (std::size_t i = 0; i < app.deployment.command.size(); ++i) {
    const std::string& word = app.deployment.command[i];
    for (std::size_t open = word.find('{'); open != std::string::npos;
         open = word.find('{', open + 1)) {
      const std::size_t close = word.find('}', open);
      if (close == std::string::npos) break;
      const std::string_view inner = std::string_view(word).substr(open + 1, close - open - 1);
      if (inner.size() <= suffix.size() || !inner.ends_with(suffix)) continue;
      const std::string_view port = inner.substr(0, inner.size() - suffix.size());
      const auto& ports = app.deployment.additional_ports;
      if (!is_port_name(port) || port == "default" ||
          std::any_of(ports.begin(), ports.end(),
                      [&](const ContainerPort& p) { return p.name == port; })) {
        continue;
      }
      scope.report(name + ".deployment.command[" + std::to_string(i) + "]",
                   word.substr(0, show_bytes_max),
                   "names no port; allowed: {port} and {NAME_port} for each of "
                   "additional_container_ports");
    }
  }
}

}  // namespace

OptionSet<AppDraft> app_options() {
  OptionSet<AppDraft> set;
  set.push_back(text<AppDraft>(
                    "id", [](AppDraft & a) -> auto& { return a.id; },
                    [](const std::string& given) { return domain::is_valid_name(given); },
                    "1 to 64 characters of A-Z a-z 0-9 _ -",
                    "Id of the app, as clients send it; no id twice")
                    .require());
  set.push_back(text<AppDraft>(
                    "name", [](AppDraft & a) -> auto& { return a.name; }, is_shown_name,
                    "1 to 100 characters, no control characters", "Name of the app for people")
                    .default_text("the id"));
  set.push_back(text<AppDraft>(
      "org", [](AppDraft & a) -> auto& { return a.org; },
      [](const std::string& given) { return domain::is_valid_name(given); },
      "1 to 64 characters of A-Z a-z 0-9 _ -", "Id of the org that owns the app"));
  set.push_back(secret_file<AppDraft>(
      "secret_file", [](AppDraft & a) -> auto& { return a.secret_file; },
      "File with the secret that signs player tokens; without it a secret is generated and kept"));
  add_deployment(set);
  return set;
}

void finish_app(AppDraft& app, const std::string& name, Scope& scope) {
  if (app.name.empty()) app.name = app.id;
  if (app.deployment.default_port.port == 0)
    app.deployment.default_port.port = default_container_port;
  std::set<std::string> names;
  const std::string ports = name + ".deployment.additional_container_ports";
  for (std::size_t i = 0; i < app.deployment.additional_ports.size(); ++i) {
    const std::string& port = app.deployment.additional_ports[i].name;
    if (!port.empty() && !names.insert(port).second) {
      scope.report(ports + "[" + std::to_string(i) + "].name", "\"" + port + "\"",
                   "is the name of another port of the deployment too");
    }
  }
  check_placeholders(app, name, scope);
}

}  // namespace innkeeper::config
