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

TilePainter::TilePainter(std::shared_ptr<const HeatMapData> data, const HeatMapScale &scale,
                         const ColorMap &map, HeatMapJoin join, const TileKey &key)
    : m_data(std::move(data)), m_scale(scale), m_map(&map), m_join(join), m_key(key) {
    const auto cells = [](std::int64_t all, std::int64_t tile) {
        return static_cast<int>(std::min<std::int64_t>(kTileCells, all - tile * kTileCells));
    };
    m_tile.height = cells(m_data->rowsAt(key.rowLevel), key.tileRow);
    m_tile.width = cells(m_data->colsAt(key.colLevel), key.tileCol);
    m_tile.rgba.reserve(static_cast<std::size_t>(m_tile.width) * static_cast<std::size_t>(m_tile.height));
    m_cells.resize(static_cast<std::size_t>(m_tile.width));
}

void TilePainter::paintRow() {
    m_data->cells(m_key.rowLevel, m_key.colLevel, m_key.tileRow * kTileCells + m_row,
                  m_key.tileCol * kTileCells, m_cells);
    for (const HeatMapCell &cell : m_cells)
        m_tile.rgba.push_back(
            cell.present ? packed(m_map->at(m_scale.position(static_cast<double>(cell.shown(m_join))))) : 0);
    ++m_row;
}

} // namespace qs::views
