#include "plugins/rounding/decoupleq_solver.h"

#include "plugins/rounding/fixed_grid_rounding.h"
#include "plugins/rounding/grid_refit.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

constexpr double kEnoughRows = 1e-4;   ///< share of rows that must improve for another alternation
constexpr double kSmallestRange = 0.2; ///< share of min-max that the range search goes down to

/// One layer on its way: the damped problem, the best codes and grids so far.
class Alternation {
public:
    Alternation(MatrixView<const float> weights, MatrixView<const double> hessian,
                const HessianFactor &factor, const SliceScheme &scheme, const DecoupleQOptions &options,
                const SolverServices &services)
        : m_hessian(hessian.data, hessian.data + hessian.size()),
          m_weights(weights.data, weights.data + weights.size()), m_rows(weights.rows), m_cols(weights.cols),
          m_factor(factor), m_options(options), m_services(services),
          m_best(LayerGrids(scheme, weights.rows, weights.cols)) {
        for (std::int64_t col = 0; col < m_cols; ++col) {
            m_hessian[static_cast<std::size_t>(col * m_cols + col)] += factor.addedToDiagonal;
            if (factor.dead[static_cast<std::size_t>(col)])
                for (std::int64_t row = 0; row < m_rows; ++row)
                    m_weights[static_cast<std::size_t>(row * m_cols + col)] = 0.0f;
        }
    }

    Status run(std::vector<double> &objective) {
        QS_CHECK_OK(start());
        objective.push_back(sumOf(m_errors));
        for (int step = 0; step < m_options.alternations; ++step) {
            QS_TRY(LayerCodes rounded, roundWithFeedback(weights(), m_best.grids, m_factor, m_services));
            QS_TRY(std::int64_t improved, take(rounded));
            QS_TRY(const LayerGrids grids,
                   refitGrids(weights(), m_best, hessian(), !m_options.fixedZero, m_services));
            LayerCodes refitted = m_best;
            refitted.grids = grids;
            QS_TRY(const std::int64_t refits, take(refitted));
            improved += refits;
            objective.push_back(sumOf(m_errors));
            m_services.progress(step + 1, m_options.alternations, "alternating codes and grids");
            if (static_cast<double>(improved) < kEnoughRows * static_cast<double>(m_rows))
                break;
        }
        return {};
    }

    LayerCodes &best() { return m_best; }

private:
    MatrixView<const float> weights() const { return {m_weights.data(), m_rows, m_cols}; }
    MatrixView<const double> hessian() const { return {m_hessian.data(), m_cols, m_cols}; }

    /// Keeps the rows that have become better. \return how many
    Result<std::int64_t> take(const LayerCodes &candidate) {
        QS_TRY(const std::vector<double> errors, rowErrors(weights(), candidate, hessian(), m_services));
        return keepBetterRows(m_best, m_errors, candidate, errors);
    }

    Status start() {
        QS_TRY(m_best, roundToNearest(weights(), rangeGrids(1.0), m_services));
        QS_TRY(m_errors, rowErrors(weights(), m_best, hessian(), m_services));
        for (int i = 1; i < m_options.rangeCandidates; ++i) {
            QS_TRY(const LayerCodes candidate, roundToNearest(weights(), rangeGrids(shareOf(i)), m_services));
            QS_TRY([[maybe_unused]] const std::int64_t taken, take(candidate));
            m_services.progress(i, m_options.rangeCandidates, "trying ranges");
        }
        return {};
    }

    double shareOf(int candidate) const {
        return 1.0 - (1.0 - kSmallestRange) * candidate / m_options.rangeCandidates;
    }

    /// Grids over a share of the range of every slice, widened to hold 0, with exact real zero points.
    LayerGrids rangeGrids(double share) const {
        LayerGrids grids(m_best.grids.scheme, m_rows, m_cols);
        for (std::int64_t row = 0; row < m_rows; ++row)
            for (std::int64_t group = 0; group < grids.groupsPerRow(); ++group) {
                const std::int64_t begin = group * grids.groupSize();
                const auto slice = weights().row(row).subspan(
                    static_cast<std::size_t>(begin),
                    static_cast<std::size_t>(std::min(grids.groupSize(), m_cols - begin)));
                const auto [lowest, highest] = std::minmax_element(slice.begin(), slice.end());
                grids.set(row, group, gridOf(share * *lowest, share * *highest, grids.scheme));
            }
        return grids;
    }

    SliceGrid gridOf(double lo, double hi, const SliceScheme &scheme) const {
        lo = std::min(lo, 0.0);
        hi = std::max(hi, 0.0);
        if (lo == 0.0 && hi == 0.0) {
            lo = -1.0;
            hi = 1.0;
        }
        if (m_options.fixedZero) {
            const double below = *m_options.fixedZero - scheme.range.lowest;
            const double above = scheme.range.highest - *m_options.fixedZero;
            const double scale = std::max(-lo, hi) / std::max(below, above);
            return {storableScale(scale, scheme.float16Scales), static_cast<float>(*m_options.fixedZero)};
        }
        const float scale =
            storableScale((hi - lo) / (scheme.range.highest - scheme.range.lowest), scheme.float16Scales);
        // Beyond the codes only when a float16 scale cannot span the range.
        const double zero =
            std::clamp<double>(scheme.range.lowest - lo / scale, scheme.range.lowest, scheme.range.highest);
        return {scale, storableZero(zero, scheme.float16Scales)};
    }

    std::vector<double> m_hessian; ///< damped
    std::vector<float> m_weights;  ///< dead columns zeroed
    const std::int64_t m_rows, m_cols;
    const HessianFactor &m_factor;
    const DecoupleQOptions &m_options;
    const SolverServices &m_services;
    LayerCodes m_best;
    std::vector<double> m_errors; ///< damped, of m_best
};

} // namespace

Result<DecoupleQResult> solveDecoupleQ(MatrixView<const float> weights, SliceScheme scheme,
                                       MatrixView<const double> hessian, const DecoupleQOptions &options,
                                       const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_TRY(const HessianFactor factor, factorHessian(hessian, {options.actOrder, options.damping}, services));
    SliceScheme real = scheme;
    real.realZeros = true;
    Alternation alternation(weights, hessian, factor, real, options, services);
    DecoupleQResult result{LayerCodes(LayerGrids(real, weights.rows, weights.cols)), {}, {}};
    QS_CHECK_OK(alternation.run(result.objective));
    result.layer = std::move(alternation.best());
    QS_TRY(result.rowErrors, rowErrors(weights, result.layer, hessian, services));
    if (options.keepBest) {
        QS_TRY(LayerGrids grids, fitGrids(weights, scheme, services));
        QS_TRY(const LayerCodes nearest, roundToNearest(weights, std::move(grids), services));
        QS_TRY(const std::vector<double> errors, rowErrors(weights, nearest, hessian, services));
        result.rowsKept = keepBetterRows(result.layer, result.rowErrors, nearest, errors);
    }
    return result;
}

} // namespace qs
