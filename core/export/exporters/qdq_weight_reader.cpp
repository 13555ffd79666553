#include "core/export/exporters/qdq_weight_reader.h"

#include "core/tensor/convert.h"

#include <algorithm>

namespace qs {

tl::unexpected<Error> mismatch(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile,
                "the written file does not hold what was meant: " + what + "; please report this as a bug",
                where);
}

const Tensor *constantInput(const ModelGraph &graph, const Node &node, std::size_t index) {
    const bool given = index < node.inputs.size() && node.inputs[index] != kNoValue;
    return given ? graph.constant(node.inputs[index]) : nullptr;
}

namespace {

/// (x − zeroPoint) · scale, with one scale in all, one per index of `axis`, or one per block along it.
/// \source ONNX DequantizeLinear 21
Result<Tensor> dequantizeLinear(const ModelGraph &graph, const Node &node) {
    const Tensor *codes = constantInput(graph, node, 0), *scale = constantInput(graph, node, 1);
    const Tensor *zeroPoint = constantInput(graph, node, 2);
    if (!codes || !scale || !zeroPoint || scale->dtype() != DType::Float32)
        return mismatch("a DequantizeLinear without constants", node.name);
    QS_TRY(const Tensor x, toFloat32(*codes));
    QS_TRY(const Tensor z, toFloat32(*zeroPoint));
    const Shape &shape = x.shape();
    const bool perTensor = scale->numel() == 1;
    const int axis = perTensor ? 0 : static_cast<int>(node.intAttribute("axis", 1));
    const std::int64_t block = std::max<std::int64_t>(1, node.intAttribute("block_size", 0));
    const bool blocked = node.hasAttribute("block_size");
    const std::int64_t outer = shape.numelBetween(0, axis), size = axis < shape.rank() ? shape[axis] : 1;
    const std::int64_t inner = shape.numel() / std::max<std::int64_t>(1, outer * size);
    const std::int64_t steps = (size + block - 1) / block;
    const std::int64_t expected = perTensor ? 1 : blocked ? outer * steps * inner : size;
    if (scale->numel() != expected || zeroPoint->shape() != scale->shape())
        return mismatch("scale or zero point of a wrong shape", node.name);
    Tensor values = Tensor::allocate(DType::Float32, shape);
    const float *code = x.values<float>().data(), *zero = z.values<float>().data();
    const float *step = scale->values<float>().data();
    float *value = values.mutableValues<float>().data();
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t a = 0; a < size; ++a)
            for (std::int64_t i = 0; i < inner; ++i) {
                const std::int64_t slice = perTensor ? 0 : blocked ? (o * steps + a / block) * inner + i : a;
                *value++ = (*code++ - zero[slice]) * step[slice];
            }
    return values;
}

Result<Tensor> gather(const Tensor &values, const Tensor &indices, int axis, const std::string &where) {
    QS_TRY(const std::vector<std::int64_t> sources, toInt64Vector(indices));
    Shape shape = values.shape();
    const std::int64_t outer = shape.numelBetween(0, axis), size = shape[axis];
    const std::int64_t inner = shape.numelBetween(axis + 1, shape.rank());
    shape[axis] = static_cast<std::int64_t>(sources.size());
    Tensor gathered = Tensor::allocate(DType::Float32, shape);
    float *dst = gathered.mutableValues<float>().data();
    for (std::int64_t o = 0; o < outer; ++o)
        for (const std::int64_t source : sources) {
            if (source < 0 || source >= size)
                return mismatch("a column index out of range", where);
            const float *src = values.values<float>().data() + (o * size + source) * inner;
            dst = std::copy(src, src + inner, dst);
        }
    return gathered;
}

/// Offsets of the same rank, one for all where an axis has size 1; or a single one.
Result<Tensor> add(const Tensor &values, const Tensor &offsets, const std::string &where) {
    const Shape &shape = values.shape();
    const int rank = shape.rank();
    bool fits = offsets.dtype() == DType::Float32 && (offsets.numel() == 1 || offsets.shape().rank() == rank);
    for (int axis = 0; fits && offsets.numel() > 1 && axis < rank; ++axis)
        fits = offsets.shape()[axis] == 1 || offsets.shape()[axis] == shape[axis];
    if (!fits)
        return mismatch("offsets of a wrong shape", where);
    Tensor sums = Tensor::allocate(DType::Float32, shape);
    const float *value = values.values<float>().data(), *offset = offsets.values<float>().data();
    float *sum = sums.mutableValues<float>().data();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
        std::int64_t rest = i, place = 0, stride = 1;
        for (int axis = rank - 1; offsets.numel() > 1 && axis >= 0; --axis) {
            if (offsets.shape()[axis] > 1)
                place += rest % shape[axis] * stride;
            stride *= offsets.shape()[axis];
            rest /= shape[axis];
        }
        sum[i] = value[i] + offset[place];
    }
    return sums;
}

/// Single values put over a tensor.
Result<Tensor> scatter(const Tensor &base, const Tensor &places, const Tensor *updates,
                       const std::string &where) {
    const int rank = base.shape().rank();
    QS_TRY(const std::vector<std::int64_t> indices, toInt64Vector(places));
    if (!updates || updates->dtype() != DType::Float32 || places.shape() != Shape{updates->numel(), rank})
        return mismatch("kept weights of a wrong shape", where);
    Tensor values = Tensor::fromValues<float>(base.shape(), base.values<float>());
    const auto dst = values.mutableValues<float>();
    const std::int64_t *index = indices.data();
    for (const float update : updates->values<float>()) {
        std::int64_t place = 0;
        for (int axis = 0; axis < rank; ++axis, ++index) {
            if (*index < 0 || *index >= values.shape()[axis])
                return mismatch("a kept weight out of range", where);
            place = place * values.shape()[axis] + *index;
        }
        dst[static_cast<std::size_t>(place)] = update;
    }
    return values;
}

} // namespace

Result<Tensor> weightValue(const ModelGraph &graph, ValueId id) {
    if (const Tensor *constant = graph.constant(id))
        return toFloat32(*constant);
    const NodeId producer = graph.value(id).producer;
    if (producer == kNoNode)
        return mismatch("a weight that nothing produces", graph.value(id).name);
    const Node &node = graph.node(producer);
    if (node.opType == "DequantizeLinear")
        return dequantizeLinear(graph, node);
    const Tensor *second = constantInput(graph, node, 1);
    const auto known = {"Add", "Gather", "Reshape", "ScatterND"};
    if (!second || std::ranges::find(known, node.opType) == known.end())
        return mismatch("a weight made by " + node.opType, node.name);
    QS_TRY(const Tensor values, weightValue(graph, node.inputs[0]));
    if (node.opType == "Add")
        return add(values, *second, node.name);
    if (node.opType == "ScatterND")
        return scatter(values, *second, constantInput(graph, node, 2), node.name);
    if (node.opType == "Gather")
        return gather(values, *second, static_cast<int>(node.intAttribute("axis", 0)), node.name);
    QS_TRY(std::vector<std::int64_t> dims, toInt64Vector(*second));
    const Shape shape(std::move(dims));
    const auto count = shape.checkedNumel();
    if (!count || *count != values.numel())
        return mismatch("a reshape to another size", node.name);
    return values.reshaped(shape);
}

} // namespace qs
