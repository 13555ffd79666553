#include "plugins/branch/low_rank_branch.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

RowMajorMatrix toDouble(MatrixView<const float> weights) {
    using RowMajorFloat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const RowMajorFloat>(weights.data, weights.rows, weights.cols).cast<double>();
}

Status roundToFloat16(RowMajorMatrix &matrix) {
    for (double &value : matrix.reshaped()) {
        value = float16ToFloat(floatToFloat16(static_cast<float>(value)));
        if (!std::isfinite(value))
            return fail(ErrorCode::InvalidArgument,
                        "the factors of the branch are too large for float16; scale the weights of this "
                        "layer down or leave it without a branch");
    }
    return {};
}

/// Gives both factors of each direction the same largest magnitude, which suits float16 best, and rounds.
Status makeStorable(LowRankFactors &factors) {
    for (Eigen::Index k = 0; k < factors.down.rows(); ++k) {
        const double up = factors.up.col(k).cwiseAbs().maxCoeff();
        const double down = factors.down.row(k).cwiseAbs().maxCoeff();
        if (up == 0 || down == 0)
            continue;
        const double factor = std::sqrt(down / up);
        factors.up.col(k) *= factor;
        factors.down.row(k) /= factor;
    }
    QS_CHECK_OK(roundToFloat16(factors.up));
    return roundToFloat16(factors.down);
}

} // namespace

Result<BranchFit> fitErrorBranch(const BranchProblem &problem, const Eigen::VectorXd &columnWeights,
                                 const SolverServices &services) {
    RowMajorMatrix error = toDouble(problem.weights);
    RowMajorMatrix quantized(error.rows(), error.cols());
    QS_CHECK_OK(problem.quantize(error, quantized));
    problem.keep();
    error -= quantized;
    if (columnWeights.size() > 0)
        error *= columnWeights.asDiagonal();
    services.progress(0, 1, "decomposing the error");
    QS_TRY(LowRankFactors factors, truncatedSvd(error, problem.rank, problem.seed, services));
    if (columnWeights.size() > 0)
        factors.down *= columnWeights.cwiseInverse().asDiagonal();
    if (problem.float16)
        QS_CHECK_OK(makeStorable(factors));
    return BranchFit{std::move(factors.up), std::move(factors.down), {}, 0};
}

Eigen::VectorXd activationWeights(std::span<const float> meanMagnitudes) {
    constexpr float kSmallest = 1e-4f;
    Eigen::VectorXd weights = Eigen::Map<const Eigen::VectorXf>(
                                  meanMagnitudes.data(), static_cast<Eigen::Index>(meanMagnitudes.size()))
                                  .cwiseMax(kSmallest)
                                  .cast<double>();
    return weights / std::sqrt(weights.minCoeff() * weights.maxCoeff());
}

Result<BranchFit> alternateBranch(const BranchProblem &problem, int iterations,
                                  const BranchObjective &objective, const SolverServices &services) {
    const RowMajorMatrix weights = toDouble(problem.weights);
    RowMajorMatrix quantized = RowMajorMatrix::Zero(weights.rows(), weights.cols());
    BranchFit fit;
    for (int i = 0; i < iterations; ++i) {
        services.progress(i, iterations, "alternating branch and codes");
        QS_TRY(LowRankFactors factors,
               truncatedSvd(weights - quantized, problem.rank, problem.seed, services));
        if (problem.float16)
            QS_CHECK_OK(makeStorable(factors));
        QS_TRY(const RowMajorMatrix branch, multiply(factors.up, factors.down, services));
        QS_CHECK_OK(problem.quantize(weights - branch, quantized));
        QS_TRY(const double value, objective(branch, quantized));
        fit.objective.push_back(value);
        if (i > 0 && !(value < fit.objective[fit.best]))
            break;
        fit.best = fit.objective.size() - 1;
        fit.up = std::move(factors.up);
        fit.down = std::move(factors.down);
        problem.keep();
    }
    return fit;
}

} // namespace qs
