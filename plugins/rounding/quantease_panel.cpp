#include "plugins/rounding/quantease_panel.h"

#include "plugins/rounding/column_rounding.h"

#include <algorithm>
#include <limits>

namespace qs {
namespace {

using Eigen::Index;

constexpr Index kBlockColumns = 256; ///< columns whose pulls come from one product
constexpr Index kLeafColumns = 32;   ///< columns that are set one by one between two products
/// Multiply-adds between two looks at whether the user has cancelled: about 20 ms.
constexpr Index kProductWork = Index{1} << 30;

/// One column of the panel: all pointers run over its rows.
struct ColumnStep {
    const float *weight;
    const float *pull;
    const float *scale;
    const float *zero;
    std::int16_t *codes;
    float *error;
    float *delta;
    double *rowError;
    double diagonal; ///< H_jj
};

/// Changing the error of one column by δ changes d H dᵀ by H_jj δ (δ + 2 (pull + error)).
void moveError(const ColumnStep &step, Index row, float error) {
    const double old = step.error[row];
    const double delta = error - old;
    step.rowError[row] += step.diagonal * delta * (delta + 2 * (step.pull[row] + old));
    step.delta[row] = error - step.error[row];
    step.error[row] = error;
}

template <RoundingMode Mode, bool RealZeros>
std::int64_t roundColumn(const ColumnStep &step, CodeRange range, Index rows) {
    std::int64_t changed = 0;
    for (Index row = 0; row < rows; ++row) {
        const float target = step.weight[row] + step.pull[row];
        const std::int32_t code = gridCode<Mode, RealZeros>(target, step.scale[row], step.zero[row], range);
        const float value = step.scale[row] * (static_cast<float>(code) - step.zero[row]);
        changed += code != step.codes[row] ? 1 : 0;
        step.codes[row] = static_cast<std::int16_t>(code);
        moveError(step, row, step.weight[row] - value);
    }
    return changed;
}

void relaxColumn(const ColumnStep &step, Index rows) {
    for (Index row = 0; row < rows; ++row)
        moveError(step, row, -step.pull[row]);
}

} // namespace

QuantEasePanel::QuantEasePanel(MatrixView<const float> weights, const ColumnCoupling &coupling,
                               const LayerGrids &grids, const SolverServices &services, std::int64_t firstRow,
                               std::int64_t rows)
    : m_layer(weights), m_coupling(coupling), m_scheme(grids.scheme), m_services(services),
      m_firstRow(firstRow), m_rows(rows), m_cols(weights.cols), m_groupSize(grids.groupSize()),
      m_weights(rows, m_cols), m_errors(Columns::Zero(rows, m_cols)),
      m_codes(Codes::Constant(rows, m_cols, std::numeric_limits<std::int16_t>::min())),
      m_deltas(rows, std::min(kLeafColumns, m_cols)), m_rowErrors(Eigen::VectorXd::Zero(rows)) {
    for (Index position = 0; position < m_cols; ++position)
        for (Index row = 0; row < m_rows; ++row)
            m_weights(row, position) = m_layer(m_firstRow + row, columnAt(position));
    loadGrids(grids);
}

void QuantEasePanel::loadGrids(const LayerGrids &grids) {
    m_scales.resize(m_rows, grids.groupsPerRow());
    m_zeros.resize(m_rows, grids.groupsPerRow());
    for (Index row = 0; row < m_rows; ++row)
        for (Index group = 0; group < grids.groupsPerRow(); ++group) {
            const SliceGrid grid = grids.at(m_firstRow + row, group);
            m_scales(row, group) = grid.scale;
            m_zeros(row, group) = grid.zero;
        }
}

void QuantEasePanel::startFrom(const LayerCodes &layer, const std::vector<double> &errors) {
    for (Index position = 0; position < m_cols; ++position) {
        const Index column = columnAt(position);
        for (Index row = 0; row < m_rows; ++row) {
            const std::int16_t code =
                layer.codes[static_cast<std::size_t>((m_firstRow + row) * m_cols + column)];
            const Index group = column / m_groupSize;
            m_codes(row, position) = code;
            m_errors(row, position) =
                m_weights(row, position) - valueOf(code, {m_scales(row, group), m_zeros(row, group)});
        }
    }
    for (Index row = 0; row < m_rows; ++row)
        m_rowErrors[row] = errors[static_cast<std::size_t>(m_firstRow + row)];
}

std::int64_t QuantEasePanel::sweep(bool relaxed) {
    m_changed = 0;
    for (Index begin = 0; begin < m_cols && !m_services.cancelled(); begin += kBlockColumns) {
        const Index end = std::min(begin + kBlockColumns, m_cols);
        multiply(begin, end, m_pulls);
        sweepBlock(begin, end, relaxed);
    }
    return m_changed;
}

/// Pulls of columns [begin, end), in pieces that let the user cancel.
void QuantEasePanel::multiply(std::int64_t begin, std::int64_t end, Columns &dst) const {
    dst.setZero(m_rows, end - begin);
    const Index step = std::max<Index>(kBlockColumns, kProductWork / (m_rows * (end - begin)));
    for (Index first = 0; first < m_cols && !m_services.cancelled(); first += step) {
        const Index count = std::min(step, m_cols - first);
        dst.noalias() +=
            m_errors.middleCols(first, count) * m_coupling.pull.block(first, begin, count, end - begin);
    }
}

/// Sets the columns of a block whose pulls are known; what a leaf of columns changed goes to the pulls of the
/// rest of the block in one product.
void QuantEasePanel::sweepBlock(std::int64_t begin, std::int64_t end, bool relaxed) {
    for (Index leaf = begin; leaf < end && !m_services.cancelled(); leaf += kLeafColumns) {
        const Index leafEnd = std::min(leaf + kLeafColumns, end);
        for (Index position = leaf; position < leafEnd; ++position) {
            setColumn(position, begin, leaf, relaxed);
            for (Index later = position + 1; later < leafEnd; ++later)
                m_pulls.col(later - begin) +=
                    m_deltas.col(position - leaf) * m_coupling.pull(position, later);
        }
        if (leafEnd < end)
            m_pulls.middleCols(leafEnd - begin, end - leafEnd).noalias() +=
                m_deltas.leftCols(leafEnd - leaf) *
                m_coupling.pull.block(leaf, leafEnd, leafEnd - leaf, end - leafEnd);
    }
}

void QuantEasePanel::setColumn(std::int64_t position, std::int64_t blockBegin, std::int64_t leafBegin,
                               bool relaxed) {
    const Index group = columnAt(position) / m_groupSize;
    const ColumnStep step{m_weights.col(position).data(),
                          m_pulls.col(position - blockBegin).data(),
                          m_scales.col(group).data(),
                          m_zeros.col(group).data(),
                          m_codes.col(position).data(),
                          m_errors.col(position).data(),
                          m_deltas.col(position - leafBegin).data(),
                          m_rowErrors.data(),
                          m_coupling.diagonal[position]};
    if (relaxed)
        return relaxColumn(step, m_rows);
    m_changed +=
        withRounding(m_scheme.rounding, m_scheme.realZeros, [&]<RoundingMode Mode, bool RealZeros>() {
            return roundColumn<Mode, RealZeros>(step, m_scheme.range, m_rows);
        });
}

void QuantEasePanel::copyCodes(std::int64_t row, LayerCodes &dst) const {
    std::int16_t *codes = dst.codes.data() + (m_firstRow + row) * m_cols;
    for (Index position = 0; position < m_cols; ++position)
        codes[columnAt(position)] = m_codes(row, position);
}

void QuantEasePanel::setOutliers(MatrixView<const float> outliers) {
    for (Index position = 0; position < m_cols; ++position) {
        const Index column = columnAt(position);
        for (Index row = 0; row < m_rows; ++row) {
            const float weight = m_layer(m_firstRow + row, column) - outliers(m_firstRow + row, column);
            m_errors(row, position) += weight - m_weights(row, position);
            m_weights(row, position) = weight;
        }
    }
}

void QuantEasePanel::startWithOutliers(MatrixView<const float> outliers) {
    setOutliers(outliers);
    m_errors.setZero();
}

void QuantEasePanel::addDescent(double step, MatrixView<float> dst) const {
    Columns pulls;
    for (Index begin = 0; begin < m_cols && !m_services.cancelled(); begin += kBlockColumns) {
        const Index end = std::min(begin + kBlockColumns, m_cols);
        multiply(begin, end, pulls);
        for (Index position = begin; position < end; ++position) {
            const double factor = step * m_coupling.diagonal[position];
            for (Index row = 0; row < m_rows; ++row)
                dst(m_firstRow + row, columnAt(position)) += static_cast<float>(
                    factor * (static_cast<double>(pulls(row, position - begin)) + m_errors(row, position)));
        }
    }
}

} // namespace qs
