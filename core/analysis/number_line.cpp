#include "core/analysis/number_line.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

using Json = nlohmann::ordered_json;

/// Every slice over its largest finite magnitude; slices of zeros stay as they are.
Tensor normalizedSlices(const Tensor &weights, const SliceLayout &layout) {
    Tensor result = Tensor::allocate(DType::Float32, weights.shape());
    const auto src = weights.values<float>();
    const auto dst = result.mutableValues<float>();
    for (std::int64_t row = 0; row < layout.rows; ++row)
        for (std::int64_t col = 0; col < layout.cols; col = layout.sliceEnd(col)) {
            const auto begin = static_cast<std::size_t>(row * layout.cols + col);
            const auto length = static_cast<std::size_t>(layout.sliceEnd(col) - col);
            const auto slice = src.subspan(begin, length);
            float largest = 0;
            for (const float value : slice)
                if (std::isfinite(value))
                    largest = std::max(largest, std::fabs(value));
            std::transform(slice.begin(), slice.end(), dst.begin() + static_cast<std::ptrdiff_t>(begin),
                           [largest](float value) { return largest > 0 ? value / largest : value; });
        }
    return result;
}

tl::unexpected<Error> noSuch(const char *what, std::int64_t index, std::int64_t count, const Layer &layer) {
    return fail(ErrorCode::NotFound,
                fmt::format("has no {} {}; they count from 0 to {}", what, index, count - 1), layer.name);
}

Result<SourceValues> weightValues(const Model &model, const Layer &layer, const ValueSource &source) {
    if (source.groupSize < 1)
        return fail(ErrorCode::InvalidArgument, "a group has at least one value", layer.name);
    const SliceLayout layout{source.granularity, layer.outChannels, layer.inPerOut, source.groupSize};
    const bool whole = source.granularity == Granularity::PerTensor;
    const bool grouped = source.granularity == Granularity::PerGroup;
    if (!whole && !source.normalized && (source.channel < 0 || source.channel >= layer.outChannels))
        return noSuch("output channel", source.channel, layer.outChannels, layer);
    if (grouped && !source.normalized && (source.group < 0 || source.group >= layout.groupsPerRow()))
        return noSuch("group", source.group, layout.groupsPerRow(), layer);

    SourceValues result{{}, {}, "Weight of " + layer.name, "weight value", {}};
    QS_TRY(result.owner, weightMatrix(layer, model.graph));
    if (source.normalized) {
        result.title += whole ? " over its largest magnitude"
                        : grouped
                            ? fmt::format(", every group of {} over its largest magnitude", source.groupSize)
                            : ", every output channel over its largest magnitude";
        result.valueName = "weight value / largest magnitude";
        // A tensor as one row has one slice.
        const SliceLayout slices =
            whole ? SliceLayout{Granularity::PerChannel, 1, layer.parameters(), 0} : layout;
        result.owner = normalizedSlices(result.owner, slices);
    }
    result.values = result.owner.values<float>();
    if (whole || source.normalized)
        return result;
    result.title += fmt::format(", output channel {}", source.channel);
    const std::int64_t first = grouped ? source.group * source.groupSize : 0;
    if (grouped)
        result.title += fmt::format(", group {} of {}", source.group, source.groupSize);
    result.values = result.values.subspan(static_cast<std::size_t>(source.channel * layer.inPerOut + first),
                                          static_cast<std::size_t>(layout.sliceEnd(first) - first));
    return result;
}

Result<SourceValues> activationValues(const Layer &layer, const LayerCapture *capture) {
    if (layer.kind == LayerKind::Embedding)
        return fail(ErrorCode::NotFound, "reads indices, it has no input activation. Look at its weight.",
                    layer.name);
    if (capture == nullptr || capture->sample.empty())
        return fail(ErrorCode::NotFound,
                    "no activations yet. Open a calibration set and calibrate, or look at the weight.",
                    layer.name);
    SourceValues result{capture->sample, {}, "Input of " + layer.name, "activation value", {}};
    result.values = result.owner.values<float>();
    const std::int64_t tokens = capture->sample.shape()[0];
    if (tokens < capture->tokens)
        result.note = fmt::format("The first {} of {} calibration tokens.", withThousands(tokens),
                                  withThousands(capture->tokens));
    if (!capture->origin.empty())
        result.note += (result.note.empty() ? "Activations " : " Activations ") + capture->origin + ".";
    return result;
}

/// The scheme under which range rules look at the values. Formats without grid have symmetric ranges.
GridScheme schemeOf(const NumberFormat &format, const RangeRule &rule) {
    return {format.bits, format.convention.value_or(GridConvention::SymmetricRestricted), rule,
            RoundingMode::HalfEven};
}

ValueRange extent(const SortedValues &values) {
    return values.count() > 0 ? ValueRange{values.values().front(), values.values().back()} : ValueRange{};
}

Json rowReport(const NumberLineRow &row, bool isBest) {
    Json report = {{"format", row.format->id},
                   {"bits", row.format->bits},
                   {"range", clipChoiceText(row.choice)},
                   {"clip", {row.clip.lo, row.clip.hi}},
                   {"scale", row.points.scale}};
    report["zero_point"] = row.format->isInteger() ? Json(row.points.zeroPoint) : Json();
    report["mse"] = row.error.mse();
    report["sqnr_db"] = row.error.sqnrDb();
    report["clipped_share"] = row.error.clippedShare();
    report["rounding_error"] = row.error.roundingError;
    report["clipping_error"] = row.error.clippingError;
    report["points"] = row.points.values.size();
    report["used_points"] = row.error.usedPoints();
    report["values_per_point"] = row.error.valuesPerPoint;
    report["best"] = isBest;
    report["experimental"] = row.format->experimental;
    return report;
}

} // namespace

