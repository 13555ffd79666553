#pragma once

#include "core/exec/capture.h"
#include "core/graph/model.h"
#include "core/metrics/format_error.h"
#include "core/quant/quantized_matrix.h"

#include <nlohmann/json.hpp>

namespace qs {

/// Which values of a layer are laid on a number line: usually those that share one scale.
struct ValueSource {
    enum class Of { Weight, Activation };
    Of of = Of::Weight;
    /// Weight: all of it, one output channel, or one group of a channel.
    Granularity granularity = Granularity::PerTensor;
    std::int64_t channel = 0; ///< PerChannel, PerGroup
    std::int64_t group = 0;   ///< PerGroup
    std::int64_t groupSize = 128;
    /// Instead of one channel or group all of them, each divided by its largest magnitude.
    bool normalized = false;

    bool operator==(const ValueSource &) const = default;
};

struct SourceValues {
    Tensor owner;
    std::span<const float> values; ///< part of owner
    std::string title;             ///< "Weight of fc, output channel 3"
    std::string valueName;         ///< of an axis: "weight value"
    std::string note;              ///< what was left out; empty when nothing was
};

/// \param capture  of the layer; null without calibration
/// \error NotFound         no such channel or group; no activations captured
/// \error InvalidArgument  groupSize < 1;  Unsupported  the weight has no float value
Result<SourceValues> sourceValues(const Model &model, const Layer &layer, const LayerCapture *capture,
                                  const ValueSource &source);

/// How the clip range of a format is found.
struct ClipChoice {
    enum class Kind {
        Rule,  ///< a range rule, exactly as runs apply it to these values
        Best,  ///< bestClipRange()
        Fixed, ///< `range`
        Own,   ///< the grid of a quantized layer
    };
    Kind kind = Kind::Rule;
    RangeRule rule;
    ValueRange range;
};
/// "min-max", "percentile 99.99", "best MSE", "fixed", ….
std::string clipChoiceText(const ClipChoice &choice);
/// Why a range rule cannot be asked for a format; empty when it can: mse and kl search on integer grids.
std::string whyNotRule(const NumberFormat &format, RangeRule::Kind rule);
/// \param capture  of an activation: rules look at its histogram of all tokens, as runs do; null for weights
/// \error InvalidArgument  see whyNotRule();  Cancelled
Result<ValueRange> chooseClip(const SortedValues &values, const NumberFormat &format,
                              const ClipChoice &choice, const LayerCapture *capture, const RunContext &ctx);

/// A format over a clip range, and what rounding the values to it costs.
struct NumberLineRow {
    const NumberFormat *format = nullptr;
    ClipChoice choice; ///< where the range comes from
    ValueRange clip;
    CodePoints points;
    FormatError error;
};
/// \param clip  made symmetric where the format's range is
NumberLineRow numberLineRow(const SortedValues &values, const NumberFormat &format, const ClipChoice &choice,
                            ValueRange clip);
/// Index of the row of the least squared error; -1 without rows or values.
int bestRow(std::span<const NumberLineRow> rows);

/// The same on a grid that somebody chose. \error NotFound  more than 8 bits: too many points to list
Result<NumberLineRow> gridRow(const SortedValues &values, ScaleZero grid, int bits,
                              GridConvention convention);
/// The grid that a quantized weight has for these values, when it has one for all of them.
/// \error NotFound  several grids, or a format of more than 8 bits; says what to look at instead
Result<NumberLineRow> ownGridRow(const SortedValues &values, const QuantizedMatrix &matrix,
                                 const ValueSource &source);

/// The table as `qscope numberline --json` prints it.
nlohmann::ordered_json numberLineReport(const SourceValues &source, const SortedValues &values,
                                        std::span<const NumberLineRow> rows);

} // namespace qs
