#include "views/distribution/distribution_data.h"

#include <fmt/format.h>

namespace qs::views {

namespace {

using Source = DistributionRequest::Source;

constexpr double kCentralShare = 0.999;

std::string gridText(int bits, GridConvention convention) {
    std::string name(gridConventionName(convention)); // "asymmetric", "s1"
    if (convention != GridConvention::Asymmetric)
        name = "symmetric " + name;
    return fmt::format("{} bit, {}", bits, name);
}

std::string layoutText(const SliceLayout &layout) {
    if (layout.granularity == Granularity::PerGroup)
        return fmt::format("per group of {}", layout.groupSize);
    return fmt::format("per {}", granularityName(layout.granularity));
}

void setGrid(GridPoints &points, ScaleZero grid, int bits, GridConvention convention) {
    const CodeRange range = codeRange(bits, convention);
    points.firstCode = range.lowest;
    for (std::int32_t code = range.lowest; code <= range.highest; ++code)
        points.values.push_back(static_cast<double>(dequantizeValue(code, grid)));
    points.reach = ValueRange{points.values.front(), points.values.back()};
    points.grids = 1;
}

/// Whether rounding a value would need a code that the grid does not have.
bool isClipped(double value, ScaleZero grid, CodeRange range) {
    const double code = std::nearbyint(value / static_cast<double>(grid.scale)) + grid.zeroPoint;
    return code < range.lowest || code > range.highest;
}

/// What lies in view: the request's range, widened so that no quantized value falls out of the full one.
Result<ValueRange> shownRange(const DistributionData &data, std::span<const float> values,
                              std::span<const float> quantized, const RunContext &ctx) {
    if (data.request.range == DistributionRequest::Range::Central)
        return centralRange(values, data.stats.min, data.stats.max, kCentralShare, ctx);
    ValueRange range{data.stats.min, data.stats.max};
    for (float value : quantized) {
        range.lo = std::min(range.lo, static_cast<double>(value));
        range.hi = std::max(range.hi, static_cast<double>(value));
    }
    return range;
}

/// Statistics and bins of raw values.
Status binValues(DistributionData &data, std::span<const float> values, std::span<const float> quantized,
                 const RunContext &ctx) {
    QS_TRY(data.stats, computeStats(values, ctx));
    QS_TRY(const ValueRange shown, shownRange(data, values, quantized, ctx));
    const BinnedValues frame = BinnedValues::empty(shown.lo, shown.hi, data.request.bins);
    QS_TRY(const Histogram bins, computeHistogram(values, frame.lo, frame.hi(), data.request.bins, ctx));
    data.values = BinnedValues::of(bins);
    if (quantized.empty())
        return {};
    QS_TRY(const Histogram others, computeHistogram(quantized, frame.lo, frame.hi(), data.request.bins, ctx));
    data.quantized = BinnedValues::of(others);
    data.error.emplace();
    data.error->add(values, quantized);
    return {};
}

/// The quantized weight to lay over the float one: that of the run, or what round-to-nearest makes of the
/// recipe's grid. Null when there is none; a note says why.
Result<std::shared_ptr<const QuantizedMatrix>> quantizedWeight(DistributionData &data, const Tensor &weights,
                                                               const RunContext &ctx) {
    const DistributionRequest &request = data.request;
    if (request.result) {
        const auto &matrix = request.result->quantized.weight;
        if (request.result->state == LayerResult::State::Failed)
            data.notes.push_back("The run failed on this layer: " + request.result->failure);
        else if (!matrix)
            data.notes.push_back("The run left this weight in float.");
        if (matrix && !request.result->hasOriginal)
            data.notes.push_back(
                "The weights are the values of the codes that came with the model: there is no "
                "float original, so errors are not available.");
        if (matrix)
            data.quantizedName =
                request.result->choice.weight ? request.result->choice.weight->method : "quantized";
        return matrix;
    }
    if (!request.choice.weight) {
        data.notes.push_back("The recipe leaves this weight in float.");
        return nullptr;
    }
    const Layer &layer = request.layerInfo();
    QuantizeRequest job;
    job.layerName = layer.name;
    job.weights = {weights.values<float>().data(), layer.outChannels, layer.inPerOut};
    job.groups = layer.groups;
    job.scheme = request.choice.weight->scheme;
    const auto rtn = makeRtnQuantizer();
    job.parameters = rtn->schema().defaults();
    Result<QuantizedMatrix> matrix = rtn->quantize(job, ctx);
    if (!matrix && matrix.error().code == ErrorCode::Cancelled)
        return fail(std::move(matrix).error());
    if (!matrix) {
        data.notes.push_back("No preview: " + matrix.error().text());
        return nullptr;
    }
    data.quantizedName = "preview";
    data.notes.push_back(
        request.choice.weight->method == "rtn"
            ? "Preview of the recipe's grid; no run yet."
            : "Preview: the recipe's grid with round to nearest. Run the recipe to see what " +
                  request.choice.weight->method + " makes of it.");
    return std::make_shared<const QuantizedMatrix>(std::move(*matrix));
}

Status measureClipping(DistributionData &data, const QuantizedMatrix &matrix, std::span<const float> values,
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
    data.clippedShare =
        static_cast<double>(clipped) / static_cast<double>(std::max<std::size_t>(values.size(), 1));
    return {};
}

Status prepareWeight(DistributionData &data, const RunContext &ctx) {
    const DistributionRequest &request = data.request;
    const Layer &layer = request.layerInfo();
    QS_TRY(const Tensor weights, weightMatrix(layer, request.model->graph));
    QS_TRY(const auto matrix, quantizedWeight(data, weights, ctx));
    const std::int64_t row = std::max<std::int64_t>(request.channel, 0);
    const auto slice = [&](std::span<const float> all) {
        const auto cols = static_cast<std::size_t>(layer.inPerOut);
        return request.channel < 0 ? all : all.subspan(static_cast<std::size_t>(row) * cols, cols);
    };
    const bool compared = matrix && (!request.result || request.result->hasOriginal);
    const Tensor dequantized = compared ? matrix->dequantize() : Tensor();
    const auto values = slice(weights.values<float>());
    QS_CHECK_OK(binValues(data, values,
                          compared ? slice(dequantized.values<float>()) : std::span<const float>(), ctx));
    if (!matrix)
        return {};
    data.quantizedName +=
        ", " + gridText(matrix->bits, matrix->convention) + ", " + layoutText(matrix->layout);
    // Levels of their own have no steps to be clipped at.
    if (compared && matrix->isIntegerGrid())
        QS_CHECK_OK(measureClipping(data, *matrix, values, row, ctx));
    data.grid.grids = request.channel < 0 ? matrix->layout.slices() : matrix->layout.groupsPerRow();
    const ScaleZero own = matrix->grid(row, 0);
    if (data.grid.grids == 1 && matrix->levels.empty() && matrix->realZeroPoints.empty() && own.scale > 0)
        setGrid(data.grid, own, matrix->bits, matrix->convention);
    return {};
}

struct ActivationGrid {
    ScaleZero grid;
    GridScheme scheme;
};

std::optional<ActivationGrid> gridOfActivation(DistributionData &data) {
    const DistributionRequest &request = data.request;
    if (request.result && request.result->quantized.activation &&
        request.result->quantized.activationScheme) {
        data.quantizedName = "run";
        return ActivationGrid{*request.result->quantized.activation,
                              *request.result->quantized.activationScheme};
    }
    if (request.result) {
        data.notes.push_back("The run left this activation in float.");
        return {};
    }
    if (!request.choice.activation) {
        data.notes.push_back("The recipe leaves activations in float.");
        return {};
    }
    data.quantizedName = "preview";
    data.notes.push_back("Preview of the recipe's grid; no run yet.");
    return ActivationGrid{activationGrid(*request.capture, request.choice.activation->grid),
                          request.choice.activation->grid};
}

/// All channels: the capture kept a histogram, not the values.
void prepareFromHistogram(DistributionData &data, const std::optional<ActivationGrid> &grid) {
    const LayerCapture &capture = *data.request.capture;
    const Histogram &source = capture.histogram;
    data.stats = capture.stats;
    data.notes.push_back(
        fmt::format("From a histogram of {} bins over {} tokens.", source.bins(), capture.tokens));
    ValueRange shown{capture.stats.min, capture.stats.max};
    if (data.request.range == DistributionRequest::Range::Central)
        shown = centralRange(source, kCentralShare);
    data.values = rebinned(source, shown.lo, shown.hi, data.request.bins);
    if (!grid)
        return;
    const CodeRange codes = codeRange(grid->scheme.bits, grid->scheme.convention);
    data.quantized = BinnedValues::empty(data.values.lo, data.values.hi(), data.request.bins);
    data.error.emplace();
    data.errorIsApproximate = true;
    double clipped = 0;
    for (int bin = 0; bin < source.bins(); ++bin) {
        const std::int64_t count = source.counts()[static_cast<std::size_t>(bin)];
        if (count == 0)
            continue;
        const double value = source.binCenter(bin);
        const double other = static_cast<double>(dequantizeValue(
            quantizeValue(static_cast<float>(value), grid->grid, codes, grid->scheme.rounding), grid->grid));
        const auto weight = static_cast<double>(count);
        data.quantized->add(other, weight);
        data.error->count += count;
        data.error->sumSquaredError += weight * (other - value) * (other - value);
        data.error->sumSquares += weight * value * value;
        clipped += isClipped(value, grid->grid, codes) ? weight : 0;
    }
    data.clippedShare = clipped / std::max(1.0, static_cast<double>(source.total()));
}

/// One channel: the first tokens were kept raw.
Status prepareFromSample(DistributionData &data, const std::optional<ActivationGrid> &grid,
                         const RunContext &ctx) {
    const LayerCapture &capture = *data.request.capture;
    const std::int64_t tokens = capture.sample.shape()[0], channels = capture.sample.shape()[1];
    const auto all = capture.sample.values<float>();
    std::vector<float> values, others;
    for (std::int64_t token = 0; token < tokens; ++token)
        values.push_back(all[static_cast<std::size_t>(token * channels + data.request.channel)]);
    data.notes.push_back(
        fmt::format("One channel is seen on the first {} of {} tokens.", tokens, capture.tokens));
    if (grid) {
        const CodeRange codes = codeRange(grid->scheme.bits, grid->scheme.convention);
        std::int64_t clipped = 0;
        for (float value : values) {
            if (!std::isfinite(value)) {
                others.push_back(value);
                continue;
            }
            others.push_back(
                dequantizeValue(quantizeValue(value, grid->grid, codes, grid->scheme.rounding), grid->grid));
            clipped += isClipped(static_cast<double>(value), grid->grid, codes);
        }
        data.clippedShare =
            static_cast<double>(clipped) / static_cast<double>(std::max<std::int64_t>(tokens, 1));
    }
    return binValues(data, values, others, ctx);
}

Status prepareActivation(DistributionData &data, const RunContext &ctx) {
    const std::optional<ActivationGrid> grid = gridOfActivation(data);
    if (grid) {
        data.quantizedName += ", " + gridText(grid->scheme.bits, grid->scheme.convention) + ", per tensor";
        setGrid(data.grid, grid->grid, grid->scheme.bits, grid->scheme.convention);
    }
    if (const std::string &origin = data.request.capture->origin; !origin.empty())
        data.notes.push_back("Activations " + origin + ".");
    if (data.request.channel >= 0)
        return prepareFromSample(data, grid, ctx);
    prepareFromHistogram(data, grid);
    return {};
}

} // namespace

std::string DistributionRequest::whyNothing() const {
    if (!model)
        return "No model is open. Open one, or drop a file onto the window.";
    if (layer < 0 || static_cast<std::size_t>(layer) >= model->layers.size())
        return "No layer is selected. Click one in the layer table.";
    const Layer &info = layerInfo();
    if (source == Source::Activation && info.kind == LayerKind::Embedding)
        return info.name + " reads indices, not activations. Look at its weight, or select another layer.";
    if (source == Source::Activation && !capture)
        return "No activations yet. Open a calibration file and calibrate (F6), or look at the weight. A run "
               "whose recipe transforms the model brings its own: quantize again (F5).";
    if (source == Source::Activation && channel >= 0 &&
        (capture->sample.empty() || channel >= capture->channels))
        return "No raw values of that channel were kept. Look at all channels.";
    return {};
}

Result<std::shared_ptr<const DistributionData>> prepareDistribution(const DistributionRequest &request,
                                                                    const RunContext &ctx) {
    auto data = std::make_shared<DistributionData>();
    data->request = request;
    QS_CHECK_OK(request.source == Source::Weight ? prepareWeight(*data, ctx) : prepareActivation(*data, ctx));
    if (data->stats.nanCount + data->stats.infCount > 0)
        data->notes.push_back(
            fmt::format("{} NaN or Inf are left out.", data->stats.nanCount + data->stats.infCount));
    return data;
}

} // namespace qs::views
