#include "plugins/rounding/gptq_panel.h"

#include "plugins/rounding/column_rounding.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

/// Columns that are rounded one by one between two matrix products; fewer if the block size is smaller.
constexpr std::int64_t kLeafColumns = 32;

/// One column of the panel: all pointers run over its rows.
struct ColumnStep {
    const float *target;
    const float *weight;
    const float *scale;
    const float *zero;
    std::int16_t *codes;
    float *error;
    double diagonal; ///< R_jj
    double *dampedError;
    double *squaredError;
};

template <RoundingMode Mode>
void roundRows(const ColumnStep &step, CodeRange range, Index rows) {
    for (Index row = 0; row < rows; ++row) {
        const std::int32_t code =
            gridCode<Mode, false>(step.target[row], step.scale[row], step.zero[row], range);
        const float value = step.scale[row] * (static_cast<float>(code) - step.zero[row]);
        const double missed = (static_cast<double>(step.target[row]) - value) * step.diagonal;
        step.codes[row] = static_cast<std::int16_t>(code);
        step.error[row] = step.weight[row] - value;
        step.dampedError[row] += missed * missed;
        step.squaredError[row] += static_cast<double>(step.error[row]) * step.error[row];
    }
}

} // namespace

GptqPanel::GptqPanel(GptqShared &shared, std::int64_t firstRow, std::int64_t rows)
    : FeedbackPanel(shared, firstRow, rows, std::min(shared.options.blockSize, kLeafColumns)),
      m_shared(shared), m_grids{Columns(rows, shared.groups()), Columns(rows, shared.groups())},
      m_dampedError(Eigen::VectorXd::Zero(rows)), m_squaredError(Eigen::VectorXd::Zero(rows)) {}

void GptqPanel::run() {
    if (!m_shared.dynamicGroups())
        m_grids = originalGrids();
    if (m_shared.options.referenceCompat)
        runAsReference();
    else
        runColumns(0, m_cols);
    if (cancelled())
        return;
    for (Index row = 0; row < m_rows; ++row)
        m_shared.report.rowError[static_cast<std::size_t>(m_firstRow + row)] = m_dampedError[row];
    if (m_shared.options.keepBest)
        keepBetterRows();
    writeGrids();
}

void GptqPanel::Grids::set(Index row, Index group, ScaleZero grid) {
    scales(row, group) = grid.scale;
    zeros(row, group) = static_cast<float>(grid.zeroPoint);
}

/// Grids of the tensor, of rows or of groups of columns in their own order, fitted to the weights before any
/// rounding.
GptqPanel::Grids GptqPanel::originalGrids() const {
    Grids grids{Columns(m_rows, m_shared.groups()), Columns(m_rows, m_shared.groups())};
    const bool withDead = m_shared.options.referenceCompat && m_shared.options.grid == GridSharing::PerRow;
    std::vector<float> values(static_cast<std::size_t>(m_cols));
    for (Index row = 0; row < m_rows && !cancelled(); ++row) {
        for (Index col = 0; col < m_cols; ++col) {
            const auto index = static_cast<std::size_t>(col);
            values[index] =
                m_shared.factor.dead[index] && !withDead ? 0.0f : m_shared.weights(m_firstRow + row, col);
        }
        for (std::int64_t group = 0; group < m_shared.groups(); ++group) {
            const std::int64_t begin = group * m_shared.groupSize();
            const std::int64_t count = std::min(m_shared.groupSize(), m_cols - begin);
            const auto slice =
                std::span(values).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
            grids.set(row, group,
                      m_shared.options.grid == GridSharing::PerTensor ? m_shared.tensorGrid
                                                                      : m_shared.services.fitGrid(slice));
        }
    }
    return grids;
}

std::int64_t GptqPanel::groupAt(std::int64_t position) const {
    const bool inProcessingOrder = m_shared.dynamicGroups();
    return (inProcessingOrder ? position : columnAt(position)) / m_shared.groupSize();
}

/// The authors' order of work: blocks of columns, the rest updated after each.
void GptqPanel::runAsReference() {
    for (std::int64_t begin = 0; begin < m_cols && !cancelled(); begin += m_shared.options.blockSize) {
        const std::int64_t end = std::min(begin + m_shared.options.blockSize, m_cols);
        if (m_shared.dynamicGroups()) {
            const std::int64_t lastGroupEnd = ((end - 1) / m_shared.groupSize() + 1) * m_shared.groupSize();
            m_stale = conditionalWeights(begin, std::min(lastGroupEnd, m_cols));
            m_staleBegin = begin;
        }
        runColumns(begin, end);
        spread(begin, end, m_cols);
    }
}

