#pragma once

#include "views/canvas/heat_map_data.h"
#include "views/canvas/heat_map_scale.h"

namespace qs::views {

inline constexpr int kTileCells = 256; ///< cells along each side of a tile

/// The level at which a joined cell covers at least one device pixel: a cell that is smaller may fall between
/// the sampling points and be lost.
int levelForScale(double devicePixelsPerCell);

/// A tile as pixels 0xAABBGGRR, one per cell; cells that are not present are transparent. Tiles at the border
/// are smaller.
struct TilePixels {
    int width = 0, height = 0;
    std::vector<std::uint32_t> rgba;
};
TilePixels paintTile(const HeatMapData &data, const HeatMapScale &scale, const ColorMap &map, int rowLevel,
                     int colLevel, std::int64_t tileRow, std::int64_t tileCol);

} // namespace qs::views
