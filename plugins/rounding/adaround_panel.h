#pragma once

#include "core/numeric/adam.h"
#include "plugins/rounding/adaround_solver.h"

namespace qs {

/// What all panels of one layer share.
struct AdaRoundShared {
    MatrixView<const float> weights;
    const LayerGrids &grids;
    const Eigen::MatrixXf &hessian;
    const std::vector<double> &lambda; ///< [rows] > 0
    const AdaRoundOptions &options;
    const SolverServices &services;
    LayerCodes &result;
};

/// A few consecutive rows of AdaRound with their optimizer. Within a panel a column is contiguous.
class AdaRoundPanel {
public:
    AdaRoundPanel(const AdaRoundShared &shared, std::int64_t firstRow, std::int64_t rows);

    /// One step of Adam. \param iteration  from 1
    void step(int iteration);
    /// Writes the codes of the directions as they are. \return how many directions are decided
    std::int64_t store() const;

private:
    using Columns = Eigen::MatrixXf; ///< [rows of the panel, cols], column-major
    using Column = Eigen::ArrayXf;

    void load();
    void makeDifference();
    void updateColumn(Eigen::Index col, float beta);
    auto grid(const Columns &values, Eigen::Index col) const { return values.col(col / m_groupSize).array(); }

    const AdaRoundShared &m_shared;
    const std::int64_t m_firstRow, m_rows, m_cols, m_groupSize;
    const float m_lowest, m_highest; ///< codes
    Columns m_scales, m_zeros;       ///< [rows, groups]
    Columns m_weights, m_floors;     ///< floors: the lower codes
    Columns m_logits;                ///< V
    Columns m_differences;           ///< Q − W, with soft codes
    Columns m_gradients;             ///< of the error / λ, by the values
    Column m_lambda;
    Adam m_adam;
};

} // namespace qs
