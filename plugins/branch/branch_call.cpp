#include "plugins/branch/branch_call.h"

#include "plugins/support/method_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

using RowMajorFloat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

} // namespace

BranchProblem problemOf(const BranchCall &call) {
    BranchProblem problem;
    problem.weights = weightsOf(call);
    problem.quantize = [&call](const RowMajorMatrix &values, RowMajorMatrix &dequantized) -> Status {
        const RowMajorFloat source = values.cast<float>();
        RowMajorFloat target(values.rows(), values.cols());
        call.roundTrip(source.data(), source.rows(), source.cols(), target.data());
        dequantized = target.cast<double>();
        return {};
    };
    problem.keep = [&call] { call.keepQuantized(); };
    problem.rank = parametersOf(call.request()).at("rank").get<Eigen::Index>();
    problem.seed = call.request().seed;
    return problem;
}

void store(const BranchCall &call, const BranchFit &fit) {
    float *down = nullptr;
    float *up = nullptr;
    call.result().reserve(&call.result(), fit.down.rows(), &down, &up);
    if (!down || !up)
        throw PluginError(QS_FAILED, "the host gives no room for the branch");
    Eigen::Map<RowMajorFloat>(down, fit.down.rows(), fit.down.cols()) = fit.down.cast<float>();
    Eigen::Map<RowMajorFloat>(up, fit.up.rows(), fit.up.cols()) = fit.up.cast<float>();
}

void reportDecomposition(const BranchCall &call, const char *method) {
    if (!isRandomised(call.request().rows, call.request().cols))
        return;
    call.log(QS_LOG_INFO, fmt::format("{}: the singular vectors are approximate (randomised, two power "
                                      "iterations, ten directions more than the rank)",
                                      method));
}

} // namespace qs
