#pragma once

#include <string>
#include <string_view>

namespace qs {

/// A name from a file made fit for display, JSON and log lines: valid UTF-8 without control characters and at
/// most 512 bytes. A name that is so already is returned as it is. Others get a mark of their bytes at the
/// end, so that different names stay different, and equal ones equal.
std::string safeName(std::string_view name);

} // namespace qs
