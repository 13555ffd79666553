#include "core/io/importers/gguf_header.h"

#include <cstdlib>

// The header of GGUF: tensors that it returns must lie inside the file, and every value must have a text.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    qs::FindingList findings;
    const auto header = qs::readGgufHeader(std::as_bytes(std::span(data, size)), findings);
    if (!header)
        return 0;
    for (const qs::GgufTensor &tensor : header->tensors)
        if (tensor.offset > size || tensor.bytes > size - tensor.offset || tensor.shape.numel() < 0)
            std::abort();
    for (const auto &[key, value] : header->metadata)
        if (value.typeText().empty() || key.empty())
            std::abort();
        else
            (void)value.valueText();
    return 0;
}
