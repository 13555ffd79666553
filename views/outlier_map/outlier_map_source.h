#pragma once

#include "core/session/run.h"
#include "views/canvas/heat_map_scene.h"

namespace qs::views {

/// What the outlier map shows.
struct OutlierMapRequest {
    enum class Mode { LayerChannel, TokenChannel, Weight };
    enum class Statistic {
        MaxAbs,
        Rms,
        Range,
        Max,
        Min, ///< LayerChannel: over all tokens of a channel
        Magnitude,
        Value, ///< TokenChannel, Weight
        Error, ///< Weight: dequantized − float
    };
    enum class Rule { None, Absolute, TimesMedian };

    std::shared_ptr<const Model> model;
    std::shared_ptr<const Capture> capture;         ///< LayerChannel, TokenChannel
    std::shared_ptr<const LayerResult> layerResult; ///< Weight, Error
    LayerId layer = kNoLayer;                       ///< TokenChannel, Weight
    Mode mode = Mode::LayerChannel;
    Statistic statistic = Statistic::MaxAbs;
    Rule rule = Rule::TimesMedian;
    double threshold = 8;

    bool operator==(const OutlierMapRequest &) const = default;
    /// Why there is nothing to show, as a sentence that says what to do; empty when there is something.
    QString whyNothing() const;
};

struct StatisticInfo {
    OutlierMapRequest::Statistic statistic;
    const char *title;   ///< "max |x|"
    const char *formula; ///< tooltip
    bool isSigned;
};
/// The statistics that a mode offers, default first.
std::vector<StatisticInfo> statisticsOf(OutlierMapRequest::Mode mode);

/// The data of the map, without what the colour controls decide.
struct OutlierMapContent {
    OutlierMapRequest request;
    HeatMapScene scene; ///< scale and map are left to the view
    bool isSigned = false;
    std::vector<LayerId> layerOfRow; ///< LayerChannel
    QString summary;                 ///< one line: sizes, outliers, what the data is from
};

/// \thread worker; a layer without captured activation has an empty row
Result<std::shared_ptr<const OutlierMapContent>> loadOutlierMap(const OutlierMapRequest &request,
                                                                const RunContext &ctx);

} // namespace qs::views
