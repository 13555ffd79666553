#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/float_operands.h"
#include "core/exec/reference/index_offsets.h"
#include "core/exec/reference/lane_sum.h"
#include "core/exec/reference/transformer_families.h"

#include "core/tensor/convert.h"

#include <cmath>
#include <cstring>

namespace qs {
namespace {

constexpr const char *kMicrosoft = "com.microsoft";

/// How lines of `width` elements are normalised: to mean 0 and variance 1, or (simplified) by their root mean
/// square alone.
struct LineRule {
    bool simplified = false;
    double epsilon = 0;
    std::int64_t width = 0;
    const float *scale = nullptr, *bias = nullptr; ///< bias may be nullptr

    void apply(const float *src, float *dst) const {
        const auto count = static_cast<double>(width);
        const double mean = simplified ? 0 : laneSum(src, width) / count;
        const double variance = simplified ? laneSum(src, width, [](double v) { return v * v; }) / count
                                           : laneVariance(src, width, mean);
        const auto shift = static_cast<float>(mean),
                   factor = static_cast<float>(1 / std::sqrt(variance + epsilon));
        for (std::int64_t i = 0; i < width; ++i)
            dst[i] = (src[i] - shift) * factor * scale[i] + (bias ? bias[i] : 0.0f);
    }
};

/// Normalised lines of a float32 tensor.
Result<Tensor> normalizeLines(const KernelCall &call, const Tensor &src, const LineRule &rule) {
    QS_TRY(Tensor result, call.allocate(DType::Float32, src.shape()));
    const float *from = src.values<float>().data();
    float *to = result.mutableValues<float>().data();
    const std::int64_t lines = rule.width == 0 ? 0 : src.numel() / rule.width;
    QS_CHECK_OK(parallelFor(lines, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, rule.width)),
                            call.ctx, [&](std::int64_t begin, std::int64_t end) {
                                for (std::int64_t line = begin; line < end; ++line)
                                    rule.apply(from + line * rule.width, to + line * rule.width);
                            }));
    return result;
}

Status requireLists(const KernelCall &call, std::initializer_list<std::size_t> operands, std::int64_t width) {
    for (const std::size_t i : operands)
        if (call.has(i) && call[i].shape() != Shape{width})
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("input {} of shape {} for lines of {} elements", i,
                                    call[i].shape().text(), width));
    return {};
}

/// x + skip + bias; a skip of lower rank or with a batch of 1 is repeated.
Result<Tensor> sumWithSkip(const KernelCall &call, const Tensor &bias) {
    const Tensor &x = call[0], &skip = call[1];
    const auto fit = broadcastShapes(x.shape(), skip.shape());
    const std::int64_t tail = skip.numel();
    // Repeating along the batch is all there is: its elements follow each other as those of x do.
    bool repeats = fit && *fit == x.shape() && tail > 0 && x.numel() % tail == 0;
    const Shape &s = skip.shape();
    for (int axis = 1; axis < s.rank(); ++axis)
        repeats = repeats && s[axis] == x.shape()[axis + x.shape().rank() - s.rank()];
    if (!repeats && x.numel() > 0)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shapes {} and {} cannot be added", x.shape().text(), s.text()));
    QS_TRY(Tensor sum, call.allocate(DType::Float32, x.shape()));
    const std::span<const float> a = x.values<float>(), b = skip.values<float>();
    const std::span<float> dst = sum.mutableValues<float>();
    for (std::size_t i = 0; i < dst.size(); ++i)
        dst[i] = a[i] + b[i % b.size()];
    if (!bias.empty())
        for (std::size_t i = 0; i < dst.size(); ++i)
            dst[i] += bias.values<float>()[i % static_cast<std::size_t>(bias.numel())];
    return sum;
}

/// Normalises x + skip (+ bias). Operands: x, skip, scale, then (not simplified) the shift, then the bias.
/// Outputs: result, mean, 1 / deviation, x + skip + bias.
Result<Kernel> skipNormalization(NodeReader &reader, bool simplified) {
    const double epsilon = reader.floatAttribute("epsilon", 1e-12);
    if (reader.hasOutput(1) || reader.hasOutput(2))
        return fail(ErrorCode::Unsupported, "mean and deviation as outputs");
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1, 2, 3, 4}));
        const Shape &shape = call[0].shape();
        if (shape.rank() < 2)
            return fail(ErrorCode::InvalidArgument, fmt::format("x of shape {} has no lines", shape.text()));
        const std::int64_t width = shape[shape.rank() - 1];
        QS_CHECK_OK(requireLists(call, {2, 3, 4}, width));
        QS_TRY(Tensor sum, sumWithSkip(call, simplified ? call[3] : call[4]));
        const float *shift = !simplified && call.has(3) ? call[3].values<float>().data() : nullptr;
        QS_TRY(
            Tensor result,
            normalizeLines(call, sum, {simplified, epsilon, width, call[2].values<float>().data(), shift}));
        return std::vector<Tensor>{std::move(result), {}, {}, std::move(sum)};
    });
}

