#include "plugins/rounding/fixed_grid_rounding.h"

#include "plugins/rounding/column_rounding.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

constexpr std::int64_t kLeafColumns = 32; ///< columns that are rounded one by one between two products

class FixedGridPanel final : FeedbackPanel {
public:
    FixedGridPanel(FeedbackLayer &layer, const LayerGrids &grids, std::int64_t firstRow, std::int64_t rows)
        : FeedbackPanel(layer, firstRow, rows, kLeafColumns), m_grids(grids),
          m_scales(rows, grids.groupsPerRow()), m_zeros(rows, grids.groupsPerRow()) {
        for (Index row = 0; row < rows; ++row)
            for (Index group = 0; group < grids.groupsPerRow(); ++group) {
                m_scales(row, group) = grids.at(firstRow + row, group).scale;
                m_zeros(row, group) = grids.at(firstRow + row, group).zero;
            }
    }
    void run() { runColumns(0, m_cols); }

private:
    void roundColumn(std::int64_t position, std::int16_t *codes) override {
        const SliceScheme &scheme = m_grids.scheme;
        const Index group = columnAt(position) / m_grids.groupSize();
        const auto scale = m_scales.col(group);
        const auto zero = m_zeros.col(group);
        withRounding(scheme.rounding, scheme.realZeros, [&]<RoundingMode Mode, bool RealZeros>() {
            for (Index row = 0; row < m_rows; ++row) {
                const std::int32_t code =
                    gridCode<Mode, RealZeros>(m_targets(row, position), scale[row], zero[row], scheme.range);
                codes[row] = static_cast<std::int16_t>(code);
                m_errors(row, position) = m_weights(row, position) - valueOf(code, {scale[row], zero[row]});
            }
        });
    }

    const LayerGrids &m_grids;
    Columns m_scales, m_zeros; ///< [rows, groups]
};

} // namespace

Result<LayerCodes> roundWithFeedback(MatrixView<const float> weights, LayerGrids grids,
                                     const HessianFactor &factor, const SolverServices &services) {
    LayerCodes layer(std::move(grids));
    FeedbackLayer shared{weights, factor, services, layer.codes};
    QS_CHECK_OK(
        runBlocks(weights.rows, panelRows(weights.rows), services, [&](std::int64_t begin, std::int64_t end) {
            FixedGridPanel(shared, layer.grids, begin, end - begin).run();
        }));
    return layer;
}

} // namespace qs
