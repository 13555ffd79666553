#pragma once

#include "core/tensor/tensor.h"

#include <numeric>
#include <span>

namespace qs::fuzz {

/// Reads every byte, so that a tensor over the wrong memory shows under AddressSanitizer.
inline void readBytes(const Tensor &tensor) {
    const std::span bytes(tensor.bytes(), tensor.sizeBytes());
    [[maybe_unused]] static volatile unsigned kept = 0; // so that no read is optimised away
    kept = std::accumulate(bytes.begin(), bytes.end(), 0u,
                           [](unsigned sum, std::byte byte) { return sum + static_cast<unsigned>(byte); });
}

} // namespace qs::fuzz
