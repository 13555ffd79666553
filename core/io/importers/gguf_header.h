#pragma once

#include "core/base/finding.h"
#include "core/io/importers/gguf_value.h"
#include "core/tensor/shape.h"
#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// A tensor as the directory of a GGUF file lists it.
struct GgufTensor {
    std::string name; ///< fit for display
    DType dtype = DType::Undefined;
    Shape shape;              ///< row-major, outermost first: the reverse of the file's order
    std::uint64_t offset = 0; ///< of its first byte in the file
    std::uint64_t bytes = 0;
};

/// Everything before the data of a GGUF file. Values point into the bytes that were read.
struct GgufHeader {
    std::uint32_t version = 0;
    std::uint64_t alignment = 32;
    std::vector<std::pair<std::string, GgufValue>> metadata; ///< in the order of the file; no key twice
    std::vector<GgufTensor> tensors;                         ///< in the order of the file; no name twice

    /// nullptr when there is no such key.
    const GgufValue *find(std::string_view key) const;
};

/// Reads and checks the header of a GGUF file, version 2 or 3. Every tensor it lists lies inside the file,
/// begins at a multiple of the alignment and shares no byte with another; gaps and any order are fine. \param
/// file      the whole file \param findings  receives what is odd but legal enough: a key that breaks the
/// naming rules \error CorruptFile, Unsupported  (version 1, other byte order, unknown element types); says
/// what and where \source file_formats 3
Result<GgufHeader> readGgufHeader(std::span<const std::byte> file, FindingList &findings);

} // namespace qs
