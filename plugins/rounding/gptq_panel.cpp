#include "plugins/rounding/gptq_panel.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

/// Columns that are rounded one by one between two matrix products; fewer if the block size is smaller.
constexpr std::int64_t kLeafColumns = 32;
/// Multiply-adds between two looks at whether the user has cancelled: about 20 ms.
constexpr std::int64_t kProductWork = std::int64_t{1} << 30;

/// One column of the panel: all pointers run over its rows.
struct ColumnStep {
    const float *target;
    const float *weight;
    const float *scale;
    const int *zeroPoint;
    std::int16_t *codes;
    float *error;
    double diagonal; ///< R_jj
    double *dampedError;
    double *squaredError;
};

/// The rounding mode is a constant here, so that the loop has no branch in it.
template <RoundingMode Mode>
void roundColumn(const ColumnStep &step, CodeRange range, Index rows) {
    for (Index row = 0; row < rows; ++row) {
        const ScaleZero grid{step.scale[row], step.zeroPoint[row]};
        const std::int32_t code = quantizeValue(step.target[row], grid, range, Mode);
        const float value = dequantizeValue(code, grid);
        const double missed = (static_cast<double>(step.target[row]) - value) * step.diagonal;
        step.codes[row] = static_cast<std::int16_t>(code);
        step.error[row] = step.weight[row] - value;
        step.dampedError[row] += missed * missed;
        step.squaredError[row] += static_cast<double>(step.error[row]) * step.error[row];
    }
}

void roundColumn(const ColumnStep &step, CodeRange range, RoundingMode mode, Index rows) {
    switch (mode) {
    case RoundingMode::HalfEven:
        return roundColumn<RoundingMode::HalfEven>(step, range, rows);
    case RoundingMode::HalfAway:
        return roundColumn<RoundingMode::HalfAway>(step, range, rows);
    case RoundingMode::Floor:
        return roundColumn<RoundingMode::Floor>(step, range, rows);
    }
}

} // namespace

GptqPanel::GptqPanel(GptqShared &shared, std::int64_t firstRow, std::int64_t rows)
    : m_shared(shared), m_firstRow(firstRow), m_rows(rows), m_cols(shared.weights.cols),
      m_weights(rows, m_cols), m_errors(rows, m_cols),
      m_codes(rows, std::min(shared.options.blockSize, kLeafColumns)), m_grids{Columns(rows, shared.groups()),
                                                                               Eigen::MatrixXi(
                                                                                   rows, shared.groups())},
      m_dampedError(Eigen::VectorXd::Zero(rows)), m_squaredError(Eigen::VectorXd::Zero(rows)) {}

void GptqPanel::run() {
    loadWeights();
    if (!m_shared.dynamicGroups())
        m_grids = originalGrids();
    m_targets = m_weights;
    if (m_shared.options.referenceCompat)
        runAsReference();
    else
        runColumns(0, m_cols);
    if (m_shared.services.cancelled())
        return;
    for (Index row = 0; row < m_rows; ++row)
        m_shared.report.rowError[static_cast<std::size_t>(m_firstRow + row)] = m_dampedError[row];
    if (m_shared.options.keepBest)
        keepBetterRows();
    writeGrids();
}

void GptqPanel::loadWeights() {
    for (Index position = 0; position < m_cols; ++position) {
        const auto column = m_shared.factor.order[static_cast<std::size_t>(position)];
        const bool dead = m_shared.factor.dead[static_cast<std::size_t>(column)];
        for (Index row = 0; row < m_rows; ++row)
            m_weights(row, position) = dead ? 0.0f : m_shared.weights(m_firstRow + row, column);
    }
}

void GptqPanel::Grids::set(Index row, Index group, ScaleZero grid) {
    scales(row, group) = grid.scale;
    zeroPoints(row, group) = grid.zeroPoint;
}

