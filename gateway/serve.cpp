#include "gateway/serve.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <caf/typed_event_based_actor.hpp>

#include "actors/host_actor.hpp"
#include "actors/node.hpp"
#include "gateway/bridge/caf_core.hpp"
#include "gateway/http/server.hpp"
#include "gateway/routes/router.hpp"
#include "gateway/secrets.hpp"
#include "metrics/log.hpp"
#include "metrics/metrics.hpp"
#include "metrics/seldom.hpp"

namespace innkeeper {
namespace {

using namespace std::chrono_literals;

constexpr auto start_timeout = 60s;
constexpr auto refusal_log_pause = 10s;

// Blocked in every thread, so that only `wait_for_stop` takes them.
sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

int wait_for_stop() {
  const auto set = stop_signals();
  int signal = 0;
  sigwait(&set, &signal);
  return signal;
}

// Each connection and each server process takes descriptors, and what a login or a service manager allows
// without being asked is a fraction of what a program may have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

domain::Error cannot(std::string message) {
  return {.code = domain::ErrorCode::unavailable, .message = std::move(message)};
}

domain::Result<void> make_data_dir(const std::string& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return cannot("cannot make the data directory " + path + ": " + error.message());
  if (made) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) return cannot("cannot protect the data directory " + path + ": " + error.message());
  return {};
}

std::string url_of(const config::Settings& settings, std::uint16_t port) {
  const auto& host = settings.gateway.listen.host;
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", settings.gateway.tls ? "https" : "http", v6 ? "[" : "", host,
                     v6 ? "]" : "", port);
}

// The gateway role: HTTP workers, each with its router and its end of the bridge.
class Gateway {
 public:
  Gateway(caf::actor_system& system, const config::Settings& settings,
          const std::shared_ptr<metrics::Metrics>& metrics, std::shared_ptr<actors::Routing> routing,
          const std::string& admin_token, const std::string& metrics_token)
      : settings_(settings), server_(settings.gateway, hooks(metrics)) {
    auto limiter = std::make_shared<routes::RateLimiter>(
        settings.gateway.limits.requests_per_second_per_token);
    for (std::size_t i = 0; i < server_.worker_count(); ++i) {
      cores_.push_back(std::make_unique<bridge::CafCore>(
          system, server_.io_context(i), routing,
          bridge::CoreOptions{.admin_token = admin_token,
                              .request_timeout = settings.gateway.request_timeout,
                              .metrics_text =
                                  [this, metrics] {
                                    metrics->set_http_in_flight(server_.in_flight());
                                    return metrics->text();
                                  },
                              .listening = [this] { return server_.serving(); }}));
      routers_.push_back(std::make_unique<routes::Router>(
          *cores_.back(),
          routes::RouterOptions{
              .cors_origins = settings.gateway.cors_origins,
              .metrics_token = metrics_token,
              .rate_limiter = limiter,
              .metrics = [metrics](std::string_view route, std::string_view method)
                  -> metrics::Metrics::Route& { return metrics->http_route(route, method); }}));
      server_.set_handler(i, [router = routers_.back().get(), core = cores_.back().get(), metrics,
                              calls = std::uint32_t{0}](http::Request&& request,
                                                        http::Responder responder) mutable {
        // One in sixteen is timed, for the `stage` metric.
        if (++calls % 16 != 0) {
          (*router)(std::move(request), std::move(responder));
          return;
        }
        core->begin_timing();
        const auto start = std::chrono::steady_clock::now();
        (*router)(std::move(request), std::move(responder));
        const auto busy = std::chrono::steady_clock::now() - start - core->end_timing();
        metrics->stage("gateway", std::chrono::duration<double>(busy).count());
      });
    }
  }

