#include "core/analysis/weight_values.h"
#include "views/distribution/distribution_parts.h"

#include "core/base/number_text.h"
#include "core/base/parallel.h"

#include <atomic>
#include <fmt/format.h>
#include <mutex>

namespace qs::views {

namespace {

/// Larger weights are compared with their quantized values in parts, so that no float32 copies of them are
/// held.
constexpr std::int64_t kValuesAtOnce = 1 << 25;
constexpr std::int64_t kValuesPerPart = 1 << 18;

std::string layoutText(const SliceLayout &layout) {
    if (layout.granularity == Granularity::PerGroup)
        return fmt::format("per group of {}", layout.groupSize);
    return fmt::format("per {}", granularityName(layout.granularity));
}

bool isComparable(const DistributionRequest &request) {
    return !request.result || request.result->hasOriginal;
}

void setBins(DistributionData &data, BinCounts bins) {
    data.values = BinnedValues::empty(bins.lo, bins.hi, static_cast<int>(bins.counts.size()));
    std::ranges::copy(bins.counts, data.values.counts.begin());
    data.values.below = static_cast<double>(bins.below);
    data.values.above = static_cast<double>(bins.above);
}

/// The float values of all channels, as far as they were read. \param reach  of what else must be in view
Status adoptScan(DistributionData &data, const TensorScan &scan, std::optional<ValueRange> reach,
                 const RunContext &ctx) {
    data.seen = scan.seen();
    data.total = scan.total();
    data.isCut = scan.isCut();
    data.stats = scan.stats();
    ValueRange shown{data.stats.min, data.stats.max};
    if (data.request.range == DistributionRequest::Range::Central) {
        QS_TRY(shown, centralRange(scan, kCentralShare, ctx));
    } else if (reach) {
        shown = {std::min(shown.lo, reach->lo), std::max(shown.hi, reach->hi)};
    }
    const BinnedValues frame = BinnedValues::empty(shown.lo, shown.hi, data.request.bins);
    QS_TRY(BinCounts bins, scan.bins(frame.lo, frame.hi(), data.request.bins, ctx));
    setBins(data, std::move(bins));
    return {};
}

/// What the recipe would make of some rows of the weight with round to nearest.
Result<std::shared_ptr<const QuantizedMatrix>> previewOf(const DistributionRequest &request,
                                                         const Tensor &rows, const RunContext &ctx) {
    const Layer &layer = request.layerInfo();
    QuantizeRequest job;
    job.layerName = layer.name;
    job.weights = {rows.values<float>().data(), rows.shape()[0], rows.shape()[1]};
    job.groups = rows.shape()[0] == layer.outChannels ? layer.groups : 1;
    job.scheme = request.choice.weight->scheme;
    const auto rtn = makeRtnQuantizer();
    job.parameters = rtn->schema().defaults();
    QS_TRY(QuantizedMatrix matrix, rtn->quantize(job, ctx));
    return std::make_shared<const QuantizedMatrix>(std::move(matrix));
}

/// The weight that a run made; null when there is none. Notes say why, and what will be shown instead.
std::shared_ptr<const QuantizedMatrix> matrixOfRun(DistributionData &data) {
    const auto &result = data.request.result;
    if (!result)
        return nullptr;
    const auto &matrix = result->quantized.weight;
    if (result->state == LayerResult::State::Failed)
        data.notes.push_back("The run failed on this layer: " + result->failure);
    else if (!matrix)
        data.notes.push_back("The run left this weight in float.");
    if (matrix && !result->hasOriginal)
        data.notes.push_back("The weights are the values of the codes that came with the model: there is no "
                             "float original, so errors are not available.");
    if (matrix)
        data.quantizedName = result->choice.weight ? result->choice.weight->method : "quantized";
    return matrix;
}

bool wantsPreview(DistributionData &data) {
    if (data.request.result)
        return false;
    if (!data.request.choice.weight)
        data.notes.push_back("The recipe leaves this weight in float.");
    return data.request.choice.weight.has_value();
}

void describePreview(DistributionData &data) {
    data.quantizedName = "preview";
    const std::string &method = data.request.choice.weight->method;
    data.notes.push_back(
        method == "rtn" ? "Preview of the recipe's grid; no run yet."
                        : "Preview: the recipe's grid with round to nearest. Run the recipe to see what " +
                              method + " makes of it.");
}

/// How many values lie beyond the ends of their grids. \param firstRow  of the values in the matrix
Result<std::int64_t> countClipped(const QuantizedMatrix &matrix, std::span<const float> values,
                                  std::int64_t firstRow, const RunContext &ctx) {
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    std::int64_t clipped = 0;
    for (std::size_t start = 0; start < values.size(); start += static_cast<std::size_t>(matrix.cols)) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::int64_t row = firstRow + static_cast<std::int64_t>(start) / matrix.cols;
        for (std::int64_t col = 0; col < matrix.cols; ++col)
            clipped += isClipped(static_cast<double>(values[start + static_cast<std::size_t>(col)]),
                                 matrix.grid(row, col), range);
    }
    return clipped;
}

void describeGrid(DistributionData &data, const QuantizedMatrix &matrix, std::int64_t row) {
    data.quantizedName += ", " + gridText(matrix.bits, matrix.convention) + ", " + layoutText(matrix.layout);
    data.grid.grids = data.request.channel < 0 ? matrix.layout.slices() : matrix.layout.groupsPerRow();
    const ScaleZero own = matrix.grid(row, 0);
    if (data.grid.grids == 1 && matrix.levels.empty() && matrix.realZeroPoints.empty() && own.scale > 0)
        setGridPoints(data.grid, own, matrix.bits, matrix.convention);
}

ValueRange extentOf(std::span<const float> values) {
    const auto [lo, hi] = std::ranges::minmax(values);
    return {static_cast<double>(lo), static_cast<double>(hi)};
}

/// The float weight as a whole, and its quantized values over it.
Status compareWhole(DistributionData &data, const WeightValues &source, const TensorScan *scan,
                    const RunContext &ctx) {
    const DistributionRequest &request = data.request;
    QS_TRY(const Tensor weights, source.read(0, source.rows()));
    auto matrix = matrixOfRun(data);
    if (wantsPreview(data)) {
        auto preview = previewOf(request, weights, ctx);
        if (!preview && preview.error().code == ErrorCode::Cancelled)
            return fail(std::move(preview).error());
        if (preview)
            describePreview(data);
        else
            data.notes.push_back("No preview: " + preview.error().text());
        matrix = preview.value_or(nullptr);
    }
    const std::int64_t row = std::max<std::int64_t>(request.channel, 0);
    const auto slice = [&](const Tensor &all) {
        const auto cols = static_cast<std::size_t>(source.cols());
        const auto values = all.values<float>();
        return request.channel < 0 ? values : values.subspan(static_cast<std::size_t>(row) * cols, cols);
    };
    const bool compared = matrix && isComparable(request);
    const Tensor dequantized = compared ? matrix->dequantize() : Tensor();
    const auto values = slice(weights), others = compared ? slice(dequantized) : std::span<const float>();
    if (!scan) {
        QS_CHECK_OK(binRawValues(data, values, others, ctx));
    } else if (compared) {
        QS_CHECK_OK(adoptScan(data, *scan, extentOf(others), ctx));
        QS_TRY(const Histogram bins,
               computeHistogram(others, data.values.lo, data.values.hi(), request.bins, ctx));
        data.quantized = BinnedValues::of(bins);
        data.error.emplace().add(values, others);
    }
    if (!matrix)
        return {};
    // Levels of their own have no steps to be clipped at.
    if (compared && matrix->isIntegerGrid()) {
        QS_TRY(const std::int64_t clipped, countClipped(*matrix, values, row, ctx));
        data.clippedShare =
            static_cast<double>(clipped) / static_cast<double>(std::max<std::size_t>(values.size(), 1));
    }
    describeGrid(data, *matrix, row);
    return {};
}

/// Compares a weight that is too large to hold twice, some rows at a time.
class PartwiseComparison {
public:
    PartwiseComparison(DistributionData &data, const WeightValues &source)
        : m_data(data), m_source(source), m_matrix(matrixOfRun(data)), m_isPreview(wantsPreview(data)) {}