/// Grids of the tensor, of rows or of groups of columns in their own order, fitted to the weights before any
/// rounding.
GptqPanel::Grids GptqPanel::originalGrids() const {
    Grids grids{Columns(m_rows, m_shared.groups()), Eigen::MatrixXi(m_rows, m_shared.groups())};
    const bool withDead = m_shared.options.referenceCompat && m_shared.options.grid == GptqGrid::PerRow;
    std::vector<float> values(static_cast<std::size_t>(m_cols));
    for (Index row = 0; row < m_rows && !m_shared.services.cancelled(); ++row) {
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
                      m_shared.options.grid == GptqGrid::PerTensor ? m_shared.tensorGrid
                                                                   : m_shared.services.fitGrid(slice));
        }
    }
    return grids;
}

std::int64_t GptqPanel::groupAt(std::int64_t position) const {
    const bool inProcessingOrder = m_shared.dynamicGroups();
    const std::int64_t column =
        inProcessingOrder ? position : m_shared.factor.order[static_cast<std::size_t>(position)];
    return column / m_shared.groupSize();
}

/// The authors' order of work: blocks of columns, the rest updated after each.
void GptqPanel::runAsReference() {
    for (std::int64_t begin = 0; begin < m_cols && !m_shared.services.cancelled();
         begin += m_shared.options.blockSize) {
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

/// Rounds columns [begin, end), whose targets hold the feedback of all columns before: the first half, its
/// feedback to the second half, the second half. So most feedback comes in large products.
void GptqPanel::runColumns(std::int64_t begin, std::int64_t end) {
    if (m_shared.services.cancelled())
        return;
    const std::int64_t count = end - begin;
    if (count <= m_codes.cols()) {
        runLeaf(begin, end);
    } else {
        const std::int64_t middle = begin + firstHalf(count);
        runColumns(begin, middle);
        spread(begin, middle, end);
        runColumns(middle, end);
    }
}

/// Columns in the first part of `count` columns. Groups stay whole as long as there are several: the targets
/// of a group must be complete when its grid is fitted.
std::int64_t GptqPanel::firstHalf(std::int64_t count) const {
    const bool cutsGroups = m_shared.dynamicGroups() && !m_shared.options.referenceCompat;
    const std::int64_t unit =
        cutsGroups && count > m_shared.groupSize() ? m_shared.groupSize() : m_codes.cols();
    return std::min(count - 1, (count / 2 + unit - 1) / unit * unit);
}

/// Adds the feedback of columns [begin, end) to the targets of columns [end, last), in pieces that let the
/// user cancel.
void GptqPanel::spread(std::int64_t begin, std::int64_t end, std::int64_t last) {
    const std::int64_t step = std::max<std::int64_t>(64, kProductWork / (m_rows * (end - begin)));
    for (std::int64_t col = end; col < last && !m_shared.services.cancelled(); col += step) {
        const std::int64_t count = std::min(step, last - col);
        m_targets.middleCols(col, count).noalias() +=
            m_errors.middleCols(begin, end - begin) *
            m_shared.factor.feedback.block(begin, col, end - begin, count);
    }
}

void GptqPanel::runLeaf(std::int64_t begin, std::int64_t end) {
    for (std::int64_t position = begin; position < end; ++position) {
        if (m_shared.dynamicGroups() && position % m_shared.groupSize() == 0)
            fitGroup(position);
        quantizeColumn(position, begin);
        for (std::int64_t later = position + 1; later < end; ++later)
            m_targets.col(later) += m_errors.col(position) * m_shared.factor.feedback(position, later);
    }
    for (Index row = 0; row < m_rows; ++row) {
        std::int16_t *codes = m_shared.result.codes.data() + (m_firstRow + row) * m_cols;
        for (std::int64_t position = begin; position < end; ++position)
            codes[m_shared.factor.order[static_cast<std::size_t>(position)]] = m_codes(row, position - begin);
    }
    const std::int64_t done = m_shared.done += m_rows * (end - begin);
    m_shared.services.progress(done, m_shared.weights.rows * m_cols, "rounding columns");
}

void GptqPanel::quantizeColumn(std::int64_t position, std::int64_t leafBegin) {
    const std::int64_t group = groupAt(position);
    const ColumnStep step{m_targets.col(position).data(),
                          m_weights.col(position).data(),
                          m_grids.scales.col(group).data(),
                          m_grids.zeroPoints.col(group).data(),
                          m_codes.col(position - leafBegin).data(),
                          m_errors.col(position).data(),
                          m_shared.factor.diagonal[position],
                          m_dampedError.data(),
                          m_squaredError.data()};
    roundColumn(step, m_shared.options.range, m_shared.options.rounding, m_rows);
}

/// Fits the grids of the group that starts here to the weights as the rounding so far has left them.
void GptqPanel::fitGroup(std::int64_t position) {
    const std::int64_t count = std::min(m_shared.groupSize(), m_cols - position);
    const Columns values = m_shared.options.referenceCompat
                               ? Columns(m_stale.middleCols(position - m_staleBegin, count))
                               : conditionalWeights(position, position + count);
    std::vector<float> slice(static_cast<std::size_t>(count));
    for (Index row = 0; row < m_rows && !m_shared.services.cancelled(); ++row) {
        for (Index col = 0; col < count; ++col)
            slice[static_cast<std::size_t>(col)] = values(row, col);
        m_grids.set(row, position / m_shared.groupSize(), m_shared.services.fitGrid(slice));
    }
}

/// Columns [begin, end) as GPTQ's updates would have left them once all columns before `begin` are rounded:
/// the values that, unrounded, make the layer's error smallest. With P = targets − weights of these columns
/// and F their feedback block, that is weights + P F^{-1}. The targets of these columns must hold the
/// feedback of all columns before.
GptqPanel::Columns GptqPanel::conditionalWeights(std::int64_t begin, std::int64_t end) const {
    const std::int64_t count = end - begin;
    Columns values = m_targets.middleCols(begin, count) - m_weights.middleCols(begin, count);
    m_shared.factor.feedback.block(begin, begin, count, count)
        .triangularView<Eigen::UnitUpper>()
        .solveInPlace<Eigen::OnTheRight>(values);
    return values + m_weights.middleCols(begin, count);
}

/// Goes back to round-to-nearest in the rows where that has the smaller error under the undamped Hessian.
void GptqPanel::keepBetterRows() {
    const Grids grids = originalGrids();
    if (m_shared.services.cancelled())
        return;
    const GptqOptions &options = m_shared.options;
    Columns errors(m_rows, m_cols);
    for (Index position = 0; position < m_cols; ++position) {
        const Index group = m_shared.factor.order[static_cast<std::size_t>(position)] / m_shared.groupSize();
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
        const Index column = m_shared.factor.order[static_cast<std::size_t>(position)];
        const ScaleZero grid = grids.at(row, column / m_shared.groupSize());
        const std::int32_t code =
            quantizeValue(m_weights(row, position), grid, m_shared.options.range, m_shared.options.rounding);
        m_shared.result.codes[static_cast<std::size_t>((m_firstRow + row) * m_cols + column)] =
            static_cast<std::int16_t>(code);
    }
    m_grids.scales.row(row) = grids.scales.row(row);
    m_grids.zeroPoints.row(row) = grids.zeroPoints.row(row);
    ++m_shared.rowsKept;
}

void GptqPanel::writeGrids() {
    if (m_shared.options.grid == GptqGrid::PerTensor)
        return;
    const std::int64_t groups = m_shared.groups();
    for (Index row = 0; row < m_rows; ++row)
        for (std::int64_t group = 0; group < groups; ++group) {
            const auto slice = static_cast<std::size_t>((m_firstRow + row) * groups + group);
            m_shared.result.scales[slice] = m_grids.scales(row, group);
            m_shared.result.zeroPoints[slice] = m_grids.zeroPoints(row, group);
        }
}

} // namespace qs
