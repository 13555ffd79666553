#pragma once

#include "core/io/mapped_file.h"
#include "core/tensor/tensor.h"

#include <string>
#include <vector>

namespace qs {

/// A tensor as a weight file names it. \see safeName for how names are made fit for display
struct NamedTensor {
    std::string name;
    Tensor tensor;
};

/// Bytes that elements of a type and a shape occupy.
/// \error CorruptFile  more than any file can hold;  Unsupported  strings
Result<std::uint64_t> checkedByteSize(DType type, const Shape &shape);

/// A tensor over mapped bytes; a copy where the element type needs another alignment, and for booleans, whose
/// bytes become 0 or 1.
/// \param offset  offset + checkedByteSize(type, shape) lies inside the file
Tensor mappedTensor(DType type, const Shape &shape, std::shared_ptr<const MappedFile> file,
                    std::size_t offset);

/// Bytes that are neither 0 nor 1 would be undefined behaviour in a bool.
void normaliseBools(Tensor &tensor);

/// Whether a name comes before another when numbers in them count as numbers: "layers.9" before "layers.10".
bool naturalLess(std::string_view a, std::string_view b);

} // namespace qs
