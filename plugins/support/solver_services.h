#pragma once

#include "core/numeric/integer_grid.h"

#include <cstdint>
#include <functional>
#include <span>

namespace qs {

/// What a rounding solver asks its caller: the host behind a plugin, or a test. All safe to call from any
/// thread.
struct SolverServices {
    std::function<ScaleZero(std::span<const float>)> fitGrid; ///< grid of a slice of finite values
    std::function<bool()> cancelled = [] { return false; };
    std::function<void(std::int64_t done, std::int64_t total, const char *stage)> progress =
        [](std::int64_t, std::int64_t, const char *) {};
    std::function<void(const std::string &)> warn = [](const std::string &) {};
    int maxThreads = 0; ///< 0 = all cores
};

} // namespace qs