Result<Kernel> skipLayerNormalization(NodeReader &reader) {
    return skipNormalization(reader, false);
}
Result<Kernel> skipSimplifiedLayerNormalization(NodeReader &reader) {
    return skipNormalization(reader, true);
}

/// Adds the rows of a table that indices name; without indices those of their position in the sequence.
Status addRows(Tensor &sum, const Tensor &table, const std::optional<std::vector<std::int64_t>> &indices,
               std::int64_t sequence) {
    const std::int64_t width = table.shape()[1];
    float *dst = sum.mutableValues<float>().data();
    const std::int64_t lines = width == 0 ? 0 : sum.numel() / width;
    for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t row = indices ? (*indices)[static_cast<std::size_t>(line)] : line % sequence;
        if (row >= table.shape()[0])
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("position {} of {} that have an embedding", row, table.shape()[0]));
        const float *src = table.values<float>().data() + row * width;
        for (std::int64_t i = 0; i < width; ++i)
            dst[line * width + i] += src[i];
    }
    return {};
}

/// Operands: token ids, segment ids, tables of words, positions and segments, scale, shift, mask, positions.
Status checkEmbedding(const KernelCall &call) {
    for (const std::size_t i : {0, 2, 3, 5, 6})
        if (!call.has(i))
            return fail(ErrorCode::InvalidArgument, fmt::format("input {} is missing", i));
    QS_CHECK_OK(requireFloat32Operands(call, {2, 3, 4, 5, 6}));
    if (call[0].shape().rank() != 2 || call[2].shape().rank() != 2)
        return fail(ErrorCode::InvalidArgument, "token ids and their table must be matrices");
    const std::int64_t width = call[2].shape()[1];
    for (const std::size_t i : {3, 4})
        if (call.has(i) && (call[i].shape().rank() != 2 || call[i].shape()[1] != width))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("table {} is no matrix of {} columns", i, width));
    for (const std::size_t i : {1, 7, 8})
        if (call.has(i) && call[i].shape() != call[0].shape())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("input {} must have the shape of the token ids", i));
    if (call.has(1) != call.has(4))
        return fail(ErrorCode::InvalidArgument, "segment ids need their table, and the table needs ids");
    return requireLists(call, {5, 6}, width);
}

/// How many tokens of every sequence the mask keeps.
Tensor keptTokens(const KernelCall &call) {
    const std::int64_t batch = call[0].shape()[0], sequence = call[0].shape()[1];
    Tensor counts = Tensor::zeros(DType::Int32, Shape{batch});
    if (call.has(7))
        for (std::int64_t i = 0; i < batch * sequence; ++i)
            counts.mutableValues<std::int32_t>()[static_cast<std::size_t>(i / sequence)] +=
                call[7].values<std::int32_t>()[static_cast<std::size_t>(i)] == 1;
    return counts;
}

Result<Kernel> embedLayerNormalization(NodeReader &reader) {
    const double epsilon = reader.floatAttribute("epsilon", 1e-12);
    if (reader.intAttribute("mask_index_type", 1) != 1)
        return fail(ErrorCode::Unsupported, "mask_index_type other than 1");
    return widenHalfTypes([epsilon](KernelCall &call) -> Outputs {
        QS_CHECK_OK(checkEmbedding(call));
        if (call.has(7) && call[7].dtype() != DType::Int32)
            return fail(ErrorCode::InvalidArgument, "the mask must be int32");
        const std::int64_t sequence = call[0].shape()[1], width = call[2].shape()[1];
        QS_TRY(Tensor sum, call.allocate(DType::Float32, Shape{call[0].shape()[0], sequence, width}));
        std::memset(sum.mutableBytes(), 0, sum.sizeBytes());
        for (const auto &[ids, table] : {std::pair<std::size_t, std::size_t>{0, 2}, {8, 3}, {1, 4}}) {
            if (!call.has(table))
                continue;
            std::optional<std::vector<std::int64_t>> rows;
            if (call.has(ids)) {
                QS_TRY(rows, normalizedIndices(call[ids], call[table].shape()[0]));
            }
            QS_CHECK_OK(addRows(sum, call[table], rows, sequence));
        }
        QS_TRY(Tensor result, normalizeLines(call, sum,
                                             {false, epsilon, width, call[5].values<float>().data(),
                                              call[6].values<float>().data()}));
        return std::vector<Tensor>{std::move(result), keptTokens(call), std::move(sum)};
    });
}

constexpr KernelEntry kEntries[] = {
    {"SkipLayerNormalization", 1, skipLayerNormalization, kMicrosoft},
    {"SkipSimplifiedLayerNormalization", 1, skipSimplifiedLayerNormalization, kMicrosoft},
    {"EmbedLayerNormalization", 1, embedLayerNormalization, kMicrosoft},
};

} // namespace

KernelFamily skipNormalizationKernels() {
    return kEntries;
}

} // namespace qs
