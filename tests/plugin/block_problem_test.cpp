// Blocks of the sample models as methods see them: losses and gradients of cached mini-batches, and what
// BRECQ and QDrop make of them.
#include "core/analysis/block_problem.h"
#include "plugins/block/block_solver.h"
#include "plugins/block/range_solver.h"
#include "tests/plugin/block_bridge.h"
#include "tests/support/sample_run.h"

#include <gtest/gtest.h>

namespace qs::test {
namespace {

namespace fs = std::filesystem;

/// One block of a sample model, everything before it in float.
class SampleBlock {
public:
    SampleBlock(const std::string &model, const std::string &calibration, const std::string &block, int bits,
                std::int64_t batch, std::int64_t samples, const std::vector<BlockTerm> &terms = {}) {
        BlockPlan plan{batch, samples};
        for (const BlockTerm term : terms)
            plan.terms[static_cast<std::size_t>(term)] = true;
        m_model = openSample(fs::path(QS_SAMPLE_DATA) / model);
        m_set = *CalibrationSet::open(fs::path(QS_SAMPLE_DATA) / calibration, {});
        auto executor = *Executor::create(m_model);
        std::vector<ReconstructionBlock> blocks;
        for (ReconstructionBlock &found : findReconstructionBlocks(m_model->graph, m_model->layers))
            if (found.name == block)
                blocks.push_back(found);
        EXPECT_EQ(blocks.size(), 1u);
        m_feeder = *BlockFeeder::create(executor, *m_set, plan, blocks, {});
        EXPECT_TRUE(m_feeder->moveTo(0, {}, {}));
        std::vector<std::optional<BlockActivation>> activations;
        std::vector<const Layer *> list;
        for (const LayerId id : blocks[0].layers) {
            const Layer &layer = m_model->layers[static_cast<std::size_t>(id)];
            m_weights.push_back(*weightMatrix(layer, m_model->graph));
            BlockLayer entry;
            entry.name = layer.name;
            entry.weights = {m_weights.back().values<float>().data(), layer.outChannels, layer.inPerOut};
            QuantizeRequest request;
            request.weights = entry.weights;
            request.scheme.grid.bits = bits;
            entry.nearest = *makeRtnQuantizer()->quantize(request, {});
            // Not fitted to anything: wide enough for the values behind norms and ReLU6.
            entry.activation = BlockActivation{{0.1f, 8}, {0, 15}};
            activations.push_back(entry.activation);
            layers.push_back(std::move(entry));
            list.push_back(&layer);
        }
        problem = std::make_unique<BlockProblem>(*m_feeder, list, activations);
    }

    std::vector<const float *> floatWeights() const {
        std::vector<const float *> weights;
        for (const Tensor &weight : m_weights)
            weights.push_back(weight.values<float>().data());
        return weights;
    }
    BlockSolution solve(const BlockSolverOptions &options, const RunContext &ctx = {}) {
        std::vector<SolverLayer> list;
        for (const BlockLayer &layer : layers) {
            list.push_back(solverLayer(layer));
            if (!withActivations)
                list.back().activationScale = 0;
        }
        auto solution = solveBlock(list, options, solverServices(*problem, ctx));
        EXPECT_TRUE(solution) << solution.error().text();
        return solution ? *solution : BlockSolution{};
    }

    std::vector<BlockLayer> layers;
    std::unique_ptr<BlockProblem> problem;
    bool withActivations = false;

private:
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const CalibrationSet> m_set;
    std::unique_ptr<BlockFeeder> m_feeder;
    std::vector<Tensor> m_weights;
};

class BlockProblemTest : public testing::TestWithParam<std::tuple<const char *, const char *, const char *>> {
protected:
    SampleBlock block(int bits, const std::vector<BlockTerm> &terms = {}) const {
        return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam()), bits, 2, 8, terms};
    }
};

constexpr BlockTerm kAllTerms[] = {BlockTerm::SquaredError, BlockTerm::FisherError, BlockTerm::OutputKl,
                                   BlockTerm::ModelKl, BlockTerm::LayerKl};

TEST_P(BlockProblemTest, FloatWeightsLoseNothing) {
    SampleBlock sample = block(4);
    BlockPass pass;
    pass.allSamples = true;
    pass.weights = sample.floatWeights();
    EXPECT_LT(*sample.problem->run(pass, {}), 1e-9);
    pass.allSamples = false;
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
        pass.seed = seed;
        EXPECT_LT(*sample.problem->run(pass, {}), 1e-9) << "a mini-batch mixes up its samples";
    }
}

TEST_P(BlockProblemTest, EveryTermIsZeroForFloatWeights) {
    SampleBlock sample = block(4, {std::begin(kAllTerms), std::end(kAllTerms)});
    BlockTerms terms;
    BlockPass pass;
    pass.allSamples = true;
    pass.weights = sample.floatWeights();
    pass.termWeights.fill(1);
    pass.sameInputTarget = 0.5;
    pass.terms = &terms;
    EXPECT_LT(*sample.problem->run(pass, {}), 1e-6);
    for (const double term : terms)
        EXPECT_NEAR(term, 0, 1e-6);
}

