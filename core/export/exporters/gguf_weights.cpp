#include "core/export/exporters/gguf_weights.h"

#include "core/graph/stored_weight.h"
#include "core/tensor/blocks/block_codec.h"
#include "core/tensor/blocks/pack_block.h"
#include "core/tensor/convert.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kSameTolerance = 1e-6; ///< of the largest value: minima are real zero points in a run
constexpr std::int64_t kBlock = 32;

double largestOf(const Tensor &values) {
    double largest = 0;
    for (const float value : values.values<float>())
        largest = std::max(largest, std::abs(static_cast<double>(value)));
    return largest;
}

double worstDifference(const Tensor &a, const Tensor &b) {
    double worst = 0;
    const auto x = a.values<float>(), y = b.values<float>();
    for (std::size_t i = 0; i < x.size(); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(x[i]) - y[i]));
    return worst;
}

Result<Tensor> encoded(BlockType type, const Tensor &matrix, const RunContext &ctx) {
    const std::int64_t rows = matrix.shape()[0], cols = matrix.shape()[1];
    QS_TRY(const std::vector<std::byte> blocks,
           encodeBlocks(type, {matrix.values<float>().data(), rows, cols}, ctx));
    Tensor tensor = Tensor::allocate(blockDType(type), matrix.shape());
    std::memcpy(tensor.mutableBytes(), blocks.data(), blocks.size());
    return tensor;
}

/// The tensor when its values are those of the run, else nothing.
std::optional<GgufWeight> ifSame(const Tensor &blocks, const Tensor &values) {
    const auto decoded = toFloat32(blocks);
    if (!decoded || decoded->shape() != values.shape())
        return std::nullopt;
    const double worst = worstDifference(*decoded, values);
    if (!(worst <= kSameTolerance * largestOf(values)))
        return std::nullopt;
    return GgufWeight{GgufForm::Blocks, blocks, worst};
}

// ---------------------------------------------------------------- integer grids as blocks

/// The integer that a weight is a multiple of its scale by, where zero points are integers.
int levelAt(const QuantizedMatrix &matrix, std::int64_t index, std::int64_t slice) {
    return matrix.codes[static_cast<std::size_t>(index)] - matrix.zeroPoints[static_cast<std::size_t>(slice)];
}

/// The smallest format that holds the grid: without minima where all levels fit, which is exact but for the
/// float16 scale.
std::optional<BlockType> formatFor(const QuantizedMatrix &matrix) {
    const SliceLayout &layout = matrix.layout;
    const bool isGrid = matrix.levels.empty() && matrix.kept.empty() && !matrix.branch &&
                        matrix.groupOfColumn.empty() && matrix.cols % kBlock == 0 &&
                        (layout.granularity != Granularity::PerGroup || layout.groupSize % kBlock == 0);
    if (!isGrid)
        return std::nullopt;
    LevelRange used;
    if (matrix.realZeroPoints.empty())
        for (std::int64_t row = 0, index = 0; row < matrix.rows; ++row)
            for (std::int64_t col = 0; col < matrix.cols; ++col, ++index) {
                const int level = levelAt(matrix, index, layout.slice(row, col));
                used = {std::min(used.lowest, level), std::max(used.highest, level)};
            }
    else
        used = {-1 << 20, 1 << 20}; // no whole levels
    const int codes = 1 << matrix.bits;
    for (const BlockType type :
         {BlockType::Q4_0, BlockType::Q4_1, BlockType::Q5_0, BlockType::Q5_1, BlockType::Q8_0}) {
        const LevelRange levels = *levelsOf(type);
        const bool fits = levels.lowest < 0 ? used.lowest >= levels.lowest && used.highest <= levels.highest
                                            : codes <= levels.highest + 1;
        if (fits)
            return type;
    }
    return std::nullopt;
}

bool holdsAsHalf(float value) {
    const float half = float16ToFloat(floatToFloat16(value));
    return std::isfinite(half) && (half != 0 || value == 0);
}

/// \return whether float16 holds scale and minimum of the block
bool packOne(BlockType type, const QuantizedMatrix &matrix, std::int64_t row, std::int64_t col,
             std::uint8_t *block) {
    const std::int64_t slice = matrix.layout.slice(row, col), first = row * matrix.cols + col;
    const auto s = static_cast<std::size_t>(slice);
    const bool withMinimum = levelsOf(type)->lowest == 0;
    const int lowestCode = codeRange(matrix.bits, matrix.convention).lowest;
    const float scale = matrix.scales[s];
    const float zero =
        matrix.realZeroPoints.empty() ? static_cast<float>(matrix.zeroPoints[s]) : matrix.realZeroPoints[s];
    const float minimum = withMinimum ? scale * (static_cast<float>(lowestCode) - zero) : 0.0f;
    std::array<int, kBlock> levels;
    for (std::int64_t i = 0; i < kBlock; ++i)
        levels[static_cast<std::size_t>(i)] =
            withMinimum ? matrix.codes[static_cast<std::size_t>(first + i)] - lowestCode
                        : levelAt(matrix, first + i, slice);
    packBlock(type, levels, scale, minimum, block);
    return holdsAsHalf(scale) && std::abs(minimum) <= 65504;
}

