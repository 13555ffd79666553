#include "core/io/importers/npy_array.h"

#include <cstdlib>
#include <cstring>

// A .npy array: header and conversion of the elements.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::shared_ptr<std::byte[]> copy(new std::byte[size + 1]);
    std::memcpy(copy.get(), data, size);
    const auto header = qs::readNpyHeader({copy.get(), size});
    if (!header)
        return 0;
    const qs::Tensor tensor = qs::npyTensor(*header, std::shared_ptr<std::byte>(copy, copy.get()));
    if (header->dataBegin + tensor.sizeBytes() != size)
        std::abort();
    unsigned sum = 0;
    for (std::size_t i = 0; i < tensor.sizeBytes(); ++i)
        sum += static_cast<unsigned>(tensor.bytes()[i]);
    return sum == 1 ? -1 : 0; // the sum must not be optimised away
}
