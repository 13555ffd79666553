#pragma once

#include "core/base/result.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace qs {

/// One tensor as the header of a safetensors file describes it.
struct SafetensorsEntry {
    std::string name;               ///< as in the file
    std::string typeName;           ///< "BF16"
    DType dtype = DType::Undefined; ///< Undefined for types that are listed but not decoded (6-bit floats)
    Shape shape;
    std::uint64_t begin = 0, end = 0; ///< bytes [begin, end) of the file
};

struct SafetensorsHeader {
    std::vector<SafetensorsEntry> tensors; ///< by place in the file
    std::map<std::string, std::string> metadata;
};

/// Reads and checks the header: every tensor that is returned lies inside the file and has as many bytes as
/// its type and shape need; there are no holes and no bytes that belong to nobody. \param file  the whole
/// file; only its header is looked at \error CorruptFile  any contradiction; names the tensor. Limits: header
/// 100 MB, 10⁶ tensors, 32 dimensions,
///        names of 4 KiB
/// \source file_formats 2
Result<SafetensorsHeader> readSafetensorsHeader(std::span<const std::byte> file);

/// Whether the first bytes are those of a safetensors file.
bool looksLikeSafetensors(std::span<const std::byte> head);

} // namespace qs
