#include "plugins/transform/affine_solver.h"

#include "plugins/transform/smooth_scale.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

namespace qs {
namespace {

using Eigen::Index;
using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows between two looks at whether the user has cancelled.
constexpr Index kBlockRows = 128;
constexpr double kLeastDiagonal = 1e-2;
constexpr double kMostOthers = 0.95; ///< share of the diagonal that the rest of a row may reach
constexpr double kFirstMoment = 0.9, kSecondMoment = 0.999, kTiny = 1e-12;

SquareMatrix weightsOf(const SiteReader &reader) {
    return Eigen::Map<const RowMajorF>(reader.weights.data, reader.weights.rows, reader.weights.cols)
        .cast<double>();
}

SquareMatrix rounded(std::size_t index, const SquareMatrix &weights, const TransformServices &services) {
    const RowMajorF values = weights.cast<float>();
    RowMajorF result(values.rows(), values.cols());
    const auto size = static_cast<std::size_t>(values.size());
    services.quantize(index, {values.data(), size}, {result.data(), size});
    return result.cast<double>();
}

/// Adds to `gradient` what changes through the step size of a row: Q(w) = s · code, so its derivative by s is
/// the rounding error over s, and s follows the ends of the row.
void addGridGradient(const SquareMatrix &weights, const SquareMatrix &values, const SquareMatrix &direct,
                     SquareMatrix &gradient) {
    for (Index row = 0; row < weights.rows(); ++row) {
        Index highest = 0, lowest = 0;
        const double hi = weights.row(row).maxCoeff(&highest), lo = weights.row(row).minCoeff(&lowest);
        const double width = std::max(hi, 0.0) - std::min(lo, 0.0);
        if (width <= 0)
            continue;
        // (Q(w) - w) / s · ds/dw = (Q(w) - w) / width at the upper end, minus that at the lower one.
        const double share = direct.row(row).dot(values.row(row) - weights.row(row)) / width;
        if (hi > 0)
            gradient(row, highest) += share;
        if (lo < 0)
            gradient(row, lowest) -= share;
    }
}

/// Some rows of a reader: W, W Aᵀ, and that rounded.
struct RowBlock {
    SquareMatrix weights, changed, values;
};

void addRows(const RowBlock &block, const Eigen::Map<const SquareMatrix> &hessian,
             const SquareMatrix &inverse, AffineGradient &result) {
    const SquareMatrix back = block.values * inverse.transpose();
    const SquareMatrix weighted = (back - block.weights) * hessian;
    result.error += weighted.cwiseProduct(back - block.weights).sum();
    // Through Q(W Aᵀ), with G = 2 E H A^{-1}, and through A^{-T}.
    const SquareMatrix direct = 2 * weighted * inverse;
    SquareMatrix byChanged = direct;
    addGridGradient(block.changed, block.values, direct, byChanged);
    result.gradient.noalias() += byChanged.transpose() * block.weights;
    result.gradient.noalias() -= direct.transpose() * back;
}

/// Calls function(first row, count) in order; stops when the user cancels, and the caller looks for that.
template <typename Function>
void forRows(Index rows, const TransformServices &services, Function function) {
    for (Index begin = 0; begin < rows && !services.cancelled(); begin += kBlockRows)
        function(begin, std::min(kBlockRows, rows - begin));
}

/// Adam on the entries that the mask leaves free.
class Adam {
public:
    Adam(std::int64_t size, double rate)
        : m_rate(rate), m_mean(SquareMatrix::Zero(size, size)), m_square(SquareMatrix::Zero(size, size)) {}
    void step(const SquareMatrix &gradient, SquareMatrix &values) {
        ++m_count;
        m_mean = kFirstMoment * m_mean + (1 - kFirstMoment) * gradient;
        m_square = kSecondMoment * m_square + (1 - kSecondMoment) * gradient.cwiseAbs2();
        const double meanShare = 1 - std::pow(kFirstMoment, m_count);
        const double squareShare = 1 - std::pow(kSecondMoment, m_count);
        values.array() -=
            m_rate * (m_mean.array() / meanShare) / ((m_square.array() / squareShare).sqrt() + kTiny);
    }

private:
    double m_rate;
    int m_count = 0;
    SquareMatrix m_mean, m_square;
};

/// Keeps the masked matrix invertible: diagonal entries away from 0, and in every row the others together
/// below the diagonal (Levy-Desplanques).
void keepInvertible(const SquareMatrix &mask, SquareMatrix &free) {
    for (Index row = 0; row < free.rows(); ++row) {
        double &diagonal = free(row, row);
        if (std::abs(diagonal) < kLeastDiagonal)
            diagonal = std::copysign(kLeastDiagonal, diagonal);
        const double kept = diagonal;
        const double others = free.row(row).cwiseProduct(mask.row(row)).cwiseAbs().sum() - std::abs(kept);
        if (others > kMostOthers * std::abs(kept)) {
            free.row(row) *= kMostOthers * std::abs(kept) / others;
            free(row, row) = kept;
        }
    }
}

void keepIfBetter(const SquareMatrix &matrix, const SquareMatrix &inverse, double error, AffineResult &best) {
    if (!(error < best.error))
        return;
    best.error = error;
    best.matrix = matrix;
    best.inverse = inverse;
}

/// SmoothQuant's scale on the diagonal.
SquareMatrix startMatrix(const SiteData &site, double alpha) {
    const std::vector<float> scale = smoothScale(inputMagnitude(site), weightMagnitude(site), alpha);
    SquareMatrix matrix = SquareMatrix::Zero(site.channels, site.channels);
    for (Index at = 0; at < site.channels; ++at)
        matrix(at, at) = std::max<double>(scale[static_cast<std::size_t>(at)], kLeastDiagonal);
    return matrix;
}

} // namespace

std::int64_t affineBands(std::int64_t channels, int epoch, int epochs) {
    return epochs < 2 ? channels : (channels - 1) * epoch / (epochs - 1) + 1;
}

SquareMatrix affineMask(std::int64_t channels, std::int64_t bands, double stability) {
    SquareMatrix mask(channels, channels);
    for (Index row = 0; row < channels; ++row)
        for (Index col = 0; col < channels; ++col)
            mask(row, col) = row == col ? 1 : std::abs(row - col) < bands ? stability : 0;
    return mask;
}

double diagonalDominance(const SquareMatrix &matrix) {
    const Eigen::VectorXd diagonal = matrix.diagonal().cwiseAbs();
    return (2 * diagonal - matrix.cwiseAbs().rowwise().sum()).minCoeff();
}

AffineGradient affineGradient(const SiteData &site, const SquareMatrix &matrix, const SquareMatrix &inverse,
                              const TransformServices &services) {
    const Eigen::Map<const SquareMatrix> hessian(site.hessian.data, site.channels, site.channels);
    AffineGradient result{0, SquareMatrix::Zero(site.channels, site.channels)};
    double rows = 0;
    for (std::size_t index = 0; index < site.readers.size(); ++index) {
        const SiteReader &reader = site.readers[index];
        rows += static_cast<double>(reader.weights.rows);
        if (reader.bits == 0)
            continue;
        const SquareMatrix weights = weightsOf(reader);
        SquareMatrix changed(weights.rows(), weights.cols());
        forRows(weights.rows(), services, [&](Index begin, Index count) {
            changed.middleRows(begin, count).noalias() =
                weights.middleRows(begin, count) * matrix.transpose();
        });
        const SquareMatrix values = rounded(index, changed, services);
        forRows(weights.rows(), services, [&](Index begin, Index count) {
            addRows({weights.middleRows(begin, count), changed.middleRows(begin, count),
                     values.middleRows(begin, count)},
                    hessian, inverse, result);
        });
    }
    result.error /= 2 * rows;
    result.gradient /= 2 * rows;
    return result;
}

namespace {

/// Walks through the epochs and keeps the best matrix on the way.
class Learner {
public:
    Learner(const SiteData &site, const AffineOptions &options, const TransformServices &services)
        : m_site(site), m_options(options), m_services(services), m_free(startMatrix(site, options.alpha)),
          m_adam(site.channels, options.learningRate) {
        m_best.matrix = m_best.inverse = SquareMatrix::Identity(site.channels, site.channels);
        m_best.unchangedError = affineGradient(site, m_best.matrix, m_best.inverse, services).error;
        m_best.error = m_best.startError = m_best.unchangedError;
    }