Result<SourceValues> sourceValues(const Model &model, const Layer &layer, const LayerCapture *capture,
                                  const ValueSource &source) {
    return source.of == ValueSource::Of::Weight ? weightValues(model, layer, source)
                                                : activationValues(layer, capture);
}

std::string clipChoiceText(const ClipChoice &choice) {
    switch (choice.kind) {
    case ClipChoice::Kind::Best:
        return "best MSE";
    case ClipChoice::Kind::Fixed:
        return "fixed";
    case ClipChoice::Kind::Own:
        return "own grid";
    case ClipChoice::Kind::Rule:
        break;
    }
    const std::string name(rangeRuleName(choice.rule.kind));
    return choice.rule.kind == RangeRule::Kind::Percentile
               ? fmt::format("{} {}", name, significant(choice.rule.percentile, 6))
               : name;
}

std::string whyNotRule(const NumberFormat &format, RangeRule::Kind rule) {
    const bool searchesGrid = rule == RangeRule::Kind::Mse || rule == RangeRule::Kind::Kl;
    if (format.isInteger() || !searchesGrid)
        return {};
    return fmt::format(
        "the range rule {} searches on integer grids; {} is none. Use minmax, percentile or best.",
        rangeRuleName(rule), format.title);
}

Result<ValueRange> chooseClip(const SortedValues &values, const NumberFormat &format,
                              const ClipChoice &choice, const LayerCapture *capture, const RunContext &ctx) {
    const ValueRange full = extent(values);
    if (choice.kind == ClipChoice::Kind::Fixed || choice.kind == ClipChoice::Kind::Own)
        return choice.range;
    if (choice.kind == ClipChoice::Kind::Best) {
        QS_TRY(const ClipSearchResult best, bestClipRange(values, format, full.lo, full.hi, ctx));
        return ValueRange{best.lo, best.hi};
    }
    if (const std::string why = whyNotRule(format, choice.rule.kind); !why.empty())
        return fail(ErrorCode::InvalidArgument, why, format.id);
    const GridScheme scheme = schemeOf(format, choice.rule);
    if (capture != nullptr)
        return chooseRangeFromHistogram(capture->histogram, capture->stats.min, capture->stats.max, scheme);
    return chooseRange(values.values(), scheme, ctx);
}

NumberLineRow numberLineRow(const SortedValues &values, const NumberFormat &format, const ClipChoice &choice,
                            ValueRange clip) {
    if (format.hasSymmetricRange()) {
        const double amax = std::max(std::fabs(clip.lo), std::fabs(clip.hi));
        clip = {-amax, amax};
    }
    NumberLineRow row{&format, choice, clip, codePoints(format, clip.lo, clip.hi), {}};
    row.error = formatError(values, row.points);
    return row;
}

int bestRow(std::span<const NumberLineRow> rows) {
    int best = -1;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].error.count > 0 &&
            (best < 0 ||
             rows[i].error.squaredError() < rows[static_cast<std::size_t>(best)].error.squaredError()))
            best = static_cast<int>(i);
    return best;
}

Result<NumberLineRow> gridRow(const SortedValues &values, ScaleZero grid, int bits,
                              GridConvention convention) {
    const NumberFormat *format = integerFormat(bits, convention);
    if (format == nullptr)
        return fail(ErrorCode::NotFound, fmt::format("a grid of {} bits has too many points to list", bits));
    NumberLineRow row{format, {}, {}, codePoints(*format, grid), {}};
    row.clip = {row.points.values.front(), row.points.values.back()};
    row.choice = {ClipChoice::Kind::Own, {}, row.clip};
    row.error = formatError(values, row.points);
    return row;
}

Result<NumberLineRow> ownGridRow(const SortedValues &values, const QuantizedMatrix &matrix,
                                 const ValueSource &source) {
    const SliceLayout &layout = matrix.layout;
    const bool sameSlices =
        layout.granularity == Granularity::PerTensor ||
        (source.granularity == layout.granularity &&
         (layout.granularity == Granularity::PerChannel ||
          (source.groupSize == layout.groupSize && matrix.groupOfColumn.empty()))) ||
        (layout.granularity == Granularity::PerChannel && source.granularity == Granularity::PerGroup);
    if (source.of != ValueSource::Of::Weight || source.normalized || !sameSlices)
        return fail(ErrorCode::NotFound,
                    fmt::format("the layer has {} {}, one per {}: pick one slice to see its own grid",
                                withThousands(layout.slices()), layout.slices() == 1 ? "grid" : "grids",
                                granularityName(layout.granularity)));
    const ScaleZero grid = matrix.grid(
        source.channel, source.granularity == Granularity::PerGroup ? source.group * source.groupSize : 0);
    if (!matrix.levels.empty() || !matrix.realZeroPoints.empty() || !(grid.scale > 0))
        return fail(ErrorCode::NotFound, "its own grid is none of integers with a positive scale");
    return gridRow(values, grid, matrix.bits, matrix.convention);
}

Json numberLineReport(const SourceValues &source, const SortedValues &values,
                      std::span<const NumberLineRow> rows) {
    const ValueRange full = extent(values);
    Json report = {{"values", source.title},   {"count", values.count()},
                   {"nan", values.nanCount()}, {"inf", values.infCount()},
                   {"min", full.lo},           {"max", full.hi},
                   {"note", source.note},      {"sample", values.sampleNote()},
                   {"formats", Json::array()}};
    const int best = bestRow(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
        report["formats"].push_back(rowReport(rows[i], static_cast<int>(i) == best));
    return report;
}

} // namespace qs
