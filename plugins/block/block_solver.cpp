#include "plugins/block/block_solver.h"

#include "plugins/block/rounding_variables.h"

#include <algorithm>
#include <fmt/format.h>
#include <numbers>

namespace qs {
namespace {

constexpr double kEnoughBinary = 0.95;

class BlockSolver {
public:
    BlockSolver(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                const BlockSolverServices &services)
        : m_layers(layers), m_options(options), m_services(services), m_stepAdam(layers.size()) {
        for (const SolverLayer &layer : layers) {
            m_rounding.emplace_back(layer);
            m_gradients.emplace_back(layer.size());
            m_steps.push_back(layer.activationScale);
            m_firstSteps.push_back(layer.activationScale);
        }
        m_quantizesActivations = std::ranges::any_of(m_steps, [](float step) { return step > 0; });
        m_total = options.iterations + (secondPhase() ? options.activationIterations : 0);
    }

    Result<BlockSolution> run() {
        for (const SolverLayer &layer : m_layers)
            m_nearest.emplace_back(layer.nearest, layer.nearest + layer.size());
        QS_TRY(m_nearestLoss, lossOf(valuesOf(m_nearest), m_firstSteps));
        QS_CHECK_OK(learnRounding());
        BlockSolution solution;
        for (std::size_t l = 0; l < m_layers.size(); ++l)
            solution.codes.push_back(m_rounding[l].codes());
        solution.binaryShare = binaryShare();
        if (secondPhase())
            QS_CHECK_OK(learnSteps(valuesOf(solution.codes)));
        QS_CHECK_OK(compareWithNearest(solution));
        return solution;
    }

private:
    using Values = std::vector<std::vector<float>>;

    bool secondPhase() const { return m_quantizesActivations && !m_options.joint; }
    bool stepsWithRounding() const { return m_quantizesActivations && m_options.joint; }

    static std::vector<const float *> pointers(const Values &values) {
        std::vector<const float *> list;
        for (const auto &entry : values)
            list.push_back(entry.data());
        return list;
    }

    Values valuesOf(const std::vector<std::vector<std::int16_t>> &codes) const {
        Values values;
        for (std::size_t l = 0; l < m_layers.size(); ++l)
            values.push_back(dequantizeCodes(m_layers[l], codes[l]));
        return values;
    }

    Status learnRounding() {
        const auto warmUp =
            static_cast<std::int64_t>(m_options.warmUp * static_cast<double>(m_options.iterations));
        for (std::int64_t t = 0; t < m_options.iterations; ++t) {
            if (m_services.cancelled())
                return fail(ErrorCode::Cancelled, "cancelled");
            SolverPass pass;
            pass.seed = m_services.randomBits(static_cast<std::uint64_t>(t));
            for (std::size_t l = 0; l < m_layers.size(); ++l) {
                pass.weights.push_back(m_rounding[l].softWeights(m_services.maxThreads).data());
                pass.weightGradients.push_back(m_gradients[l].data());
            }
            if (m_options.joint)
                pass.activationShare = pass.inputShare = m_options.quantizedShare;
            if (stepsWithRounding()) {
                pass.activationScales = m_steps;
                pass.activationScaleGradients.assign(m_layers.size(), 0.0);
            }
            QS_TRY(const double loss, m_services.run(pass));
            const double beta = betaAt(t, warmUp);
            for (std::size_t l = 0; l < m_layers.size(); ++l)
                m_rounding[l].step(m_gradients[l], t >= warmUp ? lambda() : 0.0, beta, m_options.learningRate,
                                   m_services.maxThreads);
            if (stepsWithRounding())
                stepActivations(pass.activationScaleGradients, t, m_options.iterations);
            m_services.progress(t + 1, m_total, fmt::format("rounding, loss {:.4g}", loss));
        }
        return {};
    }

    double betaAt(std::int64_t t, std::int64_t warmUp) const {
        const double span = static_cast<double>(std::max<std::int64_t>(1, m_options.iterations - warmUp));
        const double done = std::clamp(static_cast<double>(t - warmUp) / span, 0.0, 1.0);
        return m_options.betaStart + (m_options.betaEnd - m_options.betaStart) * done;
    }

    /// In units of the loss of nearest rounding per weight: losses of blocks differ by orders of magnitude,
    /// and that of soft weights starts at 0.
    double lambda() const {
        std::size_t weights = 0;
        for (const SolverLayer &layer : m_layers)
            weights += layer.size();
        return m_options.regularization * m_nearestLoss / static_cast<double>(weights);
    }

    Status learnSteps(const Values &weights) {
        for (std::int64_t t = 0; t < m_options.activationIterations; ++t) {
            if (m_services.cancelled())
                return fail(ErrorCode::Cancelled, "cancelled");
            SolverPass pass;
            pass.seed = m_services.randomBits(static_cast<std::uint64_t>(m_options.iterations + t));
            pass.weights = pointers(weights);
            pass.activationScales = m_steps;
            pass.activationScaleGradients.assign(m_layers.size(), 0.0);
            QS_TRY(const double loss, m_services.run(pass));
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
            const float change = m_stepAdam.change(l, static_cast<float>(gradients[l]));
            const auto moved = static_cast<float>(m_steps[l] + m_options.activationLearningRate * cosine *
                                                                   m_firstSteps[l] * change);
            // A step that turned around or exploded would quantize nothing.
            m_steps[l] = std::clamp(moved, 0.1f * m_firstSteps[l], 10.0f * m_firstSteps[l]);
        }
    }

    Result<double> lossOf(const Values &weights, const std::vector<float> &steps) {
        SolverPass pass;
        pass.allSamples = true;
        pass.weights = pointers(weights);
        if (m_quantizesActivations)
            pass.activationScales = steps;
        return m_services.run(pass);
    }

    Status compareWithNearest(BlockSolution &solution) {
        solution.nearestLoss = m_nearestLoss;
        QS_TRY(solution.learnedLoss, lossOf(valuesOf(solution.codes), m_steps));
        solution.activationScales = m_steps;
        solution.keptNearest = m_options.keepBest && solution.nearestLoss <= solution.learnedLoss;
        if (solution.keptNearest) {
            solution.codes = std::move(m_nearest);
            solution.activationScales = m_firstSteps;
        } else if (solution.binaryShare < kEnoughBinary)
            m_services.warn(
                fmt::format("only {:.0f} % of the rounding variables are decided; more iterations or "
                            "a larger regularization may help",
                            100 * solution.binaryShare));
        return {};
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
    std::vector<std::vector<std::int16_t>> m_nearest;
    std::vector<RoundingVariables> m_rounding;
    std::vector<std::vector<float>> m_gradients;
    std::vector<float> m_steps, m_firstSteps;
    Adam m_stepAdam;
    double m_nearestLoss = 0; ///< on all samples
    bool m_quantizesActivations = false;
    std::int64_t m_total = 0;
};

} // namespace

Result<BlockSolution> solveBlock(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                                 const BlockSolverServices &services) {
    return BlockSolver(layers, options, services).run();
}

} // namespace qs