    void runEpoch(int epoch) {
        const std::int64_t bands =
            m_options.diagonalOnly ? 1 : affineBands(m_site.channels, epoch, m_options.epochs);
        const SquareMatrix mask = affineMask(m_site.channels, bands, m_options.stability);
        for (int step = 0; step < m_options.stepsPerEpoch; ++step) {
            m_services.progress(epoch * m_options.stepsPerEpoch + step,
                                m_options.epochs * m_options.stepsPerEpoch, "learning the matrix");
            const SquareMatrix matrix = m_free.cwiseProduct(mask);
            const SquareMatrix inverse = matrix.partialPivLu().inverse();
            const AffineGradient now = affineGradient(m_site, matrix, inverse, m_services);
            if (!std::isfinite(now.error) || m_services.cancelled())
                return;
            if (step == 0)
                m_best.trace.push_back(now.error);
            keepIfBetter(matrix, inverse, now.error, m_best);
            m_adam.step(now.gradient.cwiseProduct(mask), m_free);
            keepInvertible(mask, m_free);
        }
    }

    AffineResult result() const {
        AffineResult result = m_best;
        if (!result.trace.empty())
            result.startError = result.trace.front();
        result.dominance = diagonalDominance(result.matrix);
        return result;
    }

private:
    const SiteData &m_site;
    const AffineOptions &m_options;
    const TransformServices &m_services;
    SquareMatrix m_free; ///< what counts is its product with the mask
    Adam m_adam;
    AffineResult m_best;
};

} // namespace

Result<AffineResult> learnAffine(const SiteData &site, const AffineOptions &options,
                                 const TransformServices &services) {
    Learner learner(site, options, services);
    for (int epoch = 0; epoch < options.epochs; ++epoch)
        learner.runEpoch(epoch);
    if (services.cancelled())
        return RunContext::cancelledError();
    return learner.result();
}

} // namespace qs
