#pragma once

#include "core/tensor/tensor_pyramid.h"
#include "views/canvas/heat_map_stats.h"

namespace qs::views {

/// How joined cells become one colour.
enum class HeatMapJoin {
    Extreme, ///< the value furthest from zero, so that no outlier is lost; NaN wins
    Mean,    ///< for values without outliers, like codes
};

/// A rectangle of 2^rowLevel × 2^colLevel cells of a map, joined.
struct HeatMapCell {
    bool present = false; ///< false: beyond the end of short rows
    PyramidCell values;

    float extreme() const;
    float shown(HeatMapJoin join) const { return join == HeatMapJoin::Mean ? values.mean : extreme(); }
};

struct HeatMapPosition {
    std::int64_t row = -1, col = -1;
    bool operator==(const HeatMapPosition &) const = default;
};

/// The values of a map, ready to be drawn at any zoom: a matrix, or rows of different lengths. Immutable,
/// shared.
///
/// Rows and columns are reduced independently: a map of 30 layers × 4096 channels keeps its 30 rows when its
/// columns are joined.
class HeatMapData {
public:
    /// \param values  [rows, cols], both > 0; read again whenever cells are drawn
    static Result<std::shared_ptr<const HeatMapData>> fromSource(std::shared_ptr<const MatrixSource> values,
                                                                 const RunContext &ctx);
    /// \param values  float32 [rows, cols], both > 0
    static Result<std::shared_ptr<const HeatMapData>> fromMatrix(Tensor values, const RunContext &ctx);
    /// Rows may have any length, some may be empty.
    static Result<std::shared_ptr<const HeatMapData>> fromRows(std::vector<std::vector<float>> rows,
                                                               const RunContext &ctx);

    std::uint64_t id() const { return m_id; } ///< differs for all data of a program run
    std::int64_t rows() const { return m_rows; }
    std::int64_t cols() const { return m_cols; } ///< of the longest row
    std::int64_t rowLength(std::int64_t row) const;
    bool isPresent(std::int64_t row, std::int64_t col) const;
    float value(std::int64_t row, std::int64_t col) const; ///< exact; the cell must be present

    std::int64_t rowsAt(int rowLevel) const {
        return (m_rows + (std::int64_t{1} << rowLevel) - 1) >> rowLevel;
    }
    std::int64_t colsAt(int colLevel) const {
        return (m_cols + (std::int64_t{1} << colLevel) - 1) >> colLevel;
    }
    HeatMapCell cell(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const;
    /// Cells (row, firstCol), (row, firstCol + 1), … of the levels: quicker than one by one.
    void cells(int rowLevel, int colLevel, std::int64_t row, std::int64_t firstCol,
               std::span<HeatMapCell> cells) const;
    /// Where the extreme of a joined cell is. {-1, -1} when the cell is not present.
    HeatMapPosition extremePosition(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const;

    const HeatMapStats &stats() const { return m_stats; }
    std::int64_t count() const { return m_stats.count; } ///< finite values
    std::int64_t nonFiniteCount() const { return m_stats.nonFinite; }
    float lowest() const { return m_stats.lowest; }
    float highest() const { return m_stats.highest; }
    float quantile(double p) const { return m_stats.quantile(p); }
    float magnitudeQuantile(double p) const { return m_stats.magnitudeQuantile(p); }
    std::int64_t pyramidBytes() const; ///< held beside the values

private:
    HeatMapData();
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const;
    HeatMapCell cellOfLists(int rowLevel, int colLevel, std::int64_t row, std::int64_t col) const;

    std::uint64_t m_id;
    std::int64_t m_rows = 0, m_cols = 0;
    std::shared_ptr<const MatrixSource> m_matrix; ///< matrix form, else null
    std::vector<std::vector<float>> m_lists;      ///< row form
    std::vector<TensorPyramid> m_pyramids;        ///< one for a matrix, else one per row that is not empty
    std::vector<int> m_pyramidOfRow;              ///< row form; -1 for empty rows
    HeatMapStats m_stats;
};

} // namespace qs::views