    /// \param firstRow, endRow  of the matrix
    Status compare(std::int64_t firstRow, std::int64_t endRow, const RunContext &ctx) {
        if (m_isPreview && m_data.request.choice.weight->scheme.granularity == Granularity::PerTensor) {
            m_data.notes.push_back("No preview of one grid for so large a tensor: run the recipe to see it.");
            return {};
        }
        if ((!m_matrix && !m_isPreview) || !isComparable(m_data.request))
            return {};
        const std::int64_t rowsAtOnce =
            std::max<std::int64_t>(1, kValuesPerPart / std::max<std::int64_t>(1, m_source.cols()));
        m_parts.resize(static_cast<std::size_t>((endRow - firstRow + rowsAtOnce - 1) / rowsAtOnce));
        std::atomic<std::int64_t> done{0};
        QS_CHECK_OK(
            parallelFor(endRow - firstRow, rowsAtOnce, ctx, [&](std::int64_t begin, std::int64_t end) {
                comparePart(m_parts[static_cast<std::size_t>(begin / rowsAtOnce)], firstRow + begin,
                            end - begin, ctx);
                ctx.step(done += end - begin, endRow - firstRow, "comparing with the quantized weight");
            }));
        return finish(firstRow);
    }

private:
    struct Part {
        Status status;
        std::shared_ptr<const QuantizedMatrix> matrix;
        ErrorMetrics error;
        std::int64_t clipped = 0;
    };

    void comparePart(Part &part, std::int64_t first, std::int64_t count, const RunContext &ctx) {
        if (m_hasFailed)
            return;
        part.status = tryPart(part, first, count, RunContext{ctx.stop, nullptr, 1});
        if (!part.status)
            m_hasFailed = true;
        if (&part != &m_parts.front())
            part.matrix = nullptr; // one is enough to describe the grids
    }

