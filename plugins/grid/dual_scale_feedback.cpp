#include "plugins/grid/dual_scale_levels.h"

#include "plugins/rounding/feedback_panel.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/row_errors.h"
#include "plugins/support/run_blocks.h"

namespace qs {
namespace {

using Eigen::Index;

constexpr std::int64_t kLeafColumns = 32; ///< columns that are rounded one by one between two products

struct DualScaleLayer : FeedbackLayer {
    const Slices &slices;
    const DualScaleGrid &grid;
    DualScaleCodes &result;
};

/// Rows on their way through the columns; every group of columns is fitted when its turn comes.
class DualScalePanel final : public FeedbackPanel {
public:
    DualScalePanel(DualScaleLayer &layer, std::int64_t firstRow, std::int64_t rows)
        : FeedbackPanel(layer, firstRow, rows, kLeafColumns), m_shared(layer) {}

    void run() { runColumns(0, m_cols); }

private:
    std::int64_t columnsTogether() const override { return m_shared.slices.groupSize; }

    void roundColumn(std::int64_t position, std::int16_t *codes) override {
        if (position % m_shared.slices.groupSize == 0)
            fitGroup(position);
        const int bits = m_shared.grid.bits;
        for (Index row = 0; row < m_rows; ++row) {
            const DualScaleLevels &levels = levelsAt(row, position);
            codes[row] = levels.nearest(m_targets(row, position), bits);
            m_errors(row, position) = m_weights(row, position) - levels.value(codes[row]);
        }
    }

    void fitGroup(std::int64_t position) {
        const std::int64_t count = std::min(m_shared.slices.groupSize, m_cols - position);
        // The first columns are still what they were.
        const Columns values = position == 0 ? Columns(m_weights.leftCols(count))
                                             : conditionalWeights(position, position + count);
        std::vector<float> slice(static_cast<std::size_t>(count));
        for (Index row = 0; row < m_rows && !cancelled(); ++row) {
            for (Index col = 0; col < count; ++col)
                slice[static_cast<std::size_t>(col)] = values(row, col);
            levelsAt(row, position) = fitDualScaleLevels(slice, m_shared.grid, m_shared.services);
        }
    }

    DualScaleLevels &levelsAt(Index row, std::int64_t position) {
        const Slices &slices = m_shared.slices;
        return m_shared.result.slices[static_cast<std::size_t>((m_firstRow + row) * slices.perRow() +
                                                               position / slices.groupSize)];
    }

    DualScaleLayer &m_shared;
};

} // namespace

Result<DualScaleCodes> roundDualScalesWithFeedback(MatrixView<const float> weights, const Slices &slices,
                                                   MatrixView<const double> hessian, double damping,
                                                   const DualScaleGrid &grid,
                                                   const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_TRY(const HessianFactor factor, factorHessian(hessian, {false, damping}, services));
    DualScaleCodes result;
    result.slices.resize(static_cast<std::size_t>(slices.count()));
    result.codes.resize(static_cast<std::size_t>(weights.size()));
    DualScaleLayer layer{{weights, factor, services, result.codes}, slices, grid, result};
    QS_CHECK_OK(runBlocks(weights.rows, panelRows(weights.rows), services,
                          [&](auto begin, auto end) { DualScalePanel(layer, begin, end - begin).run(); }));
    return result;
}

} // namespace qs
