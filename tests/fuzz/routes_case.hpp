#pragma once

#include <cstddef>
#include <cstdint>

namespace innkeeper::test {

// Makes a request of any bytes and sends it through a router over a fake core. The first byte
// chooses method and headers, the rest is target, '\n', body. Aborts unless there is exactly one
// answer, with a known status, and valid JSON with a message where it is an error.
void run_routes_case(const std::uint8_t* data, std::size_t size);

// The same from the bytes of a connection: the first byte chooses how they are cut and what is added, the
// rest is parsed as HTTP, and each request that comes out of it goes through the router. Aborts, too, when
// the cuts change what is understood.
void run_http_case(const std::uint8_t* data, std::size_t size);

}  // namespace innkeeper::test
