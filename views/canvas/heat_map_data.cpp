#include "views/canvas/heat_map_data.h"

#include "core/base/random.h"

#include <atomic>
#include <limits>

namespace qs::views {

namespace {

constexpr std::int64_t kQuantileSample = 1 << 18;

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

/// Picks one random value of each of kQuantileSample equal parts: even, and blind to periods in the data.
class QuantileSampler {
public:
    explicit QuantileSampler(std::int64_t total) : m_stride(std::max(1.0, double(total) / kQuantileSample)) {}
    void add(float value) {
        if (m_index++ == m_next) {
            if (std::isfinite(value))
                m_picked.push_back(value);
            m_part += m_stride;
            m_next = static_cast<std::int64_t>(m_part + (m_stride > 1 ? m_random.uniform() * m_stride : 0));
            m_next = std::max(m_next, m_index);
        }
    }
    std::vector<float> take() { return std::move(m_picked); }

private:
    double m_stride, m_part = 0;
    std::int64_t m_index = 0, m_next = 0;
    Random m_random{1};
    std::vector<float> m_picked;
};

float sortedQuantile(const std::vector<float> &sorted, double p) {
    if (sorted.empty())
        return 0;
    const double position = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::llround(position))];
}

} // namespace

float HeatMapCell::extreme() const {
    return std::abs(values.min) > std::abs(values.max) ? values.min : values.max;
}

HeatMapData::HeatMapData() {
    static std::atomic<std::uint64_t> nextId{1};
    m_id = nextId++;
}

Result<std::shared_ptr<const HeatMapData>> HeatMapData::fromMatrix(Tensor values, const RunContext &ctx) {
    QS_CHECK(values.dtype() == DType::Float32 && values.shape().rank() == 2, "a float32 matrix");
    std::shared_ptr<HeatMapData> data(new HeatMapData);
    data->m_rows = values.shape()[0];
    data->m_cols = values.shape()[1];
    data->m_matrix = std::move(values);
    const MatrixView<const float> view{data->m_matrix.values<float>().data(), data->m_rows, data->m_cols};
    QS_TRY(TensorPyramid pyramid, TensorPyramid::build(view, ctx));
    data->m_pyramids.push_back(std::move(pyramid));
    QS_CHECK_OK(data->finish(ctx));
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
        QS_TRY(TensorPyramid pyramid, TensorPyramid::build({row.data(), 1, length}, ctx));
        data->m_pyramids.push_back(std::move(pyramid));
    }
    QS_CHECK_OK(data->finish(ctx));
    return data;
}

Status HeatMapData::finish(const RunContext &ctx) {
    std::int64_t total = 0;
    for (std::int64_t row = 0; row < m_rows; ++row)
        total += rowLength(row);
    QuantileSampler sampler(total);
    m_lowest = std::numeric_limits<float>::max();
    m_highest = std::numeric_limits<float>::lowest();
    for (std::int64_t row = 0; row < m_rows; ++row) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        for (float value : rowValues(row)) {
            sampler.add(value);
            if (!std::isfinite(value)) {
                ++m_nonFinite;
                continue;
            }
            m_lowest = std::min(m_lowest, value);
            m_highest = std::max(m_highest, value);
        }
    }
    m_count = total - m_nonFinite;
    if (m_count == 0)
        m_lowest = m_highest = 0;
    m_sorted = sampler.take();
    std::sort(m_sorted.begin(), m_sorted.end());
    m_sortedMagnitudes = m_sorted;
    for (float &value : m_sortedMagnitudes)
        value = std::abs(value);
    std::sort(m_sortedMagnitudes.begin(), m_sortedMagnitudes.end());
    return {};
}

std::span<const float> HeatMapData::rowValues(std::int64_t row) const {
    if (m_matrix.empty())
        return m_lists[static_cast<std::size_t>(row)];
    return m_matrix.values<float>().subspan(static_cast<std::size_t>(row * m_cols),
                                            static_cast<std::size_t>(m_cols));
}

std::int64_t HeatMapData::rowLength(std::int64_t row) const {
    return static_cast<std::int64_t>(rowValues(row).size());
}

bool HeatMapData::isPresent(std::int64_t row, std::int64_t col) const {
    return row >= 0 && row < m_rows && col >= 0 && col < rowLength(row);
}

float HeatMapData::value(std::int64_t row, std::int64_t col) const {
    return rowValues(row)[static_cast<std::size_t>(col)];
}

HeatMapCell HeatMapData::cell(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const {
    CellJoiner joiner;
    if (!m_matrix.empty()) {
        // The pyramid halves both directions at once; what one of them is ahead is joined here.
        const TensorPyramid &pyramid = m_pyramids.front();
        const int level = std::min({rowLevel, colLevel, pyramid.levels() - 1});
        joiner.add(pyramid, level, row << (rowLevel - level), (row + 1) << (rowLevel - level),
                   col << (colLevel - level), (col + 1) << (colLevel - level));
        return joiner.result();
    }
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
    const std::int64_t endRow = std::min((row + 1) << rowLevel, m_rows);
    for (std::int64_t r = row << rowLevel; r < endRow; ++r) {
        const std::int64_t endCol = std::min((col + 1) << colLevel, rowLength(r));
        for (std::int64_t c = col << colLevel; c < endCol; ++c) {
            const float magnitude = std::abs(value(r, c));
            if (std::isnan(magnitude))
                return {r, c};
            if (magnitude > largest) {
                largest = magnitude;
                best = {r, c};
            }
        }
    }
    return best;
}

float HeatMapData::quantile(double p) const {
    return sortedQuantile(m_sorted, p);
}

float HeatMapData::magnitudeQuantile(double p) const {
    return sortedQuantile(m_sortedMagnitudes, p);
}

} // namespace qs::views