std::optional<GgufWeight> packed(const QuantizedMatrix &matrix, const Tensor &values) {
    const auto type = formatFor(matrix);
    if (!type)
        return std::nullopt;
    Tensor tensor = Tensor::allocate(blockDType(*type), values.shape());
    auto *block = reinterpret_cast<std::uint8_t *>(tensor.mutableBytes());
    for (std::int64_t row = 0; row < matrix.rows; ++row)
        for (std::int64_t col = 0; col < matrix.cols; col += kBlock, block += blockFormat(*type).bytes)
            if (!packOne(*type, matrix, row, col, block))
                return std::nullopt;
    const auto decoded = toFloat32(tensor);
    return GgufWeight{GgufForm::Packed, std::move(tensor), worstDifference(*decoded, values)};
}

// ---------------------------------------------------------------- layers

Result<GgufWeight> quantizedWeight(const Layer &layer, const ModelGraph &graph, const LayerResult &result,
                                   const GgufWeightOptions &options, const RunContext &ctx) {
    const QuantizedMatrix &matrix = *result.quantized.weight;
    const Tensor values = matrix.dequantize();
    if (!matrix.blocks.empty())
        if (auto weight = ifSame(matrix.blocks, values))
            return std::move(*weight);
    const BlockFormat *format =
        result.choice.weight ? findBlockFormat(result.choice.weight->method) : nullptr;
    if (format && canEncode(format->type)) {
        QS_TRY(const Tensor original, weightMatrix(layer, graph));
        QS_TRY(const Tensor blocks, encoded(format->type, original, ctx));
        if (auto weight = ifSame(blocks, values))
            return std::move(*weight);
    }
    if (auto weight = packed(matrix, values))
        return std::move(*weight);
    QS_TRY(Tensor floats, ggufFloats(values, options.floatType));
    QS_TRY(const Tensor written, toFloat32(floats));
    return GgufWeight{GgufForm::Values, std::move(floats), worstDifference(written, values)};
}

/// What llama.cpp takes where rows are no whole number of super-blocks.
std::optional<BlockType> fallbackOf(BlockType type) {
    switch (type) {
    case BlockType::Q2_K:
    case BlockType::Q3_K:
    case BlockType::IQ4_XS:
        return BlockType::IQ4_NL;
    case BlockType::Q4_K:
        return BlockType::Q5_0;
    case BlockType::Q5_K:
        return BlockType::Q5_1;
    case BlockType::Q6_K:
        return BlockType::Q8_0;
    case BlockType::TQ2_0:
        return BlockType::Q4_0;
    default:
        return std::nullopt;
    }
}

std::optional<BlockType> fallbackFor(const Layer &layer, const LayerResult &result) {
    const bool failed = result.state == LayerResult::State::Failed && result.choice.weight;
    const BlockFormat *format = failed ? findBlockFormat(result.choice.weight->method) : nullptr;
    if (!format || layer.inPerOut % format->elements == 0 || layer.inPerOut % kBlock != 0)
        return std::nullopt;
    return fallbackOf(format->type);
}

} // namespace

Result<Tensor> ggufFloats(const Tensor &values, DType type) {
    const auto cast = [&](DType to) { return castTensor(values, to); };
    if (type == DType::Float32)
        return values;
    for (const DType candidate : {DType::Float16, DType::BFloat16}) {
        if (type != DType::Undefined && type != candidate)
            continue;
        QS_TRY(Tensor tensor, cast(candidate));
        QS_TRY(const Tensor back, toFloat32(tensor));
        const double worst = worstDifference(back, values);
        if (type == candidate && !(worst <= largestOf(values)))
            return fail(ErrorCode::Unsupported,
                        fmt::format("{} cannot hold values up to {:g}; choose f32 or auto",
                                    dtypeName(candidate), largestOf(values)));
        if (type == candidate || worst == 0)
            return tensor;
    }
    return values;
}

Result<GgufWeight> ggufWeight(const Layer &layer, const ModelGraph &graph, const LayerResult &result,
                              const GgufWeightOptions &options, const RunContext &ctx) {
    if (result.state == LayerResult::State::Quantized && result.quantized.weight)
        return quantizedWeight(layer, graph, result, options, ctx);
    QS_TRY(const Tensor values, weightMatrix(layer, graph));
    if (const auto fallback = options.fallback ? fallbackFor(layer, result) : std::nullopt) {
        QS_TRY(Tensor blocks, encoded(*fallback, values, ctx));
        return GgufWeight{GgufForm::Fallback, std::move(blocks), 0};
    }
    // What a GGUF file already holds in blocks stays in them.
    const Tensor &stored = storedWeight(layer, graph);
    if (blockFormatOf(stored.dtype()))
        if (auto weight = ifSame(stored, values); weight && weight->worstDifference == 0)
            return GgufWeight{GgufForm::Float, stored, 0};
    QS_TRY(Tensor floats, ggufFloats(values, options.floatType));
    QS_TRY(const Tensor written, toFloat32(floats));
    return GgufWeight{GgufForm::Float, std::move(floats), worstDifference(written, values)};
}

} // namespace qs
