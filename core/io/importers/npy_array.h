#pragma once

#include "core/tensor/tensor.h"

#include <span>

namespace qs {

/// What the header of a .npy array says.
struct NpyHeader {
    DType dtype = DType::Undefined;
    bool swapped = false;      ///< elements are big-endian
    bool fortranOrder = false; ///< the first axis runs fastest
    bool fromVoid = false;     ///< two bytes of no type ("|V2"), taken for bfloat16, which is how it is saved
    Shape shape;
    std::size_t dataBegin = 0;
};

/// Reads the header of versions 1 to 3 and checks that the data behind it has the size that it promises.
/// \param array  the whole array
/// \error CorruptFile  a contradiction;  Unsupported  Python objects, structures, text
/// \source file_formats 6
Result<NpyHeader> readNpyHeader(std::span<const std::byte> array);

/// The elements in C order and in this machine's byte order.
/// \param bytes  of the whole array; kept alive by the tensor when nothing needs to be moved
Tensor npyTensor(const NpyHeader &header, const std::shared_ptr<std::byte> &bytes);

bool looksLikeNpy(std::span<const std::byte> head);

} // namespace qs
