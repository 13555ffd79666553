#pragma once

#include "core/tensor/max_pool.h"
#include "views/canvas/heat_map_scale.h"

#include <QString>

namespace qs::views {

/// Magnitudes over rows × columns as bars: a value, replaced as a whole.
struct SurfaceScene {
    /// Points that a picture has room for; larger matrices are pooled.
    static constexpr std::int64_t kMostRows = 96, kMostColumns = 160;

    std::shared_ptr<const PooledMagnitudes> points; ///< null: an empty canvas
    QString rowTitle, columnTitle;                  ///< "token", "channel", singular
    QString valueTitle, valueUnit;                  ///< "|x|", "activation units"
    HeatMapScale scale;                             ///< of heights and colours
    const ColorMap *map = &builtinColorMaps().front();
    std::int64_t selectedRow = -1, selectedColumn = -1; ///< of the matrix, not of the points
};

} // namespace qs::views
