#include "core/analysis/weight_values.h"

#include "core/base/parallel.h"
#include "core/graph/weight_difference.h"
#include "core/tensor/blocks/block_type.h"
#include "core/tensor/convert.h"
#include "core/tensor/float_passes.h"
#include "core/tensor/tensor_slice.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace qs {
namespace {

constexpr std::int64_t kValuesPerBlock = 1 << 18;
constexpr std::int64_t kColumnsPerBlock = 1024;

/// Bit patterns of floats whose magnitudes ascend as integers.
template <typename Bits>
struct Patterns {
    std::span<const Bits> values;
    Bits infinity;
    float (*decode)(Bits);
};

/// Largest magnitudes of lines: rows, or the columns of a matrix that is stored transposed.
template <typename Bits>
class MagnitudeSearch {
public:
    /// \param lines  of `length` values each
    MagnitudeSearch(Patterns<Bits> patterns, std::int64_t lines, std::int64_t length, bool transposed)
        : m_patterns(patterns), m_lines(lines), m_length(length), m_transposed(transposed),
          m_largest(static_cast<std::size_t>(lines)) {}

    Result<WeightValues::Magnitudes> search(const RunContext &ctx) {
        const std::int64_t grain =
            m_transposed ? kColumnsPerBlock
                         : std::max<std::int64_t>(1, kValuesPerBlock / std::max<std::int64_t>(1, m_length));
        std::atomic<std::int64_t> zeroLines{0};
        QS_CHECK_OK(parallelFor(m_lines, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
            m_transposed ? searchColumns(begin, end, ctx) : searchRows(begin, end);
            for (std::int64_t line = begin; line < end; ++line)
                zeroLines += m_largest[static_cast<std::size_t>(line)] == 0 && isZero(line);
        }));
        WeightValues::Magnitudes found;
        found.zeroRows = zeroLines;
        std::ranges::transform(m_largest, std::back_inserter(found.largest), m_patterns.decode);
        return found;
    }

private:
    void searchRows(std::int64_t begin, std::int64_t end) {
        const auto length = static_cast<std::size_t>(m_length);
        for (auto row = static_cast<std::size_t>(begin); row < static_cast<std::size_t>(end); ++row)
            m_largest[row] =
                largestMagnitude(m_patterns.values.subspan(row * length, length), m_patterns.infinity);
    }

    void searchColumns(std::int64_t begin, std::int64_t end, const RunContext &ctx) {
        const auto width = static_cast<std::size_t>(end - begin);
        for (std::int64_t i = 0; i < m_length && !ctx.cancelled(); ++i)
            raiseMagnitudes(m_patterns.values.subspan(static_cast<std::size_t>(i * m_lines + begin), width),
                            m_patterns.infinity, m_largest.data() + begin);
    }

    /// A line without finite values but 0 may still hold NaN or Inf.
    bool isZero(std::int64_t line) const {
        if (!m_transposed && m_length > 0) { // nearly always, and fast: every pattern is that of +0
            const Bits *row = m_patterns.values.data() + line * m_length;
            const auto others = static_cast<std::size_t>(m_length - 1) * sizeof(Bits);
            if (row[0] == 0 && std::memcmp(row, row + 1, others) == 0)
                return true;
        }
        const std::int64_t stride = m_transposed ? m_lines : 1, first = m_transposed ? line : line * m_length;
        for (std::int64_t i = 0; i < m_length; ++i)
            if (static_cast<Bits>(m_patterns.values[static_cast<std::size_t>(first + i * stride)] << 1) != 0)
                return false;
        return true;
    }

    Patterns<Bits> m_patterns;
    std::int64_t m_lines, m_length;
    bool m_transposed;
    std::vector<Bits> m_largest;
};

Patterns<std::uint32_t> floatPatterns(const Tensor &values) {
    return {values.values<std::uint32_t>(), 0x7F800000,
            [](std::uint32_t bits) { return std::bit_cast<float>(bits); }};
}

} // namespace

Result<WeightValues> WeightValues::open(const Layer &layer, const ModelGraph &graph) {
    WeightValues result;
    result.m_rows = layer.outChannels;
    result.m_cols = layer.inPerOut;
    const Tensor &stored = *graph.constant(layer.weight);
    const bool hasWholeBytes = dtypeBits(stored.dtype()) >= 8 || blockFormatOf(stored.dtype());
    if (hasWholeBytes && !weightDifference(layer, graph)) {
        result.m_values = stored;
        result.m_isTransposed = layer.transposed;
        result.m_isDirect = !layer.transposed;
        return result;
    }
    QS_TRY(result.m_values, weightMatrix(layer, graph));
    return result;
}

Result<TensorScan> WeightValues::scan(const TensorScan::Early &early, const RunContext &ctx) const {
    return TensorScan::read(m_values, early, ctx);
}

Result<Tensor> WeightValues::read(std::int64_t first, std::int64_t count) const {
    const Shape shape{count, m_cols};
    if (!m_isTransposed) {
        QS_TRY(const Tensor rows, toFloat32(sliceOf(m_values, first * m_cols, count * m_cols)));
        return rows.reshaped(shape);
    }
    QS_TRY(const Tensor matrix, matrixOf({m_values, true}, m_rows, m_cols));
    return sliceOf(matrix, first * m_cols, count * m_cols).reshaped(shape);
}

Result<WeightValues::Magnitudes> WeightValues::magnitudes(const RunContext &ctx) const {
    switch (m_values.dtype()) {
    case DType::Float32:
        return MagnitudeSearch(floatPatterns(m_values), m_rows, m_cols, m_isTransposed).search(ctx);
    case DType::Float16:
        return MagnitudeSearch<std::uint16_t>({m_values.values<std::uint16_t>(), 0x7C00, float16ToFloat},
                                              m_rows, m_cols, m_isTransposed)
            .search(ctx);
    case DType::BFloat16:
        return MagnitudeSearch<std::uint16_t>({m_values.values<std::uint16_t>(), 0x7F80, bfloat16ToFloat},
                                              m_rows, m_cols, m_isTransposed)
            .search(ctx);
    default:
        break;
    }
    Magnitudes found;
    const std::int64_t rowsAtOnce =
        m_isTransposed ? m_rows
                       : std::max<std::int64_t>(1, 16 * kValuesPerBlock / std::max<std::int64_t>(1, m_cols));
    for (std::int64_t row = 0; row < m_rows; row += rowsAtOnce) {
        const std::int64_t count = std::min(rowsAtOnce, m_rows - row);
        QS_TRY(const Tensor values, read(row, count));
        QS_TRY(const Magnitudes part,
               MagnitudeSearch(floatPatterns(values), count, m_cols, false).search(ctx));
        found.largest.insert(found.largest.end(), part.largest.begin(), part.largest.end());
        found.zeroRows += part.zeroRows;
    }
    return found;
}

} // namespace qs
