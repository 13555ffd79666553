#include "core/tensor/tensor.h"

#include "core/tensor/blocks/block_type.h"

#include <cstring>
#include <new>

namespace qs {

Tensor Tensor::allocate(DType type, Shape shape) {
    constexpr std::size_t kAlignment = 64;
    std::size_t space = std::max<std::size_t>(byteSize(type, shape), 1) + kAlignment - 1;
    // One allocation for bytes and count of owners; an aligned one takes several times as long.
    const auto block = std::make_shared_for_overwrite<std::byte[]>(space);
    void *bytes = block.get();
    std::align(kAlignment, 1, bytes, space);
    return wrap(type, std::move(shape), std::shared_ptr<std::byte>(block, static_cast<std::byte *>(bytes)));
}

Tensor Tensor::zeros(DType type, Shape shape) {
    Tensor tensor = allocate(type, std::move(shape));
    std::memset(tensor.mutableBytes(), 0, tensor.sizeBytes());
    return tensor;
}

Tensor Tensor::wrap(DType type, Shape shape, std::shared_ptr<std::byte> bytes) {
    Tensor tensor;
    tensor.m_type = type;
    tensor.m_shape = std::move(shape);
    tensor.m_bytes = std::move(bytes);
    return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
    QS_CHECK(shape.numel() == numel(), "reshape keeps the number of elements");
    return wrap(m_type, std::move(shape), m_bytes);
}

std::size_t Tensor::byteSize(DType type, const Shape &shape) {
    if (const BlockFormat *format = blockFormatOf(type))
        return static_cast<std::size_t>(shape.numel() / format->elements) *
               static_cast<std::size_t>(format->bytes);
    return (static_cast<std::size_t>(shape.numel()) * static_cast<std::size_t>(dtypeBits(type)) + 7) / 8;
}

} // namespace qs
