#include "plugins/block/range_solver.h"

#include "plugins/block/range_variables.h"

#include <fmt/format.h>

namespace qs {
namespace {

SolverPass passOf(std::vector<RangeVariables> &ranges, std::vector<std::vector<float>> &gradients) {
    SolverPass pass;
    for (std::size_t l = 0; l < ranges.size(); ++l) {
        pass.weights.push_back(ranges[l].weights().data());
        pass.weightGradients.push_back(gradients[l].data());
    }
    return pass;
}

} // namespace

Result<BlockSolution> learnRanges(const std::vector<SolverLayer> &layers, const RangeSolverOptions &options,
                                  const BlockSolverServices &services) {
    BlockObjective objective(layers, options.objective, services);
    QS_CHECK_OK(objective.start());
    std::vector<RangeVariables> ranges;
    std::vector<std::vector<float>> gradients;
    for (const SolverLayer &layer : layers) {
        ranges.emplace_back(layer, options.startLogit);
        gradients.emplace_back(layer.size());
        ranges.back().quantize(services.maxThreads);
    }
    for (std::int64_t t = 0; t < options.iterations; ++t) {
        SolverPass pass = passOf(ranges, gradients);
        pass.seed = services.randomBits(static_cast<std::uint64_t>(t));
        if (objective.quantizesActivations())
            pass.activationScales = objective.startSteps();
        QS_TRY(const double loss, objective.run(pass));
        for (std::size_t l = 0; l < layers.size(); ++l) {
            ranges[l].step(gradients[l], options.learningRate);
            ranges[l].quantize(services.maxThreads);
        }
        services.progress(t + 1, options.iterations, fmt::format("ranges, loss {:.4g}", loss));
    }
    BlockSolution solution;
    for (const RangeVariables &range : ranges)
        solution.layers.push_back(range.solved());
    solution.activationScales = objective.startSteps();
    QS_CHECK_OK(objective.judge(solution));
    return solution;
}

} // namespace qs
