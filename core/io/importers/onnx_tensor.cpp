#include "core/io/importers/onnx_tensor.h"

#include <cstring>
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

constexpr int kMaxRank = 64;
constexpr std::uint64_t kFreeSparsity = 1024; ///< dense bytes per stored byte that cost no budget

tl::unexpected<Error> corrupt(std::string message) {
    return fail(ErrorCode::CorruptFile, std::move(message));
}

template <typename Dims>
Result<Shape> readShape(const Dims &dims) {
    if (dims.size() > kMaxRank)
        return corrupt(fmt::format("it has {} dimensions", dims.size()));
    Shape shape(std::vector<std::int64_t>(dims.begin(), dims.end()));
    QS_CHECK_OK(shape.checkedNumel());
    return shape;
}

/// How many of the fields that may hold elements do.
int dataFieldCount(const onnx::TensorProto &message) {
    return !message.raw_data().empty() + !message.float_data().empty() + !message.int32_data().empty() +
           !message.int64_data().empty() + !message.double_data().empty() + !message.uint64_data().empty() +
           !message.string_data().empty();
}

/// One stored entry per unit of T: elements, halves of complex numbers, or bytes of packed elements.
template <typename T, typename Field>
Status copyField(const Field &field, Tensor &tensor) {
    const std::size_t expected = tensor.sizeBytes() / sizeof(T);
    if (static_cast<std::size_t>(field.size()) != expected)
        return corrupt(fmt::format("it has {} values, but {} {} needs {}", field.size(),
                                   dtypeName(tensor.dtype()), tensor.shape().text(), expected));
    auto *dst = reinterpret_cast<T *>(tensor.mutableBytes());
    std::transform(field.begin(), field.end(), dst, [](auto value) { return static_cast<T>(value); });
    return {};
}

Status copyTypedField(const onnx::TensorProto &message, Tensor &tensor) {
    switch (tensor.dtype()) {
    case DType::Float32:
    case DType::Complex64:
        return copyField<float>(message.float_data(), tensor);
    case DType::Float64:
    case DType::Complex128:
        return copyField<double>(message.double_data(), tensor);
    case DType::Int64:
        return copyField<std::int64_t>(message.int64_data(), tensor);
    case DType::Int32:
        return copyField<std::int32_t>(message.int32_data(), tensor);
    case DType::UInt32:
        return copyField<std::uint32_t>(message.uint64_data(), tensor);
    case DType::UInt64:
        return copyField<std::uint64_t>(message.uint64_data(), tensor);
    case DType::Bool:
        return copyField<std::uint8_t>(message.int32_data(), tensor);
    case DType::Int16:
    case DType::UInt16:
    case DType::Float16:
    case DType::BFloat16:
        return copyField<std::uint16_t>(message.int32_data(), tensor);
    default:
        return copyField<std::uint8_t>(message.int32_data(), tensor); // bytes, also of packed elements
    }
}

/// The number of stored entries bounds what is allocated, so that a shape cannot ask for more than the file
/// holds.
Status checkFieldCanFill(const onnx::TensorProto &message, std::uint64_t size) {
    const std::uint64_t entries = static_cast<std::uint64_t>(message.float_data_size()) +
                                  static_cast<std::uint64_t>(message.int32_data_size()) +
                                  static_cast<std::uint64_t>(message.int64_data_size()) +
                                  static_cast<std::uint64_t>(message.double_data_size()) +
                                  static_cast<std::uint64_t>(message.uint64_data_size());
    if (size > entries * 8)
        return corrupt(fmt::format("it has {} values, which cannot fill its {} bytes", entries, size));
    return {};
}

ExternalLocation readLocation(const onnx::TensorProto &message) {
    ExternalLocation where;
    for (const auto &entry : message.external_data()) {
        if (entry.key() == "location")
            where.location = entry.value();
        else if (entry.key() == "offset")
            where.offset = entry.value();
        else if (entry.key() == "length")
            where.length = entry.value();
    }
    return where;
}

/// Takes the raw bytes out of the message: the tensor then owns them, and nothing is copied.
Result<Tensor> adoptRawData(onnx::TensorProto &message, DType type, const Shape &shape, std::uint64_t size) {
    if (message.raw_data().size() != size)
        return corrupt(fmt::format("it has {} bytes of data, but {} {} needs {}", message.raw_data().size(),
                                   dtypeName(type), shape.text(), size));
    const std::shared_ptr<std::string> owner(message.release_raw_data());
    auto *bytes = reinterpret_cast<std::byte *>(owner->data());
    return Tensor::wrap(type, shape, std::shared_ptr<std::byte>(owner, bytes));
}

Result<Tensor> readStrings(const onnx::TensorProto &message, const Shape &shape) {
    const auto count = static_cast<std::int64_t>(message.string_data_size());
    if (count != shape.numel() || dataFieldCount(message) > 1)
        return corrupt(fmt::format("it has {} strings, but its shape is {}", count, shape.text()));
    return Tensor::allocate(DType::String, shape);
}

