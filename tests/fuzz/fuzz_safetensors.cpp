#include "core/io/importers/safetensors_header.h"

#include <cstdlib>

// The header of safetensors: what it returns must lie inside the file.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto header = qs::readSafetensorsHeader(std::as_bytes(std::span(data, size)));
    if (!header)
        return 0;
    for (const qs::SafetensorsEntry &entry : header->tensors)
        if (entry.begin > entry.end || entry.end > size || entry.shape.numel() < 0)
            std::abort();
    return 0;
}
