#include "core/base/parallel.h"
#include "core/quant/quantizer.h"
#include "core/tensor/tensor_stats.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr int kLowestBits = 2, kHighestBits = 8;
/// Values per block of rows: small enough to notice a cancel in 50 ms under the slowest range rule.
constexpr std::int64_t kValuesPerBlock = 65536;

Status requireFinite(const QuantizeRequest &request, const RunContext &ctx) {
    const auto size = static_cast<std::size_t>(request.weights.size());
    QS_TRY(const TensorStats stats, computeStats({request.weights.data, size}, ctx));
    if (stats.firstNonFinite < 0)
        return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("weight at row {}, column {} is {}; repair the model or keep this layer in float",
                            stats.firstNonFinite / request.weights.cols,
                            stats.firstNonFinite % request.weights.cols,
                            request.weights.data[stats.firstNonFinite]),
                request.layerName);
}

QuantizedMatrix emptyMatrix(const QuantizeRequest &request) {
    const WeightGridScheme &scheme = request.scheme;
    QuantizedMatrix matrix;
    matrix.rows = request.weights.rows;
    matrix.cols = request.weights.cols;
    matrix.bits = scheme.grid.bits;
    matrix.convention = scheme.grid.convention;
    matrix.layout = {scheme.granularity, matrix.rows, matrix.cols,
                     scheme.granularity == Granularity::PerGroup ? scheme.groupSize : 0};
    matrix.scaleAsFloat16 = scheme.scaleAsFloat16;
    matrix.codes.resize(static_cast<std::size_t>(request.weights.size()));
    matrix.scales.resize(static_cast<std::size_t>(matrix.layout.slices()));
    matrix.zeroPoints.resize(matrix.scales.size());
    return matrix;
}

void store(QuantizedMatrix &matrix, std::int64_t slice, ScaleZero grid) {
    matrix.scales[static_cast<std::size_t>(slice)] = grid.scale;
    matrix.zeroPoints[static_cast<std::size_t>(slice)] = grid.zeroPoint;
}

/// Fits (but for per-tensor grids, which are there already) and rounds one row.
void quantizeRow(const QuantizeRequest &request, std::int64_t row, QuantizedMatrix &matrix) {
    const GridScheme &scheme = request.scheme.grid;
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    const std::span<const float> values = request.weights.row(row);
    std::int16_t *codes = matrix.codes.data() + row * matrix.cols;
    for (std::int64_t begin = 0; begin < matrix.cols;) {
        const std::int64_t end = matrix.layout.sliceEnd(begin);
        if (matrix.layout.granularity != Granularity::PerTensor) {
            const auto slice =
                values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
            store(matrix, matrix.layout.slice(row, begin), fitGrid(slice, scheme, matrix.scaleAsFloat16));
        }
        const ScaleZero grid = matrix.grid(row, begin);
        for (; begin < end; ++begin)
            codes[begin] = static_cast<std::int16_t>(
                quantizeValue(values[static_cast<std::size_t>(begin)], grid, range, scheme.rounding));
    }
}

class RtnQuantizer final : public Quantizer {
public:
    const MethodInfo &info() const override { return m_info; }
    const ParameterSchema &schema() const override { return m_schema; }

    Support supports(const QuantizeRequest &request) const override {
        const WeightGridScheme &scheme = request.scheme;
        if (scheme.grid.bits < kLowestBits || scheme.grid.bits > kHighestBits)
            return {false,
                    fmt::format("needs {} to {} bits; got {}", kLowestBits, kHighestBits, scheme.grid.bits)};
        if (scheme.granularity == Granularity::PerGroup && scheme.groupSize < 1)
            return {false, fmt::format("needs a group size of at least 1; got {}", scheme.groupSize)};
        return {};
    }

    Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const override {
        if (const Support support = supports(request); !support.yes)
            return fail(ErrorCode::InvalidArgument, support.reason, request.layerName);
        if (auto parameters = m_schema.complete(request.parameters); !parameters)
            return fail(std::move(parameters).error().withContext(request.layerName));
        QS_CHECK_OK(requireFinite(request, ctx));

        QuantizedMatrix matrix = emptyMatrix(request);
        const MatrixView<const float> &weights = request.weights;
        if (matrix.layout.granularity == Granularity::PerTensor) {
            const GridScheme &scheme = request.scheme.grid;
            const std::span<const float> values(weights.data, static_cast<std::size_t>(weights.size()));
            QS_TRY(const ValueRange range, chooseRange(values, scheme, ctx));
            store(matrix, 0,
                  gridForRange(range.lo, range.hi, scheme.bits, scheme.convention, matrix.scaleAsFloat16));
        }
        std::atomic<std::int64_t> done = 0;
        auto quantizeRows = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                quantizeRow(request, row, matrix);
            ctx.step(done += end - begin, matrix.rows, "rounding to nearest");
        };
        const std::int64_t rowsPerBlock =
            std::max<std::int64_t>(1, kValuesPerBlock / std::max<std::int64_t>(1, weights.cols));
        QS_CHECK_OK(parallelFor(weights.rows, rowsPerBlock, ctx, quantizeRows));
        return matrix;
    }

private:
    MethodInfo m_info{.id = "rtn",
                      .name = "Round to nearest",
                      .summary =
                          "Rounds every weight to the nearest point of a grid that a range rule chooses.",
                      .paper = "Jacob et al. 2018, arXiv:1712.05877",
                      .tags = {"grid", "rounding", "search", "weight-only", "weight-activation", "data-free"},
                      .version = "1.0",
                      .origin = "built in",
                      .status = MethodStatus::ReferenceChecked,
                      .cost = "m d; m d × 80 for the mse range"};
    ParameterSchema m_schema; // no parameters: grid and range rule say it all
};

} // namespace

std::shared_ptr<const Quantizer> makeRtnQuantizer() {
    return std::make_shared<RtnQuantizer>();
}

} // namespace qs
