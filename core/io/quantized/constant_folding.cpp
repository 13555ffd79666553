#include "core/io/quantized/constant_folding.h"

#include "core/graph/node_name.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

bool isSignedType(DType type) {
    return type == DType::Int2 || type == DType::Int4 || type == DType::Int8 || type == DType::Int16 ||
           type == DType::Int32;
}

/// The bytes of small floats are codes whose levels are their values.
Result<std::vector<float>> levelsOf(DType type) {
    const int bits = dtypeBits(type);
    Tensor all = Tensor::zeros(type, Shape{std::int64_t{1} << bits});
    auto *bytes = reinterpret_cast<std::uint8_t *>(all.mutableBytes());
    for (std::size_t i = 0; i < std::size_t{1} << bits; ++i)
        bytes[i * static_cast<std::size_t>(bits) / 8] |=
            static_cast<std::uint8_t>(i << (i * static_cast<std::size_t>(bits) % 8));
    QS_TRY(const Tensor values, toFloat32(all));
    const auto span = values.values<float>();
    return std::vector<float>(span.begin(), span.end());
}

Status readCodes(const Tensor &codes, WeightGrid &grid) {
    grid.bits = dtypeBits(codes.dtype());
    if (!isFloatingPoint(codes.dtype())) {
        grid.isSigned = isSignedType(codes.dtype());
        QS_TRY(grid.codes, integerCodes(codes));
        return {};
    }
    if (grid.bits > 8)
        return fail(ErrorCode::Unsupported, fmt::format("{} are no codes", dtypeName(codes.dtype())));
    const Tensor bytes =
        Tensor::wrap(grid.bits == 8 ? DType::UInt8 : DType::UInt4, codes.shape(), codes.storage());
    QS_TRY(grid.codes, integerCodes(bytes));
    QS_TRY(grid.levels, levelsOf(codes.dtype()));
    return {};
}

Status readBlocks(const Shape &scale, std::int64_t axisGiven, std::int64_t blockSize, WeightGrid &grid) {
    const Shape &shape = grid.shape;
    grid.block = shape.dims();
    if (blockSize == 0 && scale.numel() == 1)
        return {};
    QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
    const auto a = static_cast<std::size_t>(axis);
    if (blockSize == 0) {
        grid.block[a] = 1;
        if (scale.numel() != shape[axis])
            return wrong(
                fmt::format("has scales {} along axis {} of a weight {}", scale.text(), axis, shape.text()));
        return {};
    }
    grid.block.assign(static_cast<std::size_t>(shape.rank()), 1);
    grid.block[a] = std::min(blockSize, std::max<std::int64_t>(1, shape[axis]));
    if (blockSize < 1 || scale != grid.slices())
        return wrong(fmt::format("has scales {} for blocks of {} along axis {} of a weight {}", scale.text(),
                                 blockSize, axis, shape.text()));
    return {};
}

Status readZeroPoints(const Tensor &zeroPoint, DType codes, WeightGrid &grid) {
    if (zeroPoint.numel() != grid.slices().numel() && zeroPoint.numel() != 1)
        return wrong(
            fmt::format("has zero points {} for {} scales", zeroPoint.shape().text(), grid.scales.size()));
    if (isFloatingPoint(codes)) // it only says which type the codes are
        return {};
    if (zeroPoint.dtype() != codes)
        return wrong(
            fmt::format("has {} codes and {} zero points", dtypeName(codes), dtypeName(zeroPoint.dtype())));
    QS_TRY(grid.zeroPoints, integerCodes(zeroPoint));
    grid.zeroPoints.resize(grid.scales.size(), grid.zeroPoints.empty() ? 0 : grid.zeroPoints.front());
    grid.zeroPointBits = grid.bits;
    return {};
}

/// Codes of half a byte become an int32 and a float32 each, and some operators follow each other.
constexpr std::uint64_t kMostGrowth = 64, kSmallBytes = std::uint64_t(64) << 20;

} // namespace

UnpackBudget::UnpackBudget(const ModelGraph &graph) : m_left(kSmallBytes) {
    for (const auto &[id, tensor] : graph.constants())
        m_left += kMostGrowth * tensor.sizeBytes();
}

