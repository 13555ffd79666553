#pragma once

#include "views/canvas/heat_map_data.h"
#include "views/canvas/heat_map_scale.h"

#include <QString>

namespace qs::views {

/// Cells that stand out, by a limit for the whole map or one per row. Made by findOutliers().
struct HeatMapOutliers {
    std::vector<double> limits;           ///< empty = no rule; one for all rows, or one per row
    std::int64_t cells = 0;               ///< with |value| ≥ limit
    std::vector<std::int64_t> rows;       ///< that hold some, ascending
    std::vector<std::int64_t> columns;    ///< that hold some, ascending
    std::vector<std::int64_t> cellsOfRow; ///< by row

    double limit(std::int64_t row) const {
        return limits[limits.size() == 1 ? 0 : static_cast<std::size_t>(row)];
    }
};
Result<HeatMapOutliers> findOutliers(const HeatMapData &data, std::vector<double> limits,
                                     const RunContext &ctx);

/// Lines between cells that belong to different blocks, drawn when they are far enough apart.
struct HeatMapBorders {
    std::int64_t everyRows = 0, everyCols = 0; ///< 0 = none

    bool operator==(const HeatMapBorders &) const = default;
};

/// Everything a heat map shows: a value, replaced as a whole.
struct HeatMapScene {
    std::shared_ptr<const HeatMapData> data; ///< null: an empty canvas
    std::vector<QString> rowNames;           ///< empty: rows are numbered
    QString rowTitle;                        ///< "layer", singular
    QString columnTitle;                     ///< "channel"
    QString valueTitle;                      ///< "max |x|"
    QString valueUnit;                       ///< "activation value": what a number on the colour bar is
    HeatMapScale scale;
    const ColorMap *map = &builtinColorMaps().front();
    HeatMapJoin join = HeatMapJoin::Extreme;
    HeatMapBorders borders;
    HeatMapOutliers outliers;
    std::int64_t selectedRow = -1, selectedColumn = -1;

    QString rowLabel(std::int64_t row) const;
};

/// What is under the pointer: the exact value of one cell, or min, max and mean of the cells that share the
/// pixel and where their extreme is.
struct HeatMapProbe {
    HeatMapPosition position; ///< the cell, or that of the extreme; {-1, -1} = nothing there
    QString text;             ///< lines
};
HeatMapProbe probeScene(const HeatMapScene &scene, int rowLevel, int colLevel, std::int64_t row,
                        std::int64_t col);

} // namespace qs::views
