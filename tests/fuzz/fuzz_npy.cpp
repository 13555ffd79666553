#include "core/io/importers/npy_array.h"
#include "tests/fuzz/read_bytes.h"

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
    qs::fuzz::readBytes(tensor);
    return 0;
}