Status UnpackBudget::charge(const FoldedConstant &constant) {
    std::uint64_t bytes = constant.value.sizeBytes();
    if (constant.grid)
        bytes +=
            sizeof(std::int32_t) * constant.grid->codes.size() + sizeof(float) * constant.grid->scales.size();
    if (bytes > m_left)
        return wrong("is read by so many operators that its values do not fit into memory");
    m_left -= bytes;
    return {};
}

Result<WeightGrid> gridOfCodes(const Tensor &codes, const Tensor &scale, const Tensor *zeroPoint,
                               std::int64_t axis, std::int64_t blockSize, std::string form) {
    WeightGrid grid;
    grid.form = std::move(form);
    grid.shape = codes.shape();
    if (codes.numel() == 0)
        return wrong("has no codes");
    QS_CHECK_OK(readCodes(codes, grid));
    if (!isFloatingPoint(scale.dtype()))
        return wrong(fmt::format("has {} scales", dtypeName(scale.dtype())));
    QS_TRY(const Tensor scales, toFloat32(scale));
    grid.scales.assign(scales.values<float>().begin(), scales.values<float>().end());
    grid.scaleBits = dtypeBits(scale.dtype());
    QS_CHECK_OK(readBlocks(scale.shape(), axis, blockSize, grid));
    if (zeroPoint)
        QS_CHECK_OK(readZeroPoints(*zeroPoint, codes.dtype(), grid));
    QS_CHECK_OK(grid.check());
    return grid;
}

// ---------------------------------------------------------------- what may follow

namespace {

/// One element after the other of `shape`, taken along `axis` from `sources`.
std::vector<std::int64_t> gatheredIndices(const Shape &shape, int axis,
                                          const std::vector<std::int64_t> &sources) {
    const std::int64_t outer = shape.numelBetween(0, axis), size = shape[axis];
    const std::int64_t inner = shape.numelBetween(axis + 1, shape.rank());
    std::vector<std::int64_t> indices;
    indices.reserve(static_cast<std::size_t>(outer * inner) * sources.size());
    for (std::int64_t o = 0; o < outer; ++o)
        for (const std::int64_t source : sources)
            for (std::int64_t i = 0; i < inner; ++i)
                indices.push_back((o * size + source) * inner + i);
    return indices;
}

template <typename T>
void pick(const std::vector<std::int64_t> &indices, std::span<const T> src, std::span<T> dst) {
    for (std::size_t i = 0; i < indices.size(); ++i)
        dst[i] = src[static_cast<std::size_t>(indices[i])];
}

/// Columns of groups put in their order: the group of a place is that of its source.
void gatherGrid(std::optional<WeightGrid> &grid, const Shape &shape, int axis,
                const std::vector<std::int64_t> &sources, const std::vector<std::int64_t> &indices) {
    const auto a = static_cast<std::size_t>(axis);
    const bool known = grid && grid->shape == shape && grid->groupOfIndex.empty() && grid->kept.empty() &&
                       sources.size() == static_cast<std::size_t>(shape[axis]);
    if (!known || (grid->block[a] < shape[axis] && shape.rank() != 2)) {
        grid.reset();
        return;
    }
    std::vector<std::int32_t> codes(indices.size());
    pick<std::int32_t>(indices, grid->codes, codes);
    grid->codes = std::move(codes);
    if (grid->block[a] >= shape[axis])
        return;
    for (const std::int64_t source : sources)
        grid->groupOfIndex.push_back(static_cast<std::int32_t>(source / grid->block[a]));
    grid->groupAxis = axis;
}

Status gather(FoldedConstant &constant, const Tensor &indexTensor, std::int64_t axisGiven) {
    const Shape shape = constant.value.shape();
    QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
    QS_TRY(const std::vector<std::int64_t> sources, toInt64Vector(indexTensor));
    if (indexTensor.shape().rank() != 1 || constant.value.dtype() != DType::Float32 ||
        std::ssize(sources) > shape[axis])
        return fail(ErrorCode::Unsupported, "is reordered in a way that is not known here");
    for (const std::int64_t source : sources)
        if (source < 0 || source >= shape[axis])
            return wrong(fmt::format("is reordered by the index {}; there are {}", source, shape[axis]));
    const std::vector<std::int64_t> indices = gatheredIndices(shape, axis, sources);
    Shape target = shape;
    target[axis] = static_cast<std::int64_t>(sources.size());
    Tensor values = Tensor::allocate(DType::Float32, target);
    pick<float>(indices, constant.value.values<float>(), values.mutableValues<float>());
    constant.value = std::move(values);
    gatherGrid(constant.grid, shape, axis, sources, indices);
    return {};
}

/// An offset that slices share is a zero point that is no integer. Whether the offsets lie as the scales do
/// is seen when values are compared in the end.
void offsetGrid(std::optional<WeightGrid> &grid, std::span<const float> offsets) {
    if (!grid || offsets.size() != grid->scales.size() || !grid->realZeroPoints.empty() ||
        !grid->kept.empty()) {
        grid.reset();
        return;
    }
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        const double zero = grid->zeroPoints.empty() ? 0 : grid->zeroPoints[i], scale = grid->scales[i];
        grid->realZeroPoints.push_back(static_cast<float>(scale != 0 ? zero - offsets[i] / scale : zero));
    }
    grid->zeroPointBits = 32;
}

