#pragma once

#include "core/base/check.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace qs {

/// A dense row-major tensor: element type, shape and shared bytes. Copies are shallow; bytes are read-only
/// once a tensor is shared. Sub-byte types are packed, first element in the lowest bits, no padding between
/// rows.
class Tensor {
public:
    Tensor() = default;

    /// Uninitialised, 64-byte aligned. The shape must have a checked size.
    static Tensor allocate(DType type, Shape shape);
    static Tensor zeros(DType type, Shape shape);
    /// Adopts bytes that `bytes` keeps alive (a mapped file, a pool block, another tensor).
    static Tensor wrap(DType type, Shape shape, std::shared_ptr<std::byte> bytes);
    /// Copies values into a new tensor.
    template <typename T>
    static Tensor fromValues(Shape shape, std::span<const T> values);
    template <typename T>
    static Tensor scalar(T value) {
        return fromValues<T>(Shape{}, std::span<const T>(&value, 1));
    }

    bool empty() const { return !m_bytes; } ///< no tensor at all (an omitted optional input)
    DType dtype() const { return m_type; }
    const Shape &shape() const { return m_shape; }
    std::int64_t numel() const { return m_shape.numel(); }
    std::size_t sizeBytes() const { return byteSize(m_type, m_shape); }

    /// The elements as T, which must have the size of the element type (float16 reads as uint16_t).
    template <typename T>
    std::span<const T> values() const;
    template <typename T>
    std::span<T> mutableValues();
    const std::byte *bytes() const { return m_bytes.get(); }
    std::byte *mutableBytes() { return m_bytes.get(); }
    const std::shared_ptr<std::byte> &storage() const { return m_bytes; }

    /// The same bytes under another shape with as many elements.
    Tensor reshaped(Shape shape) const;

    /// Bytes that `shape` elements of `type` occupy, packed.
    static std::size_t byteSize(DType type, const Shape &shape);

private:
    DType m_type = DType::Undefined;
    Shape m_shape;
    std::shared_ptr<std::byte> m_bytes;
};

template <typename T>
std::span<const T> Tensor::values() const {
    QS_DCHECK(dtypeBits(m_type) == static_cast<int>(8 * sizeof(T)), "element size must match");
    return {reinterpret_cast<const T *>(m_bytes.get()), static_cast<std::size_t>(numel())};
}

template <typename T>
std::span<T> Tensor::mutableValues() {
    QS_DCHECK(dtypeBits(m_type) == static_cast<int>(8 * sizeof(T)), "element size must match");
    return {reinterpret_cast<T *>(m_bytes.get()), static_cast<std::size_t>(numel())};
}

template <typename T>
Tensor Tensor::fromValues(Shape shape, std::span<const T> values) {
    Tensor tensor = allocate(dtypeOf<T>(), std::move(shape));
    QS_CHECK(static_cast<std::size_t>(tensor.numel()) == values.size(), "one value per element");
    std::copy(values.begin(), values.end(), tensor.mutableValues<T>().begin());
    return tensor;
}

} // namespace qs
