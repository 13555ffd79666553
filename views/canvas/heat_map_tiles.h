#pragma once

#include "views/canvas/heat_map_data.h"
#include "views/canvas/heat_map_scale.h"
#include "views/canvas/tile_cache.h"

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
/// Paints a tile row by row, so that a frame can stop in between and go on in the next one.
class TilePainter {
public:
    TilePainter(std::shared_ptr<const HeatMapData> data, const HeatMapScale &scale, const ColorMap &map,
                HeatMapJoin join, const TileKey &key);
    const TileKey &key() const { return m_key; }
    /// One row of pixels.
    void paintRow();
    bool isDone() const { return m_row == m_tile.height; }
    const TilePixels &tile() const { return m_tile; }

private:
    std::shared_ptr<const HeatMapData> m_data;
    HeatMapScale m_scale;
    const ColorMap *m_map;
    HeatMapJoin m_join;
    TileKey m_key;
    TilePixels m_tile;
    std::vector<HeatMapCell> m_cells; ///< of one row
    int m_row = 0;                    ///< painted so far
};

} // namespace qs::views