Status add(FoldedConstant &constant, const Tensor &offset) {
    const Shape &shape = constant.value.shape();
    QS_TRY(const Shape sum, broadcastShapes(shape, offset.shape()));
    if (sum != shape || offset.dtype() != DType::Float32 || constant.value.dtype() != DType::Float32)
        return fail(ErrorCode::Unsupported, "has an offset of a shape or type that is not known here");
    const int missing = shape.rank() - offset.shape().rank();
    const std::vector<std::int64_t> strides = offset.shape().strides();
    Tensor values = Tensor::allocate(DType::Float32, shape);
    const auto src = constant.value.values<float>(), add = offset.values<float>();
    const auto dst = values.mutableValues<float>();
    for (std::size_t i = 0; i < src.size(); ++i) {
        auto rest = static_cast<std::int64_t>(i);
        std::int64_t place = 0;
        for (int axis = shape.rank() - 1; axis >= missing; --axis) {
            if (offset.shape()[axis - missing] > 1)
                place += rest % shape[axis] * strides[static_cast<std::size_t>(axis - missing)];
            rest /= shape[axis];
        }
        dst[i] = src[i] + add[static_cast<std::size_t>(place)];
    }
    constant.value = std::move(values);
    offsetGrid(constant.grid, add);
    return {};
}

/// Single weights put over the dequantized ones.
Status scatter(FoldedConstant &constant, const Tensor &places, const Tensor *updates) {
    const Shape &shape = constant.value.shape();
    QS_TRY(const std::vector<std::int64_t> indices, toInt64Vector(places));
    if (!updates || updates->dtype() != DType::Float32 || constant.value.dtype() != DType::Float32 ||
        places.shape() != Shape{updates->numel(), shape.rank()})
        return fail(ErrorCode::Unsupported, "has kept weights of a shape or type that is not known here");
    Tensor values = Tensor::fromValues<float>(shape, constant.value.values<float>());
    std::map<std::int64_t, float> kept; // a place may come twice: the last counts
    const std::int64_t *index = indices.data();
    for (const float update : updates->values<float>()) {
        std::int64_t place = 0;
        for (int axis = 0; axis < shape.rank(); ++axis, ++index) {
            if (*index < 0 || *index >= shape[axis])
                return wrong(fmt::format("keeps a weight at {} of {}", *index, shape[axis]));
            place = place * shape[axis] + *index;
        }
        kept[place] = values.mutableValues<float>()[static_cast<std::size_t>(place)] = update;
    }
    constant.value = std::move(values);
    if (constant.grid && constant.grid->kept.empty())
        constant.grid->kept.assign(kept.begin(), kept.end());
    else
        constant.grid.reset();
    return {};
}

