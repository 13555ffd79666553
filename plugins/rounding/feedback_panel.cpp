#include "plugins/rounding/feedback_panel.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

/// Multiply-adds between two looks at whether the user has cancelled: about 20 ms.
constexpr std::int64_t kProductWork = std::int64_t{1} << 30;

} // namespace

FeedbackPanel::FeedbackPanel(FeedbackLayer &layer, std::int64_t firstRow, std::int64_t rows,
                             std::int64_t leafColumns)
    : m_layer(layer), m_firstRow(firstRow), m_rows(rows), m_cols(layer.weights.cols), m_weights(rows, m_cols),
      m_errors(rows, m_cols), m_codes(rows, leafColumns) {
    loadWeights();
}

void FeedbackPanel::loadWeights() {
    for (Index position = 0; position < m_cols; ++position) {
        const std::int64_t column = columnAt(position);
        const bool dead = m_layer.factor.dead[static_cast<std::size_t>(column)];
        for (Index row = 0; row < m_rows; ++row)
            m_weights(row, position) = dead ? 0.0f : m_layer.weights(m_firstRow + row, column);
    }
    m_targets = m_weights;
}

/// Rounds columns [begin, end), whose targets hold the feedback of all columns before: the first half, its
/// feedback to the second half, the second half. So most feedback comes in large products.
void FeedbackPanel::runColumns(std::int64_t begin, std::int64_t end) {
    if (cancelled())
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

/// Columns in the first part of `count` columns. What belongs together stays whole as long as there are
/// several of it.
std::int64_t FeedbackPanel::firstHalf(std::int64_t count) const {
    const std::int64_t together = columnsTogether();
    const std::int64_t unit = together > 1 && count > together ? together : m_codes.cols();
    return std::min(count - 1, (count / 2 + unit - 1) / unit * unit);
}

/// Adds the feedback of columns [begin, end) to the targets of columns [end, last), in pieces that let the
/// user cancel.
void FeedbackPanel::spread(std::int64_t begin, std::int64_t end, std::int64_t last) {
    const std::int64_t step = std::max<std::int64_t>(64, kProductWork / (m_rows * (end - begin)));
    for (std::int64_t col = end; col < last && !cancelled(); col += step) {
        const std::int64_t count = std::min(step, last - col);
        m_targets.middleCols(col, count).noalias() +=
            m_errors.middleCols(begin, end - begin) *
            m_layer.factor.feedback.block(begin, col, end - begin, count);
    }
}

void FeedbackPanel::runLeaf(std::int64_t begin, std::int64_t end) {
    for (std::int64_t position = begin; position < end; ++position) {
        roundColumn(position, m_codes.col(position - begin).data());
        for (std::int64_t later = position + 1; later < end; ++later)
            m_targets.col(later) += m_errors.col(position) * m_layer.factor.feedback(position, later);
    }
    for (Index row = 0; row < m_rows; ++row) {
        std::int16_t *codes = m_layer.codes.data() + (m_firstRow + row) * m_cols;
        for (std::int64_t position = begin; position < end; ++position)
            codes[columnAt(position)] = m_codes(row, position - begin);
    }
    const std::int64_t done = m_layer.done += m_rows * (end - begin);
    m_layer.services.progress(done, m_layer.weights.rows * m_cols, "rounding columns");
}

/// Columns [begin, end) as GPTQ's updates would have left them once all columns before `begin` are rounded:
/// the values that, unrounded, make the layer's error smallest. With P = targets − weights of these columns
/// and F their feedback block, that is weights + P F^{-1}. The targets of these columns must hold the
/// feedback of all columns before.
FeedbackPanel::Columns FeedbackPanel::conditionalWeights(std::int64_t begin, std::int64_t end) const {
    const std::int64_t count = end - begin;
    Columns values = m_targets.middleCols(begin, count) - m_weights.middleCols(begin, count);
    m_layer.factor.feedback.block(begin, begin, count, count)
        .triangularView<Eigen::UnitUpper>()
        .solveInPlace<Eigen::OnTheRight>(values);
    return values + m_weights.middleCols(begin, count);
}

} // namespace qs
