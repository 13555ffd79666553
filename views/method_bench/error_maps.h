#pragma once

#include "core/session/run_history.h"
#include "views/canvas/heat_map_scene.h"

namespace qs::views {

inline constexpr std::size_t kMostErrorMaps = 4; ///< side by side; more would be too small to compare

/// What the error maps show: dequantized − float of one layer's weight, or how that differs from the first
/// run.
struct ErrorMapsRequest {
    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    std::vector<RunEntry> runs;
    bool differenceToFirst = false;
};

/// Maps of several runs under one colour scale.
struct ErrorMapsData {
    std::string layer;
    std::vector<QString> titles;      ///< by map
    std::vector<HeatMapScene> scenes; ///< by map; scale and colours are the same in all
    std::vector<QString> left;        ///< runs without a map: in float, failed, of another model, or too many
};

/// \thread worker \error Cancelled; Unsupported  weights without float value
Result<std::shared_ptr<const ErrorMapsData>> prepareErrorMaps(const ErrorMapsRequest &request,
                                                              const RunContext &ctx);

} // namespace qs::views