Status reshape(FoldedConstant &constant, const Tensor &dimsTensor) {
    QS_TRY(std::vector<std::int64_t> dims, toInt64Vector(dimsTensor));
    std::int64_t known = 1, open = -1;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == 0 && static_cast<int>(i) < constant.value.shape().rank())
            dims[i] = constant.value.shape()[static_cast<int>(i)];
        if (dims[i] == -1)
            open = static_cast<std::int64_t>(i);
        else
            known *= std::clamp<std::int64_t>(dims[i], 1, constant.value.numel() + 1);
        if (known > constant.value.numel())
            break;
    }
    if (open >= 0)
        dims[static_cast<std::size_t>(open)] = constant.value.numel() / std::max<std::int64_t>(1, known);
    const Shape shape(std::move(dims));
    const auto count = shape.checkedNumel();
    if (!count || *count != constant.value.numel())
        return wrong(fmt::format("is reshaped from {} to {}", constant.value.shape().text(), shape.text()));
    constant.value = constant.value.reshaped(shape);
    return {};
}

Status transpose(FoldedConstant &constant) {
    const Shape shape = constant.value.shape();
    if (shape.rank() != 2 || constant.value.dtype() != DType::Float32)
        return fail(ErrorCode::Unsupported, "is transposed in a way that is not known here");
    Tensor values = Tensor::allocate(DType::Float32, Shape{shape[1], shape[0]});
    for (std::int64_t r = 0; r < shape[0]; ++r)
        for (std::int64_t c = 0; c < shape[1]; ++c)
            values.mutableValues<float>()[static_cast<std::size_t>(c * shape[0] + r)] =
                constant.value.values<float>()[static_cast<std::size_t>(r * shape[1] + c)];
    constant.value = std::move(values);
    if (constant.grid && constant.grid->shape == shape)
        constant.grid = constant.grid->transposed();
    else
        constant.grid.reset();
    return {};
}

} // namespace

const Tensor *ConstantFolding::constantInput(const Node &node, std::size_t index) const {
    if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
        return nullptr;
    const auto found = m_results.find(node.inputs[index]);
    return found != m_results.end() ? &found->second.value : m_graph.constant(node.inputs[index]);
}

namespace {

/// Codes as QuantizeLinear makes them, one scale for all or along an axis. Nothing: another form of it.
std::optional<Tensor> codesOf(const Tensor &values, const Tensor &scale, const Tensor *zeroPoint, DType type,
                              std::int64_t axisGiven) {
    const bool isEight = type == DType::Int8 || type == DType::UInt8;
    const auto axis = normalizeAxis(scale.numel() == 1 ? 0 : axisGiven, values.shape().rank());
    const auto x = toFloat32(values), scales = toFloat32(scale);
    const auto zeros = zeroPoint ? toFloat32(*zeroPoint) : Tensor::zeros(DType::Float32, scale.shape());
    if (!isEight || !axis || !x || !scales || !zeros || !isFloatingPoint(values.dtype()) ||
        zeros->numel() != scale.numel() || (scale.numel() != 1 && scale.numel() != values.shape()[*axis]))
        return std::nullopt;
    const std::int64_t inner = values.shape().numelBetween(*axis + 1, values.shape().rank());
    const float low = type == DType::Int8 ? -128 : 0, high = low + 255;
    Tensor codes = Tensor::allocate(DType::Float32, values.shape());
    float *dst = codes.mutableValues<float>().data();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
        const auto s = static_cast<std::size_t>(scale.numel() == 1 ? 0 : i / inner % scale.numel());
        const float code =
            std::nearbyint(x->values<float>()[static_cast<std::size_t>(i)] / scales->values<float>()[s]) +
            zeros->values<float>()[s];
        dst[i] = code >= low ? std::min(code, high) : low; // NaN, too, ends inside the range
    }
    auto packed = castTensor(codes, type);
    return packed ? std::optional(std::move(*packed)) : std::nullopt;
}

} // namespace

