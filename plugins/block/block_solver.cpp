#include "plugins/block/block_solver.h"

#include "core/base/random.h"
#include "plugins/block/rounding_variables.h"

#include <algorithm>
#include <fmt/format.h>
#include <numbers>

namespace qs {
namespace {

constexpr double kEnoughBinary = 0.95;
/// Of random numbers for the start of low-rank changes; those of passes come before.
constexpr std::uint64_t kStartStream = std::uint64_t{1} << 40;

class BlockSolver {
public:
    BlockSolver(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                const BlockSolverServices &services)
        : m_layers(layers), m_options(options), m_services(services),
          m_objective(layers, options.objective, services), m_steps(m_objective.startSteps()),
          m_stepAdam(layers.size()) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const auto uniform = [this, l](std::uint64_t index) {
                return static_cast<double>(m_services.randomBits(kStartStream * (l + 1) + index) >> 11) *
                       0x1p-53;
            };
            m_rounding.emplace_back(layers[l], RoundingOptions{options.rank, uniform});
            m_gradients.emplace_back(layers[l].size());
        }
        m_total = options.iterations + (secondPhase() ? options.activationIterations : 0);
    }

    Result<BlockSolution> run() {
        QS_CHECK_OK(m_objective.start());
        QS_CHECK_OK(learnRounding());
        BlockSolution solution;
        for (const RoundingVariables &rounding : m_rounding)
            solution.layers.push_back(rounding.solved());
        solution.binaryShare = binaryShare();
        if (secondPhase())
            QS_CHECK_OK(learnSteps(solution.layers));
        solution.activationScales = m_steps;
        QS_CHECK_OK(m_objective.judge(solution));
        if (!solution.keptNearest && solution.binaryShare < kEnoughBinary)
            m_services.warn(
                fmt::format("only {:.0f} % of the rounding variables are decided; more iterations or "
                            "a larger regularization may help",
                            100 * solution.binaryShare));
        return solution;
    }

private:
    bool secondPhase() const { return m_objective.quantizesActivations() && !m_options.joint; }
    bool stepsWithRounding() const { return m_objective.quantizesActivations() && m_options.joint; }

    Status learnRounding() {
        const auto warmUp =
            static_cast<std::int64_t>(m_options.warmUp * static_cast<double>(m_options.iterations));
        for (std::int64_t t = 0; t < m_options.iterations; ++t) {
            const double after = shareAfter(t, warmUp);
            SolverPass pass = roundingPass(t, after);
            QS_TRY(const double loss, m_objective.run(pass));
            RoundingVariables::Step step;
            step.lambda = t >= warmUp ? m_options.regularization * m_objective.startLossPerWeight() : 0.0;
            step.beta = m_options.betaStart + (m_options.betaEnd - m_options.betaStart) * after;
            step.learningRate = m_options.learningRate;
            step.scaleRate = m_options.scaleLearningRate;
            for (std::size_t l = 0; l < m_layers.size(); ++l)
                m_rounding[l].step(m_gradients[l], step, m_services.maxThreads);
            if (stepsWithRounding())
                stepActivations(pass.activationScaleGradients, t, m_options.iterations);
            m_services.progress(t + 1, m_total, fmt::format("rounding, loss {:.4g}", loss));
        }
        return {};
    }

    SolverPass roundingPass(std::int64_t t, double after) {
        SolverPass pass;
        pass.seed = m_services.randomBits(static_cast<std::uint64_t>(t));
        for (std::size_t l = 0; l < m_layers.size(); ++l) {
            // A few numbers cannot push every variable to its side: the slope of all grows instead.
            if (m_rounding[l].isLowRank())
                m_rounding[l].sharpen(std::pow(m_options.sharpness, after));
            pass.weights.push_back(m_rounding[l].softWeights(m_services.maxThreads).data());
            pass.weightGradients.push_back(m_gradients[l].data());
        }
        if (m_options.joint)
            pass.activationShare = pass.inputShare = m_options.quantizedShare;
        if (stepsWithRounding()) {
            pass.activationScales = m_steps;
            pass.activationScaleGradients.assign(m_layers.size(), 0.0);
        }
        return pass;
    }

    /// How much of the iterations after the warm-up is done.
    double shareAfter(std::int64_t t, std::int64_t warmUp) const {
        const double span = static_cast<double>(std::max<std::int64_t>(1, m_options.iterations - warmUp));
        return std::clamp(static_cast<double>(t - warmUp) / span, 0.0, 1.0);
    }

    Status learnSteps(const std::vector<SolvedLayer> &layers) {
        BlockObjective::Values weights;
        for (std::size_t l = 0; l < m_layers.size(); ++l)
            weights.push_back(layers[l].dequantize(m_layers[l]));
        for (std::int64_t t = 0; t < m_options.activationIterations; ++t) {
            SolverPass pass;
            pass.seed = m_services.randomBits(static_cast<std::uint64_t>(m_options.iterations + t));
            pass.weights = BlockObjective::pointers(weights);
            pass.activationScales = m_steps;
            pass.activationScaleGradients.assign(m_layers.size(), 0.0);
            QS_TRY(const double loss, m_objective.run(pass));
            stepActivations(pass.activationScaleGradients, t, m_options.activationIterations);
            m_services.progress(m_options.iterations + t + 1, m_total,
                                fmt::format("activation steps, loss {:.4g}", loss));
        }
        return {};
    }

    /// Adam on the logarithm of the step, as it were: the learning rate is a share of the step.
    void stepActivations(const std::vector<double> &gradients, std::int64_t t, std::int64_t total) {
        m_stepAdam.nextStep();
        const double cosine =
            0.5 * (1 + std::cos(std::numbers::pi * static_cast<double>(t) / static_cast<double>(total)));
        for (std::size_t l = 0; l < m_steps.size(); ++l) {
            if (m_steps[l] <= 0)
                continue;
            const float first = m_objective.startSteps()[l];
            const float change = m_stepAdam.change(l, static_cast<float>(gradients[l]));
            const auto moved =
                static_cast<float>(m_steps[l] + m_options.activationLearningRate * cosine * first * change);
            // A step that turned around or exploded would quantize nothing.
            m_steps[l] = std::clamp(moved, 0.1f * first, 10.0f * first);
        }
    }

    double binaryShare() const {
        std::int64_t decided = 0, all = 0;
        for (std::size_t l = 0; l < m_layers.size(); ++l) {
            decided += m_rounding[l].binary();
            all += static_cast<std::int64_t>(m_layers[l].size());
        }
        return all == 0 ? 1.0 : static_cast<double>(decided) / static_cast<double>(all);
    }

    const std::vector<SolverLayer> &m_layers;
    const BlockSolverOptions &m_options;
    const BlockSolverServices &m_services;
    BlockObjective m_objective;
    std::vector<RoundingVariables> m_rounding;
    std::vector<std::vector<float>> m_gradients;
    std::vector<float> m_steps;
    Adam m_stepAdam;
    std::int64_t m_total = 0;
};

} // namespace

Result<BlockSolution> solveBlock(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                                 const BlockSolverServices &services) {
    return BlockSolver(layers, options, services).run();
}

} // namespace qs
