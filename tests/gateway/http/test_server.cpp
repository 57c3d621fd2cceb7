#include "tests/gateway/http/test_server.hpp"

#include <future>
#include <memory>
#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace innkeeper::http::test {
namespace {

config::GatewaySettings adjusted(const TestServer::Adjust& adjust) {
  config::GatewaySettings settings;
  settings.listen = {"127.0.0.1", 0};
  settings.threads = 1;
  if (adjust) adjust(settings);
  return settings;
}

}  // namespace

TestServer::TestServer(const Adjust& adjust) : server_(adjusted(adjust), hooks()) {
  for (std::size_t worker = 0; worker < server_.worker_count(); ++worker) {
    server_.set_handler(worker, [this](Request&& request, Responder respond) {
      handle(std::move(request), std::move(respond));
    });
  }
  if (auto started = server_.start(); !started) throw std::runtime_error(started.error().message);
}

TestServer::~TestServer() { server_.shutdown(std::chrono::milliseconds(0)); }

ServerHooks TestServer::hooks() {
  ServerHooks hooks;
  const auto count = [this](const std::function<void()>& change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  };
  hooks.connection_opened = [this, count] { count([this] { ++counts_.opened; }); };
  hooks.connection_closed = [this, count] { count([this] { ++counts_.closed; }); };
  hooks.connection_refused = [this, count](std::string_view reason) {
    count([this, reason] { counts_.turned_away.emplace_back(reason); });
  };
  hooks.refused_request = [this, count](int status, double) {
    count([this, status] { counts_.refused.push_back(status); });
  };
  return hooks;
}

void TestServer::handle(Request&& request, Responder respond) {
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request.path);
    if (request.path.compare(0, 5, "/hold") == 0) {
      held_.emplace_back(request.path, std::move(respond));
      changed_.notify_all();
      return;
    }
  }
  Response response;
  response.content_type = "text/plain";
  if (request.path == "/throw") throw std::runtime_error("a mistake");
  if (request.path == "/drop") return;
  if (request.path == "/empty") {
    response.status = 204;
  } else if (request.path == "/big") {
    response.body.assign(1024 * 1024, 'x');
  } else {
    response.body = std::string(to_string(request.method)) + " " + request.path + " " +
                    request.query + " " + request.body;
  }
  respond(std::move(response));
}

std::vector<std::string> TestServer::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void TestServer::wait_for_held(std::size_t count) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return held_.size() >= count; })) {
    throw std::runtime_error("the requests did not arrive");
  }
}

void TestServer::release(const std::vector<std::size_t>& order) {
  wait_for_held(order.size());
  boost::asio::post(server_.io_context(0), [this, order] {
    for (const std::size_t index : order) {
      Response response;
      response.body = held_.at(index).first;
      held_.at(index).second(std::move(response));
    }
  });
}

bool TestServer::gone(std::size_t index) {
  std::promise<bool> answer;
  boost::asio::post(server_.io_context(0),
                    [&] { answer.set_value(held_.at(index).second.client_gone()); });
  return answer.get_future().get();
}

TestServer::Counts TestServer::counts() {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool TestServer::wait(const std::function<bool(const Counts&)>& condition) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return condition(counts_); });
}

void TestServer::settle() {
  std::promise<void> done;
  boost::asio::post(server_.io_context(0), [&] { done.set_value(); });
  done.get_future().get();
}

}  // namespace innkeeper::http::test
