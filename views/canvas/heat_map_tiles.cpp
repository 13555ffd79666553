#include "views/canvas/heat_map_tiles.h"

namespace qs::views {

namespace {

std::uint32_t packed(Rgb color) {
    return 0xFF000000u | static_cast<std::uint32_t>(color.blue) << 16 |
           static_cast<std::uint32_t>(color.green) << 8 | color.red;
}

} // namespace

int levelForScale(double devicePixelsPerCell) {
    int level = 0;
    while (level < 40 && devicePixelsPerCell * static_cast<double>(1LL << level) < 1 - 1e-9)
        ++level;
    return level;
}

TilePixels paintTile(const HeatMapData &data, const HeatMapScale &scale, const ColorMap &map, int rowLevel,
                     int colLevel, std::int64_t tileRow, std::int64_t tileCol) {
    const std::int64_t firstRow = tileRow * kTileCells, firstCol = tileCol * kTileCells;
    TilePixels tile;
    tile.height = static_cast<int>(std::min<std::int64_t>(kTileCells, data.rowsAt(rowLevel) - firstRow));
    tile.width = static_cast<int>(std::min<std::int64_t>(kTileCells, data.colsAt(colLevel) - firstCol));
    tile.rgba.reserve(static_cast<std::size_t>(tile.width) * static_cast<std::size_t>(tile.height));
    for (int row = 0; row < tile.height; ++row)
        for (int col = 0; col < tile.width; ++col) {
            const HeatMapCell cell = data.cell(rowLevel, colLevel, firstRow + row, firstCol + col);
            tile.rgba.push_back(cell.present ? packed(map.at(scale.position(cell.extreme()))) : 0);
        }
    return tile;
}

} // namespace qs::views
