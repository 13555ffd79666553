// Gradients through whole sample models against central differences of the same graphs in float64.
#include "core/base/random.h"
#include "core/gradient/tape.h"
#include "core/io/calibration_set.h"
#include "core/tensor/convert.h"
#include "tests/support/sample_run.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// The same graph with every float32 constant as float64.
std::shared_ptr<const Model> inFloat64(const Model &model) {
    const ModelGraph &graph = model.graph;
    GraphBuilder builder;
    for (const auto &[domain, version] : graph.opsets())
        builder.setOpset(domain, version);
    const auto name = [&](ValueId id) { return id == kNoValue ? std::string() : graph.value(id).name; };
    for (const ValueId input : graph.inputs())
        builder.addInput(builder.value(name(input)));
    for (const auto &[id, tensor] : graph.constants()) {
        auto wide = tensor.dtype() == DType::Float32 ? castTensor(tensor, DType::Float64) : tensor;
        EXPECT_TRUE(wide && builder.addConstant(builder.value(name(id)), *wide));
    }
    for (Node node : graph.nodes()) {
        for (auto *ids : {&node.inputs, &node.outputs})
            for (ValueId &id : *ids)
                id = builder.value(name(id));
        if (node.opType == "Cast" && node.intAttribute("to", 0) == static_cast<std::int64_t>(DType::Float32))
            node.attributes["to"] = static_cast<std::int64_t>(DType::Float64);
        EXPECT_TRUE(builder.addNode(std::move(node)));
    }
    for (const ValueId output : graph.outputs())
        builder.addOutput(builder.value(name(output)));
    auto copy = std::make_shared<Model>();
    copy->graph = *std::move(builder).finish();
    return copy;
}

struct SampleModel {
    std::string name, calibration;
    std::int64_t samples;
};

class ModelGradientTest : public testing::TestWithParam<SampleModel> {};

double factor(std::size_t i) {
    return std::sin(1.0 + 1.7 * static_cast<double>(i));
}

/// Σ factor · output of the float64 graph with one weight element moved.
class WideLoss {
public:
    WideLoss(const Model &narrow, const std::vector<Tensor> &inputs)
        : m_model(inFloat64(narrow)), m_tape(*GradientTape::create(m_model)) {
        for (std::size_t i = 0; i < inputs.size(); ++i)
            m_inputs[m_model->graph.inputs()[i]] =
                inputs[i].dtype() == DType::Float32 ? *castTensor(inputs[i], DType::Float64) : inputs[i];
    }

    double at(const Node &node, const std::string &weight, int slot, std::size_t element, double move) const {
        TapeOptions options;
        for (std::size_t n = 0; n < m_model->graph.nodes().size(); ++n)
            if (m_model->graph.nodes()[n].name == node.name) {
                const Tensor *constant = m_model->graph.constant(m_model->graph.findValue(weight));
                Tensor moved = Tensor::fromValues<double>(constant->shape(), constant->values<double>());
                moved.mutableValues<double>()[element] += move;
                options.weights[{static_cast<NodeId>(n), slot}] = moved;
            }
        auto record = m_tape->forward(m_inputs, options, {});
        EXPECT_TRUE(record) << record.error().text();
        double sum = 0;
        const auto outputs = record->values.at(m_model->graph.outputs().front()).values<double>();
        for (std::size_t i = 0; i < outputs.size(); ++i)
            sum += factor(i) * outputs[i];
        return sum;
    }

private:
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const GradientTape> m_tape;
    std::unordered_map<ValueId, Tensor> m_inputs;
};

