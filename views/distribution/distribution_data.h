#pragma once

#include "core/session/run.h"
#include "core/tensor/tensor_scan.h"
#include "views/distribution/binned_values.h"

namespace qs::views {

/// What the distribution view shows.
struct DistributionRequest {
    enum class Source { Weight, Activation };
    enum class Range { Full, Central }; ///< Central: the middle 99.9 %

    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    Source source = Source::Weight;
    std::int64_t channel = -1; ///< weight: output channel; activation: input channel; -1 = all
    std::shared_ptr<const LayerCapture> capture; ///< Activation
    std::shared_ptr<const LayerResult> result;   ///< of the run; null = preview what the recipe says
    LayerChoice choice;                          ///< of the recipe, for the preview
    int bins = 256;
    Range range = Range::Full;

    bool operator==(const DistributionRequest &) const = default;
    const Layer &layerInfo() const { return model->layers[static_cast<std::size_t>(layer)]; }
    /// Why there is nothing to show and what to do; empty when there is something.
    std::string whyNothing() const;
};

/// The values that codes stand for, where one grid covers everything shown.
struct GridPoints {
    std::vector<double> values;      ///< ascending; empty when there are several grids or none
    std::int32_t firstCode = 0;      ///< code of values.front()
    std::optional<ValueRange> reach; ///< first and last value: the clip range
    std::int64_t grids = 0;          ///< how many cover what is shown
};

struct DistributionData {
    DistributionRequest request;
    BinnedValues values;
    std::optional<BinnedValues> quantized; ///< in the same bins
    std::string quantizedName;             ///< "GPTQ, 4 bit, s1, per group of 64"
    std::vector<std::string> notes;        ///< sentences: approximations, previews, what is missing
    GridPoints grid;
    std::int64_t seen = 0, total = 0; ///< float values looked at, and all there are
    bool isCut = false; ///< the bins of a partial picture know values to PatternCounts::kCutBound
    TensorStats stats;  ///< of the float values seen
    std::optional<ErrorMetrics> error;  ///< float against quantized
    bool errorIsApproximate = false;    ///< from histogram bins
    std::optional<double> clippedShare; ///< of the values that lie beyond the grid by more than half a step
    /// Of what comes from histogram bins: how far the root of the mean squared error and the share may be
    /// off.
    std::optional<double> rootErrorBound, clippedBound;

    /// How much of it is true, for the title: "2,048 values, exact", "partial: …", "≈ …".
    std::string badge() const;
};

/// Gets pictures while better ones are being made: of a part of the values, then without the quantized ones.
using EarlyDistribution = std::function<void(std::shared_ptr<const DistributionData>)>;

/// Reads, bins and measures. \param early  called from this thread; null: only the end counts. \thread worker
/// \error Unsupported  weights without float value;  Cancelled
Result<std::shared_ptr<const DistributionData>> prepareDistribution(const DistributionRequest &request,
                                                                    const RunContext &ctx,
                                                                    const EarlyDistribution &early = {});

} // namespace qs::views
