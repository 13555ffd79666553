#pragma once

#include "core/numeric/adam.h"
#include "plugins/rounding/adaquant_solver.h"

namespace qs {

/// What all panels of one layer share.
struct AdaQuantShared {
    MatrixView<const float> weights;
    const Eigen::MatrixXf &hessian;
    const AdaQuantOptions &options;
    const SolverServices &services;
    LayerCodes &best;            ///< starts at round-to-nearest
    std::vector<double> &errors; ///< [rows] of `best`
};

/// A few consecutive rows of AdaQuant with their optimizers. Within a panel a column is contiguous.
class AdaQuantPanel {
public:
    AdaQuantPanel(const AdaQuantShared &shared, std::int64_t firstRow, std::int64_t rows);

    /// Rounds, notes the rows that have become better, and moves along the gradient. \param iteration from 1
    void step(int iteration);

private:
    using Columns = Eigen::MatrixXf; ///< [rows of the panel, cols or groups], column-major
    using Column = Eigen::ArrayXf;

    void load();
    void roundWeights();
    void keepBetterRows();
    void storeRow(Eigen::Index row);
    void moveWeights();
    void moveGrids();
    /// Where a column begins in arrays of the panel.
    std::size_t first(Eigen::Index col) const { return static_cast<std::size_t>(col * m_rows); }

    const AdaQuantShared &m_shared;
    const SliceScheme m_scheme;
    const std::int64_t m_firstRow, m_rows, m_cols, m_groupSize, m_groups;
    Columns m_startScales, m_startZeros;
    Columns m_scaleChanges;    ///< relative to the start
    Columns m_zeroChanges;     ///< in code steps
    Columns m_scales, m_zeros; ///< as they are stored
    Columns m_weights;
    Columns m_moved; ///< W + V, in units of the start scales
    Columns m_codes;
    Columns m_differences; ///< Q − W
    Columns m_gradients;   ///< (Q − W) H, each row in units of its error at the start
    Column m_unit;         ///< [rows] 1 / error at the start
    float m_decay = 1;     ///< of the learning rates, from 1 to 0
    Adam m_weightAdam, m_scaleAdam, m_zeroAdam;
};

} // namespace qs