TEST_P(ModelGradientTest, WeightsOfEveryLayerAgreeWithCentralDifferences) {
    const fs::path folder = QS_SAMPLE_DATA;
    const auto model = openSample(folder / GetParam().name);
    const auto set = CalibrationSet::open(folder / GetParam().calibration, {});
    ASSERT_TRUE(set);
    const auto inputs = readModelInputs(**set, model->graph, 0, GetParam().samples);
    ASSERT_TRUE(inputs);
    const auto tape = GradientTape::create(model);
    ASSERT_TRUE(tape) << tape.error().text();

    std::unordered_map<ValueId, Tensor> given;
    for (std::size_t i = 0; i < inputs->size(); ++i)
        given[model->graph.inputs()[i]] = (*inputs)[i];
    GradientTargets targets;
    for (const Layer &layer : model->layers)
        targets.slots.push_back({layer.node, layer.weightIndex});
    const auto record = (*tape)->forward(given, {}, {});
    ASSERT_TRUE(record) << record.error().text();
    const ValueId output = model->graph.outputs().front();
    Tensor seed = Tensor::allocate(DType::Float32, record->values.at(output).shape());
    for (std::size_t i = 0; i < static_cast<std::size_t>(seed.numel()); ++i)
        seed.mutableValues<float>()[i] = static_cast<float>(factor(i));
    const auto gradients = (*tape)->backward(*record, {{output, seed}}, targets, {});
    ASSERT_TRUE(gradients) << gradients.error().text();

    // Three weights of every third layer: those with the largest gradients say most.
    const WideLoss loss(*model, *inputs);
    for (std::size_t l = 0; l < model->layers.size(); l += 3) {
        const Layer &layer = model->layers[l];
        const auto gradient = gradients->slots.at({layer.node, layer.weightIndex}).values<float>();
        std::size_t largest = 0;
        for (std::size_t i = 1; i < gradient.size(); ++i)
            if (std::abs(gradient[i]) > std::abs(gradient[largest]))
                largest = i;
        const double scale = std::abs(gradient[largest]);
        ASSERT_GT(scale, 0) << layer.name;
        for (const std::size_t element : {largest, gradient.size() / 3, gradient.size() - 1}) {
            const auto at = [&](double move) {
                return loss.at(model->graph.node(layer.node), model->graph.value(layer.weight).name,
                               layer.weightIndex, element, move);
            };
            // Small enough that no ReLU or clip changes its side, in float64 still without rounding.
            const double step = 1e-6;
            const double numeric = (at(step) - at(-step)) / (2 * step);
            EXPECT_NEAR(gradient[element], numeric, 2e-3 * scale) << layer.name << " weight " << element;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Samples, ModelGradientTest,
                         testing::Values(SampleModel{"glyph-cnn.onnx", "glyph-calib.h5", 2},
                                         SampleModel{"glyph-vit.onnx", "glyph-calib.h5", 2},
                                         SampleModel{"glyph-dit.onnx", "glyph-dit-calib.h5", 2},
                                         SampleModel{"tiny-llama.onnx", "tiny-llama-calib.h5", 1}),
                         [](const auto &chosen) {
                             std::string name = chosen.param.name.substr(0, chosen.param.name.find('.'));
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(GradientTape, ForwardGivesTheValuesOfTheExecutor) {
    const auto model = openSample(fs::path(QS_SAMPLE_DATA) / "glyph-vit.onnx");
    const auto set = CalibrationSet::open(fs::path(QS_SAMPLE_DATA) / "glyph-calib.h5", {});
    const auto inputs = readModelInputs(**set, model->graph, 0, 4);
    const auto executor = Executor::create(model);
    PassOptions tapped; // with a tap on every value nothing is fused
    for (std::size_t id = 0; id < model->graph.values().size(); ++id)
        tapped.taps[static_cast<ValueId>(id)] = [](const Tensor &) {};
    const auto outputs = (*executor)->run(*inputs, tapped, {});
    const auto tape = GradientTape::create(model);
    const auto record = (*tape)->forward({{model->graph.inputs()[0], inputs->front()}}, {}, {});
    ASSERT_TRUE(outputs && record);
    const auto wanted = outputs->front().values<float>();
    const auto found = record->values.at(model->graph.outputs()[0]).values<float>();
    EXPECT_TRUE(std::ranges::equal(wanted, found));
}

} // namespace
} // namespace qs
