#include "plugins/rounding/grid_refit.h"

#include "core/tensor/convert.h"
#include "plugins/support/run_blocks.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

using Eigen::Index;
using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kRows = 32;             ///< rows whose products are made together
constexpr Index kWork = Index{1} << 28; ///< multiply-adds between two looks at Cancel: about 10 ms
constexpr double kRidge = 1e-10; ///< share of the diagonal: groups of one code change as little as possible

/// Normal equations of a few rows. Unknowns of a row: how the scale of each group changes, then how the
/// offset −s z of each group changes.
class RowsRefit {
public:
    RowsRefit(MatrixView<const float> weights, const LayerCodes &layer, MatrixView<const double> hessian,
              const RowMajorD &onesTimesHessian, bool withZeros, const SolverServices &services)
        : m_weights(weights), m_layer(layer), m_hessian(hessian.data, hessian.rows, hessian.cols),
          m_ones(onesTimesHessian), m_withZeros(withZeros), m_services(services),
          m_groups(layer.grids.groupsPerRow()), m_groupSize(layer.grids.groupSize()) {}

    void run(Index first, Index last, LayerGrids &dst) {
        load(first, last);
        const Index unknowns = m_withZeros ? 2 * m_groups : m_groups;
        m_matrices.assign(static_cast<std::size_t>(last - first), Eigen::MatrixXd::Zero(unknowns, unknowns));
        for (Index group = 0; group < m_groups && !m_services.cancelled(); ++group)
            addGroup(group);
        const RowMajorD pulls = product(m_difference, 0, m_weights.cols);
        for (Index row = 0; row < last - first && !m_services.cancelled(); ++row)
            solveRow(first, row, pulls, dst);
    }

private:
    /// Codes less their zero points, so that they and ones are far from parallel, and w − q.
    void load(Index first, Index last) {
        m_steps.resize(last - first, m_weights.cols);
        m_difference.resize(last - first, m_weights.cols);
        for (Index row = first; row < last; ++row)
            for (Index col = 0; col < m_weights.cols; ++col) {
                const SliceGrid grid = m_layer.grids.at(row, col / m_groupSize);
                const std::int16_t code = m_layer.codes[static_cast<std::size_t>(row * m_weights.cols + col)];
                m_steps(row - first, col) = static_cast<double>(code) - grid.zero;
                m_difference(row - first, col) =
                    static_cast<double>(m_weights(row, col)) - valueOf(code, grid);
            }
    }

    Index begin(Index group) const { return group * m_groupSize; }
    Index count(Index group) const { return std::min(m_groupSize, m_weights.cols - begin(group)); }

    /// Columns [first, first + size) of rows times those rows of the Hessian, in pieces that let the user
    /// cancel.
    RowMajorD product(const RowMajorD &rows, Index first, Index size) const {
        RowMajorD result = RowMajorD::Zero(rows.rows(), m_weights.cols);
        const Index step = std::max<Index>(8, kWork / (rows.rows() * size));
        for (Index col = 0; col < m_weights.cols && !m_services.cancelled(); col += step) {
            const Index width = std::min(step, m_weights.cols - col);
            result.middleCols(col, width).noalias() =
                rows.middleCols(first, size) * m_hessian.block(first, col, size, width);
        }
        return result;
    }

    /// The columns of the normal equations that belong to the scale and the offset of one group.
    void addGroup(Index group) {
        const RowMajorD spread = product(m_steps, begin(group), count(group));
        for (Index row = 0; row < spread.rows(); ++row) {
            Eigen::MatrixXd &matrix = m_matrices[static_cast<std::size_t>(row)];
            for (Index other = 0; other < m_groups; ++other) {
                const auto part = spread.row(row).segment(begin(other), count(other));
                matrix(other, group) = part.dot(m_steps.row(row).segment(begin(other), count(other)));
                if (!m_withZeros)
                    continue;
                matrix(m_groups + other, group) = matrix(group, m_groups + other) = part.sum();
                matrix(m_groups + other, m_groups + group) =
                    m_ones.row(group).segment(begin(other), count(other)).sum();
            }
        }
    }