/// Along the gradient of a term the loss changes by its squared length, to first order.
void expectGradientOf(SampleBlock &sample, BlockTerm term) {
    std::vector<std::vector<float>> weights, gradients;
    BlockPass pass;
    pass.seed = 5;
    pass.termWeights.fill(0);
    pass.termWeights[static_cast<std::size_t>(term)] = 1;
    double square = 0;
    for (const BlockLayer &layer : sample.layers) {
        const auto values = layer.nearest.dequantize();
        weights.emplace_back(values.values<float>().begin(), values.values<float>().end());
        gradients.emplace_back(weights.back().size());
    }
    for (std::size_t l = 0; l < weights.size(); ++l) {
        pass.weights.push_back(weights[l].data());
        pass.weightGradients.push_back(gradients[l].data());
    }
    const double loss = *sample.problem->run(pass, {});
    for (const auto &gradient : gradients)
        for (const float value : gradient)
            square += static_cast<double>(value) * value;
    ASSERT_GT(square, 0);
    const double step = 1e-3 * loss / square;
    const auto lossAt = [&](double move) {
        std::vector<std::vector<float>> moved = weights;
        BlockPass probe;
        probe.seed = pass.seed;
        probe.termWeights = pass.termWeights;
        for (std::size_t l = 0; l < moved.size(); ++l) {
            for (std::size_t i = 0; i < moved[l].size(); ++i)
                moved[l][i] += static_cast<float>(move * gradients[l][i]);
            probe.weights.push_back(moved[l].data());
        }
        return *sample.problem->run(probe, {});
    };
    EXPECT_NEAR((lossAt(step) - lossAt(-step)) / (2 * step), square, 0.03 * square)
        << "term " << static_cast<int>(term);
}

TEST_P(BlockProblemTest, GradientAgreesWithDifferencesAlongItself) {
    SampleBlock sample = block(3);
    expectGradientOf(sample, BlockTerm::SquaredError);
}

TEST_P(BlockProblemTest, SoDoThoseOfTheOtherTerms) {
    SampleBlock sample = block(3, {std::begin(kAllTerms), std::end(kAllTerms)});
    for (const BlockTerm term : kAllTerms)
        expectGradientOf(sample, term);
}

TEST_P(BlockProblemTest, TermsThatWereNotPlannedAreRefused) {
    SampleBlock sample = block(3);
    BlockPass pass;
    pass.weights = sample.floatWeights();
    pass.termWeights[static_cast<std::size_t>(BlockTerm::ModelKl)] = 1;
    const auto loss = sample.problem->run(pass, {});
    ASSERT_FALSE(loss);
    EXPECT_EQ(loss.error().code, ErrorCode::Unsupported);
}

TEST_P(BlockProblemTest, LearnedRangesLowerTheLossOfNearestRounding) {
    SampleBlock sample = block(3);
    std::vector<SolverLayer> list;
    for (const BlockLayer &layer : sample.layers) {
        list.push_back(solverLayer(layer));
        list.back().activationScale = 0;
    }
    const auto solution = learnRanges(list, {.iterations = 60}, solverServices(*sample.problem, {}));
    ASSERT_TRUE(solution) << solution.error().text();
    EXPECT_LT(solution->learnedLoss, 0.95 * solution->nearestLoss);
}

TEST_P(BlockProblemTest, BrecqLowersTheLossOfNearestRounding) {
    SampleBlock sample = block(3);
    const BlockSolution solution = sample.solve({.iterations = 150});
    EXPECT_LT(solution.learnedLoss, 0.75 * solution.nearestLoss);
}

TEST_P(BlockProblemTest, QDropLearnsRoundingAndStepsTogether) {
    SampleBlock sample = block(3);
    sample.withActivations = true;
    const BlockSolution solution = sample.solve({.iterations = 40, .joint = true});
    EXPECT_LT(solution.learnedLoss, solution.nearestLoss);
    EXPECT_NE(solution.activationScales[0], sample.layers[0].activation->grid.scale);
}

TEST_P(BlockProblemTest, OneThreadGivesTheSameCodes) {
    SampleBlock sample = block(3);
    sample.withActivations = true;
    const BlockSolverOptions options{.iterations = 3, .joint = true};
    const BlockSolution many = sample.solve(options, {{}, nullptr, 4});
    const BlockSolution single = sample.solve(options, {{}, nullptr, 1});
    for (std::size_t l = 0; l < many.layers.size(); ++l)
        EXPECT_EQ(many.layers[l].codes, single.layers[l].codes);
    EXPECT_EQ(many.activationScales, single.activationScales);
    EXPECT_EQ(many.learnedLoss, single.learnedLoss);
}

INSTANTIATE_TEST_SUITE_P(Samples, BlockProblemTest,
                         testing::Values(std::tuple("glyph-cnn.onnx", "glyph-calib.h5", "blocks.3"),
                                         std::tuple("glyph-vit.onnx", "glyph-calib.h5", "blocks.1"),
                                         std::tuple("tiny-llama.onnx", "tiny-llama-calib.h5", "layers.1")),
                         [](const auto &chosen) {
                             std::string name = std::get<0>(chosen.param);
                             name = name.substr(0, name.find('.'));
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

} // namespace
} // namespace qs::test