    Status tryPart(Part &part, std::int64_t first, std::int64_t count, const RunContext &ctx) {
        QS_TRY(const Tensor rows, m_source.read(first, count));
        part.matrix = m_matrix;
        if (!m_matrix) {
            QS_TRY(part.matrix, previewOf(m_data.request, rows, ctx));
        }
        const std::int64_t offset = m_matrix ? first : 0; // a preview has these rows only
        Tensor others = Tensor::allocate(DType::Float32, rows.shape());
        const auto cols = static_cast<std::size_t>(m_source.cols());
        for (std::int64_t row = 0; row < count; ++row)
            part.matrix->dequantizeRow(
                offset + row, 0,
                others.mutableValues<float>().subspan(static_cast<std::size_t>(row) * cols, cols));
        part.error.add(rows.values<float>(), others.values<float>());
        if (part.matrix->isIntegerGrid()) {
            QS_TRY(part.clipped, countClipped(*part.matrix, rows.values<float>(), offset, ctx));
        }
        Histogram bins(m_bins.lo(), m_bins.hi(), m_bins.bins());
        bins.add(others.values<float>());
        const std::scoped_lock lock(m_mutex);
        m_bins.merge(bins);
        return {};
    }

    Status finish(std::int64_t firstRow) {
        ErrorMetrics error;
        std::int64_t clipped = 0;
        for (Part &part : m_parts) {
            if (!part.status && part.status.error().code != ErrorCode::Cancelled) {
                m_data.notes.push_back("No preview: " + part.status.error().text());
                return {};
            }
            QS_CHECK_OK(std::move(part.status));
            error.merge(part.error);
            clipped += part.clipped;
        }
        const QuantizedMatrix &first = *m_parts.front().matrix;
        if (m_isPreview)
            describePreview(m_data);
        m_data.quantized = BinnedValues::of(m_bins);
        m_data.error = error;
        if (first.isIntegerGrid())
            m_data.clippedShare =
                static_cast<double>(clipped) / static_cast<double>(std::max<std::int64_t>(1, error.count));
        if (const auto outside = m_bins.below() + m_bins.above();
            outside > 0 && m_data.request.range == DistributionRequest::Range::Full)
            m_data.notes.push_back(
                fmt::format("{} quantized values lie beyond the ends of the chart.", withThousands(outside)));
        describeGrid(m_data, first, m_matrix ? firstRow : 0);
        if (m_isPreview && m_data.request.channel < 0) // a part has the grids of its rows only
            m_data.grid.grids = SliceLayout{first.layout.granularity, m_source.rows(), m_source.cols(),
                                            first.layout.groupSize}
                                    .slices();
        return {};
    }

    DistributionData &m_data;
    const WeightValues &m_source;
    const std::shared_ptr<const QuantizedMatrix> m_matrix; ///< of the run; null: a preview, or nothing
    const bool m_isPreview;
    std::vector<Part> m_parts;
    std::atomic<bool> m_hasFailed{false};
    std::mutex m_mutex;
    Histogram m_bins{m_data.values.lo, m_data.values.hi(), static_cast<int>(m_data.values.counts.size())};
};

/// Of the pictures on the way: what is still to come.
void announce(const DistributionData &data, const EarlyDistribution &early) {
    auto picture = std::make_shared<DistributionData>(data);
    if (picture->seen == picture->total)
        picture->notes.push_back("The quantized weight is being laid over it.");
    early(std::move(picture));
}

} // namespace

Status prepareWeightDistribution(DistributionData &data, const EarlyDistribution &early,
                                 const RunContext &ctx) {
    const DistributionRequest &request = data.request;
    QS_TRY(const WeightValues source, WeightValues::open(request.layerInfo(), request.model->graph));
    const bool isLarge = source.isDirect() && request.layerInfo().parameters() > kValuesAtOnce;
    if (request.channel >= 0) {
        if (!isLarge)
            return compareWhole(data, source, nullptr, ctx);
        QS_TRY(const Tensor row, source.read(request.channel, 1));
        QS_CHECK_OK(binRawValues(data, row.values<float>(), {}, ctx));
        return PartwiseComparison(data, source).compare(request.channel, request.channel + 1, ctx);
    }
    const auto show = [&](const TensorScan &scan) {
        if (adoptScan(data, scan, {}, ctx))
            announce(data, early);
    };
    QS_TRY(const TensorScan scan, source.scan(early ? TensorScan::Early(show) : nullptr, ctx));
    QS_CHECK_OK(adoptScan(data, scan, {}, ctx));
    if (early &&
        (request.result ? request.result->quantized.weight != nullptr : request.choice.weight.has_value()))
        announce(data, early);
    return isLarge ? PartwiseComparison(data, source).compare(0, source.rows(), ctx)
                   : compareWhole(data, source, &scan, ctx);
}

} // namespace qs::views