    void solveRow(Index first, Index row, const RowMajorD &pulls, LayerGrids &dst) {
        Eigen::MatrixXd &matrix = m_matrices[static_cast<std::size_t>(row)];
        Eigen::VectorXd right(matrix.rows());
        for (Index group = 0; group < m_groups; ++group) {
            const auto part = pulls.row(row).segment(begin(group), count(group));
            right[group] = part.dot(m_steps.row(row).segment(begin(group), count(group)));
            if (m_withZeros)
                right[m_groups + group] = part.sum();
        }
        matrix.diagonal() *= 1.0 + kRidge;
        matrix.diagonal().array() += std::numeric_limits<double>::min();
        const Eigen::VectorXd change = matrix.ldlt().solve(right);
        if (change.allFinite())
            takeOver(first + row, change, dst);
    }

    void takeOver(Index row, const Eigen::VectorXd &change, LayerGrids &dst) const {
        std::vector<SliceGrid> grids;
        for (Index group = 0; group < m_groups; ++group) {
            const SliceGrid old = m_layer.grids.at(row, group);
            const double scale = old.scale + change[group];
            if (!(scale > 0.0))
                return;
            const float stored = storableScale(scale, m_layer.grids.scheme.float16Scales);
            // Steps count from the old zero point: value = scale (code − old zero) + offset.
            const float zero = m_withZeros ? storableZero(old.zero - change[m_groups + group] / scale,
                                                          m_layer.grids.scheme.float16Scales)
                                           : old.zero;
            if (!std::isfinite(zero))
                return;
            grids.push_back({stored, zero});
        }
        for (Index group = 0; group < m_groups; ++group)
            dst.set(row, group, grids[static_cast<std::size_t>(group)]);
    }

    const MatrixView<const float> m_weights;
    const LayerCodes &m_layer;
    const Eigen::Map<const Eigen::MatrixXd>
        m_hessian; ///< symmetric, so that its memory order does not matter
    const RowMajorD &m_ones;
    const bool m_withZeros;
    const SolverServices &m_services;
    const Index m_groups, m_groupSize;
    RowMajorD m_steps, m_difference; ///< [rows, cols]
    std::vector<Eigen::MatrixXd> m_matrices;
};

/// Sums of the rows of the Hessian of every group: [groups, cols].
RowMajorD groupSums(MatrixView<const double> hessian, const LayerGrids &grids) {
    RowMajorD sums = RowMajorD::Zero(grids.groupsPerRow(), hessian.cols);
    for (Index row = 0; row < hessian.rows; ++row)
        sums.row(row / grids.groupSize()) +=
            Eigen::Map<const Eigen::RowVectorXd>(hessian.row(row).data(), hessian.cols);
    return sums;
}

} // namespace

float storableScale(double scale, bool asFloat16) {
    if (asFloat16)
        return float16ToFloat(floatToFloat16(static_cast<float>(std::clamp(scale, 6e-8, 6.5e4))));
    return static_cast<float>(std::clamp<double>(scale, std::numeric_limits<float>::min(), 1e38));
}

float storableZero(double zero, bool asFloat16) {
    const float rounded = static_cast<float>(zero);
    return asFloat16 ? float16ToFloat(floatToFloat16(rounded)) : rounded;
}

Result<LayerGrids> refitGrids(MatrixView<const float> weights, const LayerCodes &layer,
                              MatrixView<const double> hessian, bool withZeros,
                              const SolverServices &services) {
    LayerGrids grids = layer.grids;
    const RowMajorD ones = groupSums(hessian, grids);
    QS_CHECK_OK(runBlocks(weights.rows, kRows, services, [&](Index first, Index last) {
        RowsRefit(weights, layer, hessian, ones, withZeros, services).run(first, last, grids);
    }));
    return grids;
}

Result<LayerGrids> fitScalesToWeights(MatrixView<const float> weights, const LayerCodes &layer,
                                      const SolverServices &services) {
    LayerGrids grids = layer.grids;
    const Index groups = grids.groupsPerRow(), size = grids.groupSize();
    QS_CHECK_OK(runBlocks(weights.rows, kRows, services, [&](Index first, Index last) {
        std::vector<float> values(static_cast<std::size_t>(weights.cols));
        for (Index row = first; row < last; ++row) {
            layer.values(row, values);
            for (Index group = 0; group < groups; ++group) {
                double match = 0, energy = 0;
                for (Index col = group * size; col < std::min(weights.cols, (group + 1) * size); ++col) {
                    const double value = values[static_cast<std::size_t>(col)];
                    match += weights(row, col) * value;
                    energy += value * value;
                }
                const SliceGrid grid = grids.at(row, group);
                if (match > 0 && energy > 0)
                    grids.set(
                        row, group,
                        {storableScale(grid.scale * match / energy, grids.scheme.float16Scales), grid.zero});
            }
        }
    }));
    return grids;
}

} // namespace qs
