#pragma once

#include "plugins/rounding/feedback_panel.h"
#include "plugins/rounding/leave_one_out.h"
#include "plugins/rounding/spqr_solver.h"

namespace qs {

/// What all panels of one layer share.
struct SpqrShared : FeedbackLayer {
    LayerGrids &grids; ///< by processing order
    const SpqrOptions &options;
    double threshold;              ///< τ: squared errors above it make an outlier
    std::vector<KeptValues> &kept; ///< by row
};

/// A few rows of SpQR, a multiple of the rows that share a second-level grid.
class SpqrPanel final : FeedbackPanel {
public:
    SpqrPanel(SpqrShared &shared, std::int64_t firstRow, std::int64_t rows);
    void run() { runColumns(0, m_cols); }

private:
    void roundColumn(std::int64_t position, std::int16_t *codes) override;
    std::int64_t columnsTogether() const override { return m_groupSize; }
    void fitGroup(std::int64_t position);
    RealRange rangeOf(std::span<float> slice, std::span<const double> sensitivity) const;
    void storeGrids(std::int64_t group, const std::vector<RealRange> &ranges);
    void storeBlock(std::int64_t group, std::int64_t first, std::span<const RealRange> ranges);

    SpqrShared &m_shared;
    const SliceScheme m_scheme;
    const std::int64_t m_groupSize;
    const int m_steps;                    ///< code steps that span a range
    std::vector<float> m_scales, m_zeros; ///< [rows] of the current group
};

} // namespace qs
