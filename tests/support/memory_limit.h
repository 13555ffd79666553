#pragma once

#include <algorithm>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace qs {

/// Caps the address space for the life of a test: a size that lies then shows as OutOfMemory, which tests
/// refuse.
class MemoryLimit {
public:
    explicit MemoryLimit(rlim_t extraBytes) {
        getrlimit(RLIMIT_AS, &m_before);
        rlim_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        rlimit limit = m_before;
        limit.rlim_cur =
            std::min(limit.rlim_max, pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + extraBytes);
        setrlimit(RLIMIT_AS, &limit);
    }
    ~MemoryLimit() { setrlimit(RLIMIT_AS, &m_before); }
    MemoryLimit(const MemoryLimit &) = delete;
    MemoryLimit &operator=(const MemoryLimit &) = delete;

private:
    rlimit m_before{};
};

} // namespace qs
