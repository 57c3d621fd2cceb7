// The composition root: the only file that may see everything, and the command line.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "actors/store/store.hpp"
#include "actors/wire/messages.hpp"
#include "config/settings.hpp"
#include "gateway/certs_command.hpp"
#include "gateway/routes/error_response.hpp"
#include "gateway/routes/route.hpp"
#include "gateway/serve.hpp"
#include "metrics/log.hpp"
#include "metrics/metrics.hpp"

#ifndef INNKEEPER_VERSION
#define INNKEEPER_VERSION "0.0.0"
#endif
#ifndef INNKEEPER_COMMIT
#define INNKEEPER_COMMIT "unknown"
#endif

// Read by jemalloc at start: what is free goes back to the system within a second or so, also while the node
// is idle, so that rooms that were suspended or destroyed cost what they should. One arena, because with more
// of them the holes that one thread's rooms leave are not filled by another's records; threads have caches.
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas:1,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

namespace {

using namespace innkeeper;

void print(const config::Problem& problem) {
  if (problem.option.empty())
    fmt::print(stderr, "{}\n", problem.message);
  else if (problem.value.empty())
    fmt::print(stderr, "{}: {}\n", problem.option, problem.message);
  else
    fmt::print(stderr, "{} = {}: {}\n", problem.option, problem.value, problem.message);
}

log::Level level_of(const std::string& name) {
  if (name == "debug") return log::Level::debug;
  if (name == "warning") return log::Level::warning;
  if (name == "error") return log::Level::error;
  return log::Level::info;
}

struct Arguments {
  std::string config;
  std::vector<std::string> set;
  std::string topic;
};

// The settings, or nothing once every problem has been printed.
std::optional<config::Settings> load(const Arguments& arguments) {
  std::vector<std::pair<std::string, std::string>> overrides;
  std::vector<config::Problem> problems;
  for (const auto& item : arguments.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      problems.push_back({.option = "--set " + item, .value = {}, .message = "allowed: --set KEY=VALUE"});
    else
      overrides.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  auto loaded = config::load_file(arguments.config, overrides);
  loaded.problems.insert(loaded.problems.begin(), problems.begin(), problems.end());
  if (!loaded.settings || !loaded.problems.empty()) {
    for (const auto& problem : loaded.problems) print(problem);
    fmt::print(stderr, "{}: {} problem{}\n", arguments.config, loaded.problems.size(),
               loaded.problems.size() == 1 ? "" : "s");
    return std::nullopt;
  }
  return std::move(loaded.settings);
}

int run_serve(const Arguments& arguments) {
  const auto settings = load(arguments);
  if (!settings) return exit_usage;
  log::set_level(level_of(settings->log.level));
  return serve(*settings, {.version = INNKEEPER_VERSION, .commit = INNKEEPER_COMMIT});
}

int run_check(const Arguments& arguments) {
  if (!load(arguments)) return exit_usage;
  fmt::print("{}: no problems\n", arguments.config);
  return exit_ok;
}

int run_describe(const std::string& topic) {
  if (topic == "options") fmt::print("{}", config::describe_options());
  if (topic == "metrics") fmt::print("{}", metrics::describe_metrics_markdown());
  if (topic == "routes") fmt::print("{}", routes::describe_routes());
  if (topic == "errors") fmt::print("{}", routes::describe_errors());
  if (topic == "log-events") fmt::print("{}", log::describe_log_events_markdown());
  return exit_ok;
}

int run_version() {
  fmt::print("innkeeper {}\ncommit {}\nstore schema {}\nprotocol {}\n", INNKEEPER_VERSION,
             INNKEEPER_COMMIT, store::schema_version(), wire::protocol_version);
  return exit_ok;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Innkeeper: a self-hosted room scheduler", "innkeeper"};
  app.require_subcommand(1);
  Arguments arguments;
  const auto with_config = [&](CLI::App* command) {
    command->add_option("--config", arguments.config, "the configuration, a TOML file")->required();
    command->add_option("--set", arguments.set, "override one option: KEY=VALUE, KEY is its dotted name")
        ->allow_extra_args(false)
        ->take_all();
    return command;
  };
  int code = exit_ok;
  with_config(app.add_subcommand("serve", "run a node until SIGTERM or SIGINT"))->callback([&] {
    code = run_serve(arguments);
  });
  with_config(app.add_subcommand("check", "validate a configuration and print every problem"))
      ->callback([&] { code = run_check(arguments); });
  auto* describe = app.add_subcommand("describe", "print a reference as Markdown");
  describe->add_option("topic", arguments.topic, "what to describe")
      ->required()
      ->check(CLI::IsMember({"options", "metrics", "routes", "errors", "log-events"}));
  describe->callback([&] { code = run_describe(arguments.topic); });
  app.add_subcommand("version", "print version, commit, store schema and protocol")->callback([&] {
    code = run_version();
  });
  add_certs_command(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return code;
}