  ~Gateway() { stop(); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  domain::Result<void> start() {
    auto started = server_.start();
    started_ = started.has_value();
    return started;
  }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  // Answers what is in flight, then ends the workers' actors.
  void stop() {
    if (started_) {
      for (auto& core : cores_) core->end_waits();
      if (!server_.shutdown(settings_.gateway.shutdown_grace)) log::event("http.shutdown_forced");
    }
    for (auto& core : cores_) core->detach(started_);
    routers_.clear();
    cores_.clear();
  }

 private:
  static http::ServerHooks hooks(const std::shared_ptr<metrics::Metrics>& metrics) {
    auto* refused = &metrics->http_route("refused", "-");
    return {.connection_opened = [metrics] { metrics->http_connection_opened(); },
            .connection_closed = [metrics] { metrics->http_connection_closed(); },
            .connection_refused =
                [metrics, seldom = std::make_shared<log::Seldom>(refusal_log_pause)](std::string_view reason) {
                  metrics->http_connection_refused(reason);
                  if (const auto count = seldom->pass(log::Seldom::Clock::now()); count > 0)
                    log::event("http.connection_refused", {{"reason", reason}, {"connections", count}});
                },
            .refused_request =
                [refused](int status, double seconds) { refused->observe(status, seconds); },
            .always_served =
                [](const http::Request& request) {
                  return request.path == "/healthz" || request.path == "/readyz" ||
                         request.path == "/metrics";
                }};
  }

  const config::Settings& settings_;
  http::Server server_;
  std::vector<std::unique_ptr<bridge::CafCore>> cores_;
  std::vector<std::unique_ptr<routes::Router>> routers_;
  bool started_ = false;
};

int no_start(const domain::Error& error) {
  log::event("node.start_failed", {{"reason", error.message}});
  return exit_no_start;
}

std::size_t scheduler_threads(const config::Settings& settings) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t workers = settings.gateway.threads != 0 ? settings.gateway.threads : cores / 2;
  return std::max<std::size_t>(1, cores > workers ? cores - workers : 1);
}

int run(const config::Settings& settings, const std::shared_ptr<metrics::Metrics>& metrics,
        const std::string& admin_token, const std::string& metrics_token) {
  actors::Environment environment{
      .now =
          [] {
            return std::chrono::time_point_cast<std::chrono::milliseconds>(
                std::chrono::system_clock::now());
          },
      .random = [] { return random_bits(); },
      .metrics = metrics};
  actors::SystemConfig config{scheduler_threads(settings)};
  caf::actor_system system{config};
  actors::Node::SpawnHost spawn_host;
  if (settings.node.host) {
    auto runner = actors::open_runner(settings, environment);
    if (!runner) return no_start(runner.error());
    auto deps = actors::host_deps(settings, environment, std::move(runner).value());
    spawn_host = [&system, deps] { return system.spawn(actors::run_host, deps); };
  }
  // A failure ends the wait for a signal as a signal does.
  actors::Node node{system, settings, environment, spawn_host, [] { ::kill(::getpid(), SIGTERM); }};
  if (auto started = node.start(start_timeout); !started) return no_start(started.error());

  std::unique_ptr<Gateway> gateway;
  if (settings.node.gateway) {
    gateway = std::make_unique<Gateway>(system, settings, metrics, node.routing(), admin_token,
                                        metrics_token);
    if (auto started = gateway->start(); !started) return no_start(started.error());
  }
  if (gateway)
    log::event("node.ready", {{"node", settings.node.name}, {"url", url_of(settings, gateway->port())}});
  else
    log::event("node.ready", {{"node", settings.node.name}});

  const int signal = wait_for_stop();
  const auto failure = node.failure();
  if (failure)
    log::event("node.failed", {{"reason", *failure}});
  else
    log::event("node.stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  if (gateway) gateway->stop();
  node.stop();
  gateway.reset();
  return failure ? exit_failed : exit_ok;
}

}  // namespace

int serve(const config::Settings& settings, const BuildIdentity& build) {
  const auto signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that went away and a file size limit are errors of the call that met them, not ends of the node.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  umask(0077);
  raise_descriptor_limit();

  auto metrics = std::make_shared<metrics::Metrics>(
      metrics::Metrics::BuildInfo{.version = build.version, .commit = build.commit});
  metrics->set_http_limits(settings.gateway.limits.connections, settings.gateway.limits.in_flight);
  log::set_counter([weak = std::weak_ptr{metrics}](log::Level level) {
    static constexpr const char* names[] = {"debug", "info", "warning", "error"};
    if (const auto m = weak.lock()) m->log_event(names[static_cast<std::size_t>(level)]);
  });
  log::event("node.starting",
             {{"node", settings.node.name}, {"version", build.version}, {"commit", build.commit}});
  if (auto made = make_data_dir(settings.node.data_dir); !made) return no_start(made.error());
  const bool had_token = ::access(settings.admin_token_file.c_str(), F_OK) == 0;
  auto admin_token = read_or_create_token(settings.admin_token_file);
  if (!admin_token) return no_start(admin_token.error());
  if (!had_token) log::event("auth.token_created", {{"path", settings.admin_token_file}});
  std::string metrics_token;
  if (!settings.gateway.metrics_token_file.empty()) {
    auto token = read_token(settings.gateway.metrics_token_file);
    if (!token) return no_start(token.error());
    metrics_token = std::move(token).value();
  }
  // Where something can run, so that what has not happened yet shows as zero. Other regions' series come with
  // their first room: every pair of region and app would make pages of megabytes.
  if (settings.node.host)
    for (const auto& app : settings.apps) metrics->declare_app(settings.host.region.str(), app.id.str());
  const int code = run(settings, metrics, *admin_token, metrics_token);
  if (code == exit_ok) log::event("node.stopped");
  log::set_counter({});
  return code;
}

}  // namespace innkeeper
