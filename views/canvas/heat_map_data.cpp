#include "views/canvas/heat_map_data.h"

#include <atomic>
#include <limits>

namespace qs::views {

namespace {

/// Joins cells; the mean is weighted by how many values each of them holds.
class CellJoiner {
public:
    /// Joins cells [firstRow, endRow) × [firstCol, endCol) of a level, as far as they exist.
    void add(const TensorPyramid &pyramid, int level, std::int64_t firstRow, std::int64_t endRow,
             std::int64_t firstCol, std::int64_t endCol) {
        const std::int64_t size = std::int64_t{1} << level;
        endRow = std::min(endRow, pyramid.rowsAt(level));
        endCol = std::min(endCol, pyramid.colsAt(level));
        for (std::int64_t row = firstRow; row < endRow; ++row)
            for (std::int64_t col = firstCol; col < endCol; ++col) {
                const std::int64_t rowsHere = std::min(size, pyramid.rows() - row * size);
                const std::int64_t colsHere = std::min(size, pyramid.cols() - col * size);
                add(pyramid.cell(level, row, col), static_cast<double>(rowsHere * colsHere));
            }
    }
    HeatMapCell result() const {
        if (m_weight == 0)
            return {};
        constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
        if (m_hasNan)
            return {true, {kNan, kNan, kNan}};
        return {true, {m_min, m_max, static_cast<float>(m_sum / m_weight)}};
    }

private:
    void add(const PyramidCell &cell, double weight) {
        m_hasNan |= std::isnan(cell.mean) || std::isnan(cell.min) || std::isnan(cell.max);
        m_min = std::min(m_min, cell.min);
        m_max = std::max(m_max, cell.max);
        m_sum += weight * cell.mean;
        m_weight += weight;
    }