/// Feedback of earlier columns reaches a group before its first column, so that its grid can be fitted.
std::int64_t GptqPanel::columnsTogether() const {
    return m_shared.dynamicGroups() && !m_shared.options.referenceCompat ? m_shared.groupSize() : 1;
}

void GptqPanel::roundColumn(std::int64_t position, std::int16_t *codes) {
    if (m_shared.dynamicGroups() && position % m_shared.groupSize() == 0)
        fitGroup(position);
    const std::int64_t group = groupAt(position);
    const ColumnStep step{m_targets.col(position).data(),
                          m_weights.col(position).data(),
                          m_grids.scales.col(group).data(),
                          m_grids.zeros.col(group).data(),
                          codes,
                          m_errors.col(position).data(),
                          m_shared.factor.diagonal[position],
                          m_dampedError.data(),
                          m_squaredError.data()};
    withRounding(m_shared.options.rounding, false,
                 [&]<RoundingMode Mode, bool>() { roundRows<Mode>(step, m_shared.options.range, m_rows); });
}

/// Fits the grids of the group that starts here to the weights as the rounding so far has left them.
void GptqPanel::fitGroup(std::int64_t position) {
    const std::int64_t count = std::min(m_shared.groupSize(), m_cols - position);
    const Columns values = m_shared.options.referenceCompat
                               ? Columns(m_stale.middleCols(position - m_staleBegin, count))
                               : conditionalWeights(position, position + count);
    std::vector<float> slice(static_cast<std::size_t>(count));
    for (Index row = 0; row < m_rows && !cancelled(); ++row) {
        for (Index col = 0; col < count; ++col)
            slice[static_cast<std::size_t>(col)] = values(row, col);
        m_grids.set(row, position / m_shared.groupSize(), m_shared.services.fitGrid(slice));
    }
}

/// Goes back to round-to-nearest in the rows where that has the smaller error under the undamped Hessian.
void GptqPanel::keepBetterRows() {
    const Grids grids = originalGrids();
    if (cancelled())
        return;
    const GptqOptions &options = m_shared.options;
    Columns errors(m_rows, m_cols);
    for (Index position = 0; position < m_cols; ++position) {
        const Index group = columnAt(position) / m_shared.groupSize();
        for (Index row = 0; row < m_rows; ++row) {
            const float weight = m_weights(row, position);
            const ScaleZero grid = grids.at(row, group);
            errors(row, position) =
                weight - dequantizeValue(quantizeValue(weight, grid, options.range, options.rounding), grid);
        }
    }
    const Columns spread = errors * m_shared.factor.feedback.triangularView<Eigen::UnitUpper>();
    for (Index row = 0; row < m_rows; ++row) {
        const double damping = m_shared.factor.addedToDiagonal;
        const auto scaled = spread.row(row).cast<double>().transpose().cwiseProduct(m_shared.factor.diagonal);
        const double rtn = scaled.squaredNorm() - damping * errors.row(row).cast<double>().squaredNorm();
        if (rtn < m_dampedError[row] - damping * m_squaredError[row])
            takeRtnRow(row, grids);
    }
}

void GptqPanel::takeRtnRow(std::int64_t row, const Grids &grids) {
    for (Index position = 0; position < m_cols; ++position) {
        const Index column = columnAt(position);
        const ScaleZero grid = grids.at(row, column / m_shared.groupSize());
        const std::int32_t code =
            quantizeValue(m_weights(row, position), grid, m_shared.options.range, m_shared.options.rounding);
        m_shared.result.codes[static_cast<std::size_t>((m_firstRow + row) * m_cols + column)] =
            static_cast<std::int16_t>(code);
    }
    m_grids.scales.row(row) = grids.scales.row(row);
    m_grids.zeros.row(row) = grids.zeros.row(row);
    ++m_shared.rowsKept;
}

void GptqPanel::writeGrids() {
    if (m_shared.options.grid == GridSharing::PerTensor)
        return;
    const std::int64_t groups = m_shared.groups();
    for (Index row = 0; row < m_rows; ++row)
        for (std::int64_t group = 0; group < groups; ++group) {
            const auto slice = static_cast<std::size_t>((m_firstRow + row) * groups + group);
            m_shared.result.scales[slice] = m_grids.at(row, group).scale;
            m_shared.result.zeroPoints[slice] = m_grids.at(row, group).zeroPoint;
        }
}

} // namespace qs
