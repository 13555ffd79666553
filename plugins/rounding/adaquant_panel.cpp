#include "plugins/rounding/adaquant_panel.h"

#include "plugins/rounding/column_rounding.h"
#include "plugins/rounding/grid_refit.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

/// Multiply-adds between two looks at whether the user has cancelled: about 20 ms.
constexpr Index kProductWork = Index{1} << 30;
constexpr float kEpsilon = 1e-8f;       ///< of Adam
constexpr float kSmallestScale = 0.05f; ///< of the start

} // namespace

AdaQuantPanel::AdaQuantPanel(const AdaQuantShared &shared, std::int64_t firstRow, std::int64_t rows)
    : m_shared(shared), m_scheme(shared.best.grids.scheme), m_firstRow(firstRow), m_rows(rows),
      m_cols(shared.weights.cols), m_groupSize(shared.best.grids.groupSize()),
      m_groups(shared.best.grids.groupsPerRow()), m_startScales(rows, m_groups), m_startZeros(rows, m_groups),
      m_scaleChanges(Columns::Zero(rows, m_groups)), m_zeroChanges(Columns::Zero(rows, m_groups)),
      m_weights(rows, m_cols), m_moved(rows, m_cols), m_codes(rows, m_cols), m_differences(rows, m_cols),
      m_gradients(rows, m_cols), m_unit(rows),
      m_weightAdam(static_cast<std::size_t>(rows * m_cols), kEpsilon),
      m_scaleAdam(static_cast<std::size_t>(rows * m_groups), kEpsilon),
      m_zeroAdam(static_cast<std::size_t>(rows * m_groups), kEpsilon) {
    load();
}

void AdaQuantPanel::load() {
    for (Index row = 0; row < m_rows; ++row) {
        const double error = m_shared.errors[static_cast<std::size_t>(m_firstRow + row)];
        m_unit[row] = error > 1e-30 ? static_cast<float>(1.0 / error) : 1.0f;
        for (Index group = 0; group < m_groups; ++group) {
            const SliceGrid grid = m_shared.best.grids.at(m_firstRow + row, group);
            m_startScales(row, group) = grid.scale;
            m_startZeros(row, group) = grid.zero;
        }
        for (Index col = 0; col < m_cols; ++col) {
            m_weights(row, col) = m_shared.weights(m_firstRow + row, col);
            m_moved(row, col) = m_weights(row, col) / m_startScales(row, col / m_groupSize);
        }
    }
    m_scales = m_startScales;
    m_zeros = m_startZeros;
}

void AdaQuantPanel::step(int iteration) {
    roundWeights();
    const Index step = std::max<Index>(32, kProductWork / (m_rows * m_cols));
    for (Index col = 0; col < m_cols && !m_shared.services.cancelled(); col += step) {
        const Index count = std::min(step, m_cols - col);
        m_gradients.middleCols(col, count).noalias() =
            m_differences * m_shared.hessian.middleCols(col, count);
    }
    if (m_shared.services.cancelled())
        return;
    keepBetterRows();
    m_gradients.array().colwise() *= m_unit;
    m_decay = 1.0f - static_cast<float>(iteration - 1) / static_cast<float>(m_shared.options.iterations);
    m_weightAdam.nextStep();
    m_scaleAdam.nextStep();
    m_zeroAdam.nextStep();
    if (m_shared.options.learnGrids)
        moveGrids();
    moveWeights();
}

void AdaQuantPanel::roundWeights() {
    withRounding(m_scheme.rounding, false, [&]<RoundingMode Mode, bool>() {
        for (Index col = 0; col < m_cols; ++col) {
            const Index group = col / m_groupSize;
            for (Index row = 0; row < m_rows; ++row) {
                const float scale = m_scales(row, group);
                const float moved = m_moved(row, col) * m_startScales(row, group);
                const std::int32_t code =
                    gridCode<Mode, false>(moved, scale, m_zeros(row, group), m_scheme.range);
                m_codes(row, col) = static_cast<float>(code);
                m_differences(row, col) =
                    scale * (static_cast<float>(code) - m_zeros(row, group)) - m_weights(row, col);
            }
        }
    });
}

