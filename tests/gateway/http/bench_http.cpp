// The HTTP floor: the listener with a handler that does nothing. Run it beside wrk:
//   bench_http [port] [threads]  and  wrk -t1 -c64 -d5s http://127.0.0.1:8090/healthz
// `GET /later` is answered from a posted function, as an actor would do it. Ends at end of input.

#include "gateway/http/server.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

int main(int argc, char** argv) {
  namespace http = innkeeper::http;
  innkeeper::config::GatewaySettings settings;
  settings.listen.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8090);
  settings.threads = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  http::Server server(settings, {});
  for (std::size_t worker = 0; worker < server.worker_count(); ++worker) {
    auto& context = server.io_context(worker);
    server.set_handler(worker, [&context](http::Request&& request, http::Responder respond) {
      http::Response response;
      if (request.path == "/healthz") {
        response.body = R"({"status":"ok"})";
        return respond(std::move(response));
      }
      if (request.path == "/later") {
        response.body = R"({"status":"ok"})";
        boost::asio::post(context, [respond = std::move(respond), response]() mutable {
          respond(std::move(response));
        });
        return;
      }
      respond(http::error_response(404, "no such path"));
    });
  }
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return 2;
  }
  std::printf("http://127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  server.shutdown(settings.shutdown_grace);
}
