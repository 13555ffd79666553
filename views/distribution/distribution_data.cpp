#include "views/distribution/distribution_parts.h"

#include "core/base/number_text.h"

#include <fmt/format.h>

namespace qs::views {

namespace {

using Source = DistributionRequest::Source;

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

/// What is not known of a percentile, since calibration counts values in bins.
void addRangeBound(DistributionData &data, const ActivationGrid &grid) {
    QuantizedLayer quantized;
    quantized.activation = grid.grid;
    quantized.activationScheme = grid.scheme;
    if (const auto bound = activationRangeBound(*data.request.capture, quantized))
        data.notes.push_back(fmt::format("The range is the percentile {} of the bins: {}.",
                                         significant(grid.scheme.rule.percentile, 6),
                                         rangeBoundText(*bound)));
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
    addRangeBound(data, *grid);
    const CodeRange codes = codeRange(grid->scheme.bits, grid->scheme.convention);
    data.quantized = BinnedValues::empty(data.values.lo, data.values.hi(), data.request.bins);
    data.error.emplace();
    data.errorIsApproximate = true;
    double clipped = 0, undecided = 0;
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
        const double half = source.binWidth() / 2;
        if (isClipped(value - half, grid->grid, codes) != isClipped(value + half, grid->grid, codes))
            undecided += weight;
    }
    const double total = std::max(1.0, static_cast<double>(source.total()));
    data.clippedShare = clipped / total;
    data.clippedBound = undecided / total;
    // A value lies at most half a bin from its centre, and the distance to the nearest point of a grid
    // changes by no more than the value does; so does, after Minkowski's inequality, the root of the mean of
    // their squares. The rest is rounding in float32.
    data.rootErrorBound = source.binWidth() / 2 * (1 + 1e-4) + 1e-6 * data.stats.absMax();
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
    QS_CHECK_OK(binRawValues(data, values, others, ctx));
    data.total = capture.tokens;
    return {};
}

} // namespace

std::string gridText(int bits, GridConvention convention) {
    std::string name(gridConventionName(convention)); // "asymmetric", "s1"
    if (convention != GridConvention::Asymmetric)
        name = "symmetric " + name;
    return fmt::format("{} bit, {}", bits, name);
}

void setGridPoints(GridPoints &points, ScaleZero grid, int bits, GridConvention convention) {
    const CodeRange range = codeRange(bits, convention);
    points.firstCode = range.lowest;
    for (std::int32_t code = range.lowest; code <= range.highest; ++code)
        points.values.push_back(static_cast<double>(dequantizeValue(code, grid)));
    points.reach = ValueRange{points.values.front(), points.values.back()};
    points.grids = 1;
}

bool isClipped(double value, ScaleZero grid, CodeRange range) {
    const double code = std::nearbyint(value / static_cast<double>(grid.scale)) + grid.zeroPoint;
    return code < range.lowest || code > range.highest;
}

Status binRawValues(DistributionData &data, std::span<const float> values, std::span<const float> quantized,
                    const RunContext &ctx) {
    QS_TRY(data.stats, computeStats(values, ctx));
    data.seen = data.total = static_cast<std::int64_t>(values.size());
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

Status prepareActivationDistribution(DistributionData &data, const RunContext &ctx) {
    const std::optional<ActivationGrid> grid = gridOfActivation(data);
    if (grid) {
        data.quantizedName += ", " + gridText(grid->scheme.bits, grid->scheme.convention) + ", per tensor";
        setGridPoints(data.grid, grid->grid, grid->scheme.bits, grid->scheme.convention);
    }
    if (const std::string &origin = data.request.capture->origin; !origin.empty())
        data.notes.push_back("Activations " + origin + ".");
    if (data.request.channel >= 0)
        return prepareFromSample(data, grid, ctx);
    prepareFromHistogram(data, grid);
    return {};
}

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

std::string DistributionData::badge() const {
    if (total == 0) // of a captured activation
        return fmt::format("{} values, ≈ moved by at most {} by the histogram they were kept in",
                           withThousands(stats.count), significant(request.capture->histogram.binWidth(), 3));
    if (request.source == Source::Activation && seen < total)
        return fmt::format("partial: the first {} of {} tokens", withThousands(seen), withThousands(total));
    if (seen == total)
        return fmt::format("{} values, exact", withThousands(total));
    return fmt::format("partial: {} of {} values, spread over the tensor{}; the rest is being read",
                       withThousands(seen), withThousands(total), isCut ? ", ≈ known to 0.8 %" : "");
}

Result<std::shared_ptr<const DistributionData>> prepareDistribution(const DistributionRequest &request,
                                                                    const RunContext &ctx,
                                                                    const EarlyDistribution &early) {
    auto data = std::make_shared<DistributionData>();
    data->request = request;
    QS_CHECK_OK(request.source == Source::Weight ? prepareWeightDistribution(*data, early, ctx)
                                                 : prepareActivationDistribution(*data, ctx));
    if (data->stats.nanCount + data->stats.infCount > 0)
        data->notes.push_back(
            fmt::format("{} NaN or Inf are left out.", data->stats.nanCount + data->stats.infCount));
    return data;
}

} // namespace qs::views
