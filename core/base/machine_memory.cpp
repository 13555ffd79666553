#include "core/base/machine_memory.h"

#include <unistd.h>

namespace qs {

std::uint64_t machineMemoryBytes() {
    return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace qs