Result<Tensor> readElements(onnx::TensorProto &message, DType type, const Shape &shape,
                            ExternalData &external) {
    QS_TRY(const std::uint64_t size, checkedByteSize(type, shape));
    const int fields = dataFieldCount(message);
    if (message.data_location() == onnx::TensorProto_DataLocation_EXTERNAL) {
        if (fields > 0)
            return corrupt("it has data in the file and outside of it");
        return external.read(type, shape, readLocation(message));
    }
    if (fields != (size > 0 ? 1 : 0))
        return corrupt(fmt::format("{} data fields are filled, but {} {} needs {}", fields, dtypeName(type),
                                   shape.text(), size > 0 ? "one" : "none"));
    if (!message.raw_data().empty())
        return adoptRawData(message, type, shape, size);
    QS_CHECK_OK(checkFieldCanFill(message, size));
    Tensor tensor = Tensor::allocate(type, shape);
    QS_CHECK_OK(copyTypedField(message, tensor));
    return tensor;
}

/// C-order positions of the stored elements, checked.
Result<std::vector<std::int64_t>> readPositions(const Tensor &indices, std::int64_t count,
                                                const Shape &dense) {
    const Shape &shape = indices.shape();
    const bool linear = shape.rank() == 1 && shape[0] == count;
    const bool coordinates = shape.rank() == 2 && shape[0] == count && shape[1] == dense.rank();
    if (indices.dtype() != DType::Int64 || (!linear && !coordinates))
        return corrupt(fmt::format("its {} indices {} do not fit {} values of shape {}",
                                   dtypeName(indices.dtype()), shape.text(), count, dense.text()));
    const auto values = indices.values<std::int64_t>();
    const std::int64_t numel = dense.numel();
    std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < positions.size(); ++i) {
        std::int64_t position = linear ? values[i] : 0;
        for (int axis = 0; coordinates && axis < dense.rank(); ++axis) {
            const std::int64_t index =
                values[i * static_cast<std::size_t>(dense.rank()) + static_cast<std::size_t>(axis)];
            if (index < 0 || index >= dense[axis])
                return corrupt(fmt::format("index {} is outside shape {}", index, dense.text()));
            position = position * dense[axis] + index;
        }
        if (position < 0 || position >= numel || (i > 0 && position <= positions[i - 1]))
            return corrupt(fmt::format("entry {} is out of range or out of order", i));
        positions[i] = position;
    }
    return positions;
}

} // namespace

Result<Tensor> readOnnxTensor(onnx::TensorProto &message, ExternalData &external) {
    if (!isKnownDType(message.data_type()))
        return fail(ErrorCode::Unsupported,
                    fmt::format("its element type {} is unknown to this version", message.data_type()));
    if (message.has_segment())
        return fail(ErrorCode::Unsupported, "it is stored in segments, which no current tool writes");
    QS_TRY(const Shape shape, readShape(message.dims()));
    const auto type = static_cast<DType>(message.data_type());
    if (type == DType::String)
        return readStrings(message, shape);
    QS_TRY(Tensor tensor, readElements(message, type, shape, external));
    normaliseBools(tensor);
    return tensor;
}

Result<Tensor> readOnnxSparseTensor(onnx::SparseTensorProto &message, ExternalData &external,
                                    SparseBudget &budget) {
    QS_TRY(const Shape shape, readShape(message.dims()));
    QS_TRY(const Tensor values, readOnnxTensor(*message.mutable_values(), external));
    const int bits = dtypeBits(values.dtype());
    if (bits < 8)
        return fail(ErrorCode::Unsupported,
                    fmt::format("sparse {} elements are not read; store the tensor densely",
                                dtypeName(values.dtype())));
    if (values.shape().rank() != 1)
        return corrupt(fmt::format("its values have the shape {}, not one dimension", values.shape().text()));
    QS_TRY(const Tensor indices, readOnnxTensor(*message.mutable_indices(), external));
    QS_TRY(const auto positions, readPositions(indices, values.numel(), shape));
    QS_TRY(const std::uint64_t size, checkedByteSize(values.dtype(), shape));
    if (size / kFreeSparsity > values.sizeBytes()) {
        if (size > budget.verySparse)
            return corrupt(fmt::format("{} stored bytes stand for {} dense ones, which is too sparse",
                                       values.sizeBytes(), size));
        budget.verySparse -= size;
    }
    if (size > budget.all)
        return fail(ErrorCode::OutOfMemory,
                    "the sparse tensors of the model need more than half of the memory of this machine");
    budget.all -= size;

    Tensor dense = Tensor::zeros(values.dtype(), shape);
    const auto element = static_cast<std::size_t>(bits / 8);
    for (std::size_t i = 0; i < positions.size(); ++i)
        std::memcpy(dense.mutableBytes() + static_cast<std::size_t>(positions[i]) * element,
                    values.bytes() + i * element, element);
    return dense;
}

} // namespace qs