void AdaQuantPanel::keepBetterRows() {
    Eigen::ArrayXd errors = Eigen::ArrayXd::Zero(m_rows);
    for (Index col = 0; col < m_cols; ++col)
        errors += m_differences.col(col).array().cast<double>() * m_gradients.col(col).array().cast<double>();
    for (Index row = 0; row < m_rows; ++row)
        if (double &best = m_shared.errors[static_cast<std::size_t>(m_firstRow + row)]; errors[row] < best) {
            best = errors[row];
            storeRow(row);
        }
}

void AdaQuantPanel::storeRow(Index row) {
    std::int16_t *codes = m_shared.best.codes.data() + (m_firstRow + row) * m_cols;
    for (Index col = 0; col < m_cols; ++col)
        codes[col] = static_cast<std::int16_t>(m_codes(row, col));
    for (Index group = 0; group < m_groups; ++group)
        m_shared.best.grids.set(m_firstRow + row, group, {m_scales(row, group), m_zeros(row, group)});
}

/// Straight through the rounding: a moved weight moves its value, unless its code is at an end of the grid.
void AdaQuantPanel::moveWeights() {
    const auto lowest = static_cast<float>(m_scheme.range.lowest);
    const auto highest = static_cast<float>(m_scheme.range.highest);
    const float rate = m_decay * static_cast<float>(m_shared.options.weightRate);
    const Column zero = Column::Zero(m_rows);
    for (Index col = 0; col < m_cols; ++col) {
        const Index group = col / m_groupSize;
        const Column position =
            m_moved.col(col).array() * m_startScales.col(group).array() / m_scales.col(group).array() +
            m_zeros.col(group).array();
        const Column gradient =
            (position >= lowest - 0.5f && position <= highest + 0.5f)
                .select(m_gradients.col(col).array() * m_startScales.col(group).array(), zero);
        m_moved.col(col).array() += rate * m_weightAdam.change(first(col), gradient);
    }
}

/// By the scale, a value inside of the grid moves by its rounding error, one at an end by its code; by the
/// zero point only the latter move.
void AdaQuantPanel::moveGrids() {
    const auto lowest = static_cast<float>(m_scheme.range.lowest);
    const auto highest = static_cast<float>(m_scheme.range.highest);
    const float rate = m_decay * static_cast<float>(m_shared.options.gridRate);
    for (Index group = 0; group < m_groups; ++group) {
        Column scaleGradient = Column::Zero(m_rows), zeroGradient = Column::Zero(m_rows);
        const auto scale = m_scales.col(group).array();
        const auto zeroPoint = m_zeros.col(group).array();
        for (Index col = group * m_groupSize; col < std::min(m_cols, (group + 1) * m_groupSize); ++col) {
            const Column position = m_moved.col(col).array() * m_startScales.col(group).array() / scale;
            const Column code = m_codes.col(col).array() - zeroPoint;
            const auto inside =
                position + zeroPoint >= lowest - 0.5f && position + zeroPoint <= highest + 0.5f;
            const auto gradient = m_gradients.col(col).array();
            scaleGradient += gradient * inside.select(code - position, code);
            zeroGradient -= inside.select(Column::Zero(m_rows), gradient * scale);
        }
        m_scaleChanges.col(group).array() +=
            rate * m_scaleAdam.change(first(group), scaleGradient * m_startScales.col(group).array());
        m_zeroChanges.col(group).array() +=
            rate * (highest - lowest) * m_zeroAdam.change(first(group), zeroGradient);
        for (Index row = 0; row < m_rows; ++row) {
            const float change = std::max(1.0f + m_scaleChanges(row, group), kSmallestScale);
            m_scales(row, group) = storableScale(m_startScales(row, group) * change, m_scheme.float16Scales);
            if (!m_shared.options.fixedZeros)
                m_zeros(row, group) = std::clamp(
                    std::nearbyint(m_startZeros(row, group) + m_zeroChanges(row, group)), lowest, highest);
        }
    }
}

} // namespace qs
