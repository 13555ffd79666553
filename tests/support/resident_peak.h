#pragma once

#include <cstdint>
#include <fstream>
#include <malloc.h>
#include <string>

namespace qs {

/// How far the resident memory of this process has risen since this object was made.
class ResidentPeak {
public:
    ResidentPeak() {
        malloc_trim(0);
        std::ofstream("/proc/self/clear_refs") << "5"; // the high-water mark starts again
        m_before = bytesOf("VmRSS:");
    }
    std::int64_t bytes() const { return bytesOf("VmHWM:") - m_before; }

private:
    static std::int64_t bytesOf(const std::string &field) {
        std::ifstream status("/proc/self/status");
        std::string word;
        while (status >> word)
            if (word == field) {
                std::int64_t kibibytes = 0;
                status >> kibibytes;
                return kibibytes * 1024;
            }
        return 0;
    }
    std::int64_t m_before = 0;
};

} // namespace qs
