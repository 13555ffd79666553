#pragma once

#include <cstdint>

namespace qs {

/// Bytes of main memory of this machine.
std::uint64_t machineMemoryBytes();

} // namespace qs
