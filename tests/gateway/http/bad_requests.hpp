#pragma once

#include <string>
#include <vector>

namespace innkeeper::http::test {

struct BadRequest {
  std::string name;
  std::string bytes;
  int status;
};

// Requests that must be refused, with the status. After each of them a smuggled request may follow.
std::vector<BadRequest> bad_requests();

}  // namespace innkeeper::http::test
