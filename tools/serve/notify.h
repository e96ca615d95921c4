// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gptj::serve {

// Tells systemd of the service's state ("READY=1", "STOPPING=1"), if NOTIFY_SOCKET names a socket.
// Errors do not matter.
void notify_service(const std::string& state);

}  // namespace gptj::serve