    float m_min = std::numeric_limits<float>::infinity(), m_max = -m_min;
    double m_sum = 0, m_weight = 0;
    bool m_hasNan = false;
};

} // namespace

float HeatMapCell::extreme() const {
    return std::abs(values.min) > std::abs(values.max) ? values.min : values.max;
}

HeatMapData::HeatMapData() {
    static std::atomic<std::uint64_t> nextId{1};
    m_id = nextId++;
}

Result<std::shared_ptr<const HeatMapData>> HeatMapData::fromMatrix(Tensor values, const RunContext &ctx) {
    return fromSource(matrixSource(std::move(values)), ctx);
}

Result<std::shared_ptr<const HeatMapData>> HeatMapData::fromSource(std::shared_ptr<const MatrixSource> values,
                                                                   const RunContext &ctx) {
    std::shared_ptr<HeatMapData> data(new HeatMapData);
    data->m_rows = values->rows();
    data->m_cols = values->cols();
    QS_TRY(data->m_stats, statsOf(*values, ctx));
    QS_TRY(TensorPyramid pyramid, TensorPyramid::build(values, ctx));
    data->m_pyramids.push_back(std::move(pyramid));
    data->m_matrix = std::move(values);
    return data;
}

Result<std::shared_ptr<const HeatMapData>> HeatMapData::fromRows(std::vector<std::vector<float>> rows,
                                                                 const RunContext &ctx) {
    std::shared_ptr<HeatMapData> data(new HeatMapData);
    data->m_lists = std::move(rows);
    data->m_rows = static_cast<std::int64_t>(data->m_lists.size());
    for (const std::vector<float> &row : data->m_lists) {
        const auto length = static_cast<std::int64_t>(row.size());
        data->m_cols = std::max(data->m_cols, length);
        data->m_pyramidOfRow.push_back(row.empty() ? -1 : static_cast<int>(data->m_pyramids.size()));
        if (row.empty())
            continue;
        QS_TRY(TensorPyramid pyramid,
               TensorPyramid::build(matrixSource(MatrixView<const float>{row.data(), 1, length}), ctx));
        data->m_pyramids.push_back(std::move(pyramid));
    }
    QS_TRY(data->m_stats, statsOf(data->m_lists, ctx));
    return data;
}

void HeatMapData::read(std::int64_t row, std::int64_t col, std::span<float> dst) const {
    if (m_matrix)
        return m_matrix->read(row, col, dst);
    std::copy_n(m_lists[static_cast<std::size_t>(row)].begin() + col, dst.size(), dst.begin());
}

std::int64_t HeatMapData::rowLength(std::int64_t row) const {
    return m_matrix ? m_cols : static_cast<std::int64_t>(m_lists[static_cast<std::size_t>(row)].size());
}

bool HeatMapData::isPresent(std::int64_t row, std::int64_t col) const {
    return row >= 0 && row < m_rows && col >= 0 && col < rowLength(row);
}

float HeatMapData::value(std::int64_t row, std::int64_t col) const {
    float value;
    read(row, col, {&value, 1});
    return value;
}

HeatMapCell HeatMapData::cell(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const {
    HeatMapCell cell;
    cells(rowLevel, colLevel, row, col, {&cell, 1});
    return cell;
}

void HeatMapData::cells(int rowLevel, int colLevel, std::int64_t row, std::int64_t firstCol,
                        std::span<HeatMapCell> cells) const {
    if (!m_matrix) {
        for (HeatMapCell &cell : cells)
            cell = cellOfLists(rowLevel, colLevel, row, firstCol++);
        return;
    }
    // The pyramid halves both directions at once; what one of them is ahead is joined here.
    const TensorPyramid &pyramid = m_pyramids.front();
    const int level = std::min({rowLevel, colLevel, pyramid.levels() - 1});
    if (level < TensorPyramid::kFirstStoredLevel) {
        std::vector<PyramidCell> joined(cells.size());
        joinValues(*m_matrix, row << rowLevel, std::min((row + 1) << rowLevel, m_rows), firstCol << colLevel,
                   std::int64_t{1} << colLevel, joined);
        for (std::size_t i = 0; i < cells.size(); ++i)
            cells[i] = {true, joined[i]};
        return;
    }
    for (HeatMapCell &cell : cells) {
        CellJoiner joiner;
        joiner.add(pyramid, level, row << (rowLevel - level), (row + 1) << (rowLevel - level),
                   firstCol << (colLevel - level), (firstCol + 1) << (colLevel - level));
        cell = joiner.result();
        ++firstCol;
    }
}

HeatMapCell HeatMapData::cellOfLists(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const {
    CellJoiner joiner;
    const std::int64_t end = std::min((row + 1) << rowLevel, m_rows);
    for (std::int64_t r = row << rowLevel; r < end; ++r) {
        const int index = m_pyramidOfRow[static_cast<std::size_t>(r)];
        if (index < 0)
            continue;
        const TensorPyramid &pyramid = m_pyramids[static_cast<std::size_t>(index)];
        const int level = std::min(colLevel, pyramid.levels() - 1);
        joiner.add(pyramid, level, 0, 1, col << (colLevel - level), (col + 1) << (colLevel - level));
    }
    return joiner.result();
}

HeatMapPosition HeatMapData::extremePosition(int rowLevel, int colLevel, std::int64_t row,
                                             std::int64_t col) const {
    HeatMapPosition best;
    float largest = -1;
    std::vector<float> values;
    const std::int64_t endRow = std::min((row + 1) << rowLevel, m_rows);
    for (std::int64_t r = row << rowLevel; r < endRow; ++r) {
        const std::int64_t firstCol = col << colLevel;
        const std::int64_t endCol = std::min((col + 1) << colLevel, rowLength(r));
        values.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, endCol - firstCol)));
        if (!values.empty())
            read(r, firstCol, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const float magnitude = std::abs(values[i]);
            if (std::isnan(magnitude))
                return {r, firstCol + static_cast<std::int64_t>(i)};
            if (magnitude > largest) {
                largest = magnitude;
                best = {r, firstCol + static_cast<std::int64_t>(i)};
            }
        }
    }
    return best;
}

std::int64_t HeatMapData::pyramidBytes() const {
    std::int64_t bytes = 0;
    for (const TensorPyramid &pyramid : m_pyramids)
        bytes += pyramid.storedBytes();
    return bytes;
}

} // namespace qs::views
