#pragma once

#include "plugins/rounding/column_coupling.h"
#include "plugins/rounding/layer_grids.h"

namespace qs {

/// A few consecutive rows whose columns are set one after another to the best value given all others, again
/// and again. Rows do not know each other, so panels run in parallel; within a panel a column is contiguous.
/// \source Behdin et al. 2023, arXiv:2309.01885; methods A3
class QuantEasePanel {
public:
    QuantEasePanel(MatrixView<const float> weights, const ColumnCoupling &coupling, const LayerGrids &grids,
                   const SolverServices &services, std::int64_t firstRow, std::int64_t rows);

    /// Starts from codes instead of from the weights themselves. \param errors  of all rows of the layer
    void startFrom(const LayerCodes &layer, const std::vector<double> &errors);
    /// Visits every column once. A relaxed sweep leaves the values off the grid. Stops early on Cancel.
    /// \return how many codes changed; of a relaxed sweep, 0
    std::int64_t sweep(bool relaxed);

    std::int64_t firstRow() const { return m_firstRow; }
    std::int64_t rows() const { return m_rows; }
    /// d H dᵀ of every row, kept up to date column by column: exact up to float32 products.
    const Eigen::VectorXd &errors() const { return m_rowErrors; }
    /// The codes of a row of the panel, in the order of the columns.
    void copyCodes(std::int64_t row, LayerCodes &dst) const;

    /// The weights that the codes stand for become W − S. From then on errors() is not kept up to date.
    /// \param outliers  float32 [rows of the layer, cols]
    void setOutliers(MatrixView<const float> outliers);
    /// Forgets codes: the values start at W − S.
    void startWithOutliers(MatrixView<const float> outliers);
    /// dst += step · (d H) in the rows of this panel, d = W − S − Q: the descent direction of S.
    void addDescent(double step, MatrixView<float> dst) const;

private:
    using Columns = Eigen::MatrixXf; ///< [rows of the panel, columns in processing order], column-major
    using Codes = Eigen::Matrix<std::int16_t, Eigen::Dynamic, Eigen::Dynamic>;

    void loadGrids(const LayerGrids &grids);
    void multiply(std::int64_t begin, std::int64_t end, Columns &dst) const;
    void sweepBlock(std::int64_t begin, std::int64_t end, bool relaxed);
    void setColumn(std::int64_t position, std::int64_t blockBegin, std::int64_t leafBegin, bool relaxed);
    std::int64_t columnAt(std::int64_t position) const {
        return m_coupling.order[static_cast<std::size_t>(position)];
    }

    const MatrixView<const float> m_layer;
    const ColumnCoupling &m_coupling;
    const SliceScheme m_scheme;
    const SolverServices &m_services;
    const std::int64_t m_firstRow, m_rows, m_cols, m_groupSize;
    Columns m_scales, m_zeros; ///< [rows, groups]
    Columns m_weights;         ///< W, or W − S
    Columns m_errors;          ///< m_weights − Q
    Codes m_codes;
    Columns m_pulls;  ///< of the current block: errors · pull
    Columns m_deltas; ///< of the current leaf: how errors changed
    Eigen::VectorXd m_rowErrors;
    std::int64_t m_changed = 0;
};

} // namespace qs
