#pragma once

#include "plugins/rounding/hessian_factor.h"

#include <atomic>

namespace qs {

/// What all panels of one layer share.
struct FeedbackLayer {
    MatrixView<const float> weights; ///< [rows, cols] as given, dead columns included
    const HessianFactor &factor;
    const SolverServices &services;
    std::span<std::int16_t> codes; ///< [rows, cols]
    std::atomic<std::int64_t> done{0};
};

/// A few consecutive rows on their way through all columns in processing order: each column is rounded by the
/// derived class, and its errors are fed to the columns that follow. Rows do not know each other, so panels
/// run in parallel; within a panel a column is contiguous, so that inner loops run over rows.
/// \source Frantar et al. 2022, arXiv:2210.17323; methods A2
class FeedbackPanel {
public:
    FeedbackPanel(FeedbackLayer &layer, std::int64_t firstRow, std::int64_t rows, std::int64_t leafColumns);
    virtual ~FeedbackPanel() = default;

protected:
    using Columns = Eigen::MatrixXf; ///< [rows of the panel, columns in processing order], column-major

    /// Rounds m_targets.col(position): writes the codes and m_errors.col(position) = m_weights − value. The
    /// targets of all columns of its group hold the feedback of all columns before the group.
    virtual void roundColumn(std::int64_t position, std::int16_t *codes) = 0;
    /// Neighbouring positions whose targets must all be complete when the first of them is rounded; 1 = none.
    virtual std::int64_t columnsTogether() const { return 1; }

    void loadWeights();
    void runColumns(std::int64_t begin, std::int64_t end);
    void spread(std::int64_t begin, std::int64_t end, std::int64_t last);
    Columns conditionalWeights(std::int64_t begin, std::int64_t end) const;
    std::int64_t columnAt(std::int64_t position) const {
        return m_layer.factor.order[static_cast<std::size_t>(position)];
    }
    bool cancelled() const { return m_layer.services.cancelled(); }

    FeedbackLayer &m_layer;
    const std::int64_t m_firstRow, m_rows, m_cols;
    Columns m_weights; ///< dead columns zeroed
    Columns m_targets; ///< t: weights plus the feedback so far
    Columns m_errors;  ///< w − q of the columns so far

private:
    std::int64_t firstHalf(std::int64_t count) const;
    void runLeaf(std::int64_t begin, std::int64_t end);

    Eigen::Matrix<std::int16_t, Eigen::Dynamic, Eigen::Dynamic> m_codes; ///< of the current leaf
};

} // namespace qs
