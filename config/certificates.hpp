#pragma once

#include <string>

#include "config/option.hpp"
#include "config/settings.hpp"

namespace innkeeper::config {

// Reports what would keep a certificate and its key from being served: text that is no PEM, a key
// with a passphrase, a certificate that has expired or is not valid yet, a key of another
// certificate. Files whose name is empty are passed over. `section` is what the options stand in,
// for example "gateway.tls".
void check_certificate(const TlsFiles& files, const std::string& section, Scope& scope);

}  // namespace innkeeper::config