/// Models trained under quantization hold float weights with a pair behind them.
std::optional<FoldedConstant> ConstantFolding::quantize(const Node &node) const {
    const Tensor *values = constantInput(node, 0), *scale = constantInput(node, 1),
                 *zeroPoint = constantInput(node, 2);
    if (!values || !scale || values->numel() == 0 || node.intAttribute("block_size", 0) != 0)
        return std::nullopt;
    const auto given = static_cast<DType>(node.intAttribute("output_dtype", 0));
    const DType type = zeroPoint ? zeroPoint->dtype() : given == DType::Undefined ? DType::UInt8 : given;
    auto codes = codesOf(*values, *scale, zeroPoint, type, node.intAttribute("axis", 1));
    return codes ? std::optional(FoldedConstant{*codes, *codes, std::nullopt}) : std::nullopt;
}

Result<FoldedConstant> ConstantFolding::dequantize(const Node &node) const {
    const Tensor *codes = constantInput(node, 0), *scale = constantInput(node, 1);
    QS_TRY(WeightGrid grid, gridOfCodes(*codes, *scale, constantInput(node, 2), node.intAttribute("axis", 1),
                                        node.intAttribute("block_size", 0), "DequantizeLinear"));
    // Scales that are codes themselves, as those of NVFP4.
    if (const auto scales = m_results.find(node.inputs[1]); scales != m_results.end() && scales->second.grid)
        grid.scaleBits = scales->second.grid->bits;
    FoldedConstant folded{grid.values(), *codes, std::move(grid)};
    const auto type = static_cast<DType>(node.intAttribute("output_dtype", 0));
    QS_TRY(folded.value, castTensor(folded.value, type == DType::Undefined ? scale->dtype() : type));
    return folded;
}

Result<FoldedConstant> ConstantFolding::follow(const Node &node, FoldedConstant from) const {
    const Tensor *second = constantInput(node, 1);
    if (node.opType == "Cast") {
        const auto type = static_cast<DType>(node.intAttribute("to", 0));
        if (!isFloatingPoint(type) || dtypeBits(type) < 16)
            return fail(ErrorCode::Unsupported, "is cast to another kind of number");
        QS_TRY(from.value, castTensor(from.value, type));
    } else if (node.opType == "Add") {
        QS_CHECK_OK(add(from, *second));
    } else if (node.opType == "Gather") {
        QS_CHECK_OK(gather(from, *second, node.intAttribute("axis", 0)));
    } else if (node.opType == "ScatterND") {
        QS_CHECK_OK(scatter(from, *second, constantInput(node, 2)));
    } else if (node.opType == "Reshape") {
        QS_CHECK_OK(reshape(from, *second));
    } else if (node.opType == "Transpose") {
        QS_CHECK_OK(transpose(from));
    }
    return from;
}

Result<bool> ConstantFolding::fold(const Node &node) {
    if ((!node.domain.empty() && node.domain != "com.microsoft") || node.inputs.empty() ||
        node.outputs.size() != 1 || node.outputs[0] == kNoValue)
        return false;
    const bool allConstant = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
        return input == kNoValue || m_graph.constant(input) || m_results.contains(input);
    });
    if (!allConstant || node.inputs[0] == kNoValue)
        return false;
    const auto labelled = [&](Result<FoldedConstant> result) -> Result<bool> {
        if (!result)
            return fail(std::move(result).error().withContext(nodeLabel(node)));
        if (Status fits = m_budget.charge(*result); !fits)
            return fail(std::move(fits).error().withContext(nodeLabel(node)));
        m_results.emplace(node.outputs[0], std::move(*result));
        return true;
    };
    if (node.opType == "DequantizeLinear" && constantInput(node, 1))
        return labelled(dequantize(node));
    if (!m_toWeights.contains(node.outputs[0]))
        return false;
    if (auto codes = node.opType == "QuantizeLinear" ? quantize(node) : std::nullopt)
        return labelled(std::move(*codes));
    const auto from = m_results.find(node.inputs[0]);
    const auto alone = {"Cast", "Identity", "Transpose"},
               withSecond = {"Add", "Gather", "ScatterND", "Reshape"};
    const bool known =
        std::ranges::find(alone, node.opType) != alone.end() ||
        (constantInput(node, 1) && std::ranges::find(withSecond, node.opType) != withSecond.end());
    if (from == m_results.end() || !known)
        return false;
    return labelled(follow(node, from->second));
}

} // namespace qs
