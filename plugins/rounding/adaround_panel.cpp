#include "plugins/rounding/adaround_panel.h"

#include <algorithm>

namespace qs {
namespace {

using Eigen::Index;

constexpr float kStretchLow = -0.1f, kStretchHigh = 1.1f; ///< h = clip(σ(V) (high − low) + low, 0, 1)
constexpr float kEpsilon = 1e-8f;                         ///< of Adam
constexpr float kStretch = kStretchHigh - kStretchLow;
/// Multiply-adds between two looks at whether the user has cancelled: about 20 ms.
constexpr Index kProductWork = Index{1} << 30;

} // namespace

AdaRoundPanel::AdaRoundPanel(const AdaRoundShared &shared, std::int64_t firstRow, std::int64_t rows)
    : m_shared(shared), m_firstRow(firstRow), m_rows(rows), m_cols(shared.weights.cols),
      m_groupSize(shared.grids.groupSize()), m_lowest(static_cast<float>(shared.grids.scheme.range.lowest)),
      m_highest(static_cast<float>(shared.grids.scheme.range.highest)),
      m_scales(rows, shared.grids.groupsPerRow()), m_zeros(rows, shared.grids.groupsPerRow()),
      m_weights(rows, m_cols), m_floors(rows, m_cols), m_logits(rows, m_cols), m_differences(rows, m_cols),
      m_gradients(rows, m_cols), m_lambda(rows), m_adam(static_cast<std::size_t>(rows * m_cols), kEpsilon) {
    load();
}

/// Directions start where the soft codes stand for the weights themselves.
void AdaRoundPanel::load() {
    for (Index row = 0; row < m_rows; ++row) {
        m_lambda[row] = static_cast<float>(m_shared.lambda[static_cast<std::size_t>(m_firstRow + row)]);
        for (Index group = 0; group < m_scales.cols(); ++group) {
            const SliceGrid grid = m_shared.grids.at(m_firstRow + row, group);
            m_scales(row, group) = grid.scale;
            m_zeros(row, group) = grid.zero;
        }
        for (Index col = 0; col < m_cols; ++col) {
            const SliceGrid grid = m_shared.grids.at(m_firstRow + row, col / m_groupSize);
            const double scaled = static_cast<double>(m_shared.weights(m_firstRow + row, col)) / grid.scale;
            const double floor = std::floor(scaled);
            m_weights(row, col) = m_shared.weights(m_firstRow + row, col);
            m_floors(row, col) = static_cast<float>(floor) + grid.zero;
            m_logits(row, col) =
                static_cast<float>(-std::log(kStretch / (scaled - floor - kStretchLow) - 1.0));
        }
    }
}

void AdaRoundPanel::step(int iteration) {
    const AdaRoundOptions &options = m_shared.options;
    makeDifference();
    const Index step = std::max<Index>(32, kProductWork / (m_rows * m_cols));
    for (Index col = 0; col < m_cols && !m_shared.services.cancelled(); col += step) {
        const Index count = std::min(step, m_cols - col);
        m_gradients.middleCols(col, count).noalias() =
            m_differences * m_shared.hessian.middleCols(col, count);
    }
    const double warm = options.warmUp * options.iterations;
    const double progress = (iteration - warm) / (options.iterations - warm);
    const double beta = options.betaEnd + (options.betaStart - options.betaEnd) * (1.0 - progress);
    m_adam.nextStep();
    for (Index col = 0; col < m_cols && !m_shared.services.cancelled(); ++col)
        updateColumn(col, iteration > warm ? static_cast<float>(beta) : 0.0f);
}

/// Q − W for the soft codes, divided by λ of the row: so gradients have the size of those of the regularizer.
void AdaRoundPanel::makeDifference() {
    for (Index col = 0; col < m_cols; ++col) {
        const Column soft =
            (m_logits.col(col).array().logistic() * kStretch + kStretchLow).max(0.0f).min(1.0f);
        const Column codes = (m_floors.col(col).array() + soft).max(m_lowest).min(m_highest);
        m_differences.col(col) =
            ((codes - grid(m_zeros, col)) * grid(m_scales, col) - m_weights.col(col).array()) / m_lambda;
    }
}

/// \param beta  sharpness of the regularizer; 0 = none
void AdaRoundPanel::updateColumn(Index col, float beta) {
    const Column logistic = m_logits.col(col).array().logistic();
    const Column stretched = logistic * kStretch + kStretchLow;
    const Column soft = stretched.max(0.0f).min(1.0f);
    const Column codes = m_floors.col(col).array() + soft;
    const Column zero = Column::Zero(m_rows);
    const Column slope =
        ((stretched > 0.0f) && (stretched < 1.0f)).select(logistic * (1.0f - logistic) * kStretch, zero);
    Column gradient = ((codes >= m_lowest) && (codes <= m_highest))
                          .select(m_gradients.col(col).array() * grid(m_scales, col), zero);
    if (beta > 0.0f) {
        const Column centred = 2.0f * soft - 1.0f;
        gradient -= 2.0f * beta * centred.sign() * (centred.abs().max(1e-20f).log() * (beta - 1.0f)).exp();
    }
    m_logits.col(col).array() += static_cast<float>(m_shared.options.learningRate) *
                                 m_adam.change(static_cast<std::size_t>(col * m_rows), gradient * slope);
}

std::int64_t AdaRoundPanel::store() const {
    std::int64_t decided = 0;
    for (Index row = 0; row < m_rows; ++row) {
        std::int16_t *codes = m_shared.result.codes.data() + (m_firstRow + row) * m_cols;
        for (Index col = 0; col < m_cols; ++col) {
            const float logit = m_logits(row, col);
            const float soft = kStretch / (1.0f + std::exp(-logit)) + kStretchLow;
            const float code = m_floors(row, col) + (logit >= 0.0f ? 1.0f : 0.0f);
            codes[col] = static_cast<std::int16_t>(std::clamp(code, m_lowest, m_highest));
            decided += soft < 0.02f || soft > 0.98f ? 1 : 0;
        }
    }
    return decided;
}

} // namespace qs
