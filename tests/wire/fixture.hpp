#pragma once

#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/message.hpp>

#include "actors/wire/registration.hpp"

namespace innkeeper::wire::testing {

using Bytes = std::vector<char>;

// An actor system that knows the messages and runs nothing.
struct Wire {
  struct Config : caf::actor_system_config {
    Config() {
      register_messages(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  };
  Config config;
  caf::actor_system system{config};

  template <class T>
  [[nodiscard]] caf::error write(T& value, Bytes& out) {
    caf::binary_serializer sink{system, out};
    return sink(value);
  }
  template <class T>
  [[nodiscard]] caf::error read(const Bytes& bytes, T& out) {
    caf::binary_deserializer source{system, bytes};
    return source(out);
  }
};

}  // namespace innkeeper::wire::testing
