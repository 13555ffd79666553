#include "core/base/random.h"
#include "core/distill/image_source.h"
#include "core/distill/learned_tensor.h"
#include "core/gradient/tape.h"

#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::int64_t kLatent = 256, kWide = 32, kNarrow = 16;
constexpr double kLatentRate = 0.1, kWeightRate = 0.01, kWeightDecay = 0.95;
constexpr std::int64_t kDecayEvery = 100;

/// Builds the generator as a graph of ONNX operators, and lists the constants that are learned.
class GeneratorGraph {
public:
    GeneratorGraph(const ImageInput &image, std::int64_t images, std::uint64_t seed)
        : m_image(image), m_images(images), m_random(seed) {
        m_builder.setOpset("", 17);
    }

    Result<std::shared_ptr<const Model>> build() {
        const std::int64_t height = (m_image.height + 3) / 4, width = (m_image.width + 3) / 4;
        m_builder.describe(m_builder.value("latent"), DType::Float32, Shape{m_images, kLatent});
        m_builder.addInput(m_builder.value("latent"));
        const std::int64_t features = kWide * height * width;
        const std::string dense = node("Gemm", {"latent", weight("dense", Shape{kLatent, features}, kLatent),
                                                weight("denseBias", Shape{features}, kLatent)});
        std::string value = reshape(dense, {m_images, kWide, height, width});
        value = normalize(value, kWide, height, width, true);
        value = convolution(doubled(value, kWide, height, width), kWide, kWide);
        value = leaky(normalize(value, kWide, 2 * height, 2 * width, true));
        value = convolution(doubled(value, kWide, 2 * height, 2 * width), kWide, kNarrow);
        value = leaky(normalize(value, kNarrow, 4 * height, 4 * width, true));
        value = node("Tanh", {convolution(value, kNarrow, m_image.channels)});
        value = cropped(value, 4 * height, 4 * width);
        value = normalize(value, m_image.channels, m_image.height, m_image.width, false);
        m_builder.addOutput(m_builder.value(value));
        QS_CHECK_OK(m_status);
        auto model = std::make_shared<Model>();
        QS_TRY(model->graph, std::move(m_builder).finish());
        return std::shared_ptr<const Model>(std::move(model));
    }

    const std::vector<std::string> &learned() const { return m_learned; }

private:
    std::string node(const std::string &op, const std::vector<std::string> &inputs,
                     std::map<std::string, Attribute> attributes = {}) {
        Node node;
        node.name = fmt::format("{}{}", op, ++m_count);
        node.opType = op;
        for (const std::string &input : inputs)
            node.inputs.push_back(m_builder.value(input));
        const std::string output = node.name + "_out";
        node.outputs.push_back(m_builder.value(output));
        node.attributes = std::move(attributes);
        keep(m_builder.addNode(std::move(node)));
        return output;
    }
    void keep(Status status) {
        if (m_status && !status)
            m_status = std::move(status);
    }
    std::string constant(const std::string &name, Tensor value) {
        keep(m_builder.addConstant(m_builder.value(name), std::move(value)));
        return name;
    }
    std::string numbers(const std::vector<std::int64_t> &values) {
        return constant(
            fmt::format("numbers{}", ++m_count),
            Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
    }
    std::string filled(const std::string &name, Shape shape, float value) {
        const std::vector<float> values(static_cast<std::size_t>(shape.numel()), value);
        return constant(fmt::format("{}{}", name, ++m_count),
                        Tensor::fromValues<float>(std::move(shape), values));
    }
    /// Uniform in ±1/sqrt(fanIn), as layers usually start. \source He et al. 2015, arXiv:1502.01852
    std::string weight(const std::string &name, Shape shape, std::int64_t fanIn) {
        Tensor values = Tensor::allocate(DType::Float32, std::move(shape));
        const double bound = 1 / std::sqrt(static_cast<double>(fanIn));
        for (float &value : values.mutableValues<float>())
            value = static_cast<float>(bound * (2 * m_random.uniform() - 1));
        m_learned.push_back(fmt::format("{}{}", name, ++m_count));
        return constant(m_learned.back(), std::move(values));
    }
    std::string reshape(const std::string &value, const std::vector<std::int64_t> &shape) {
        return node("Reshape", {value, numbers(shape)});
    }
    std::string leaky(const std::string &value) { return node("LeakyRelu", {value}, {{"alpha", 0.2}}); }

    std::string convolution(const std::string &value, std::int64_t in, std::int64_t out) {
        return node(
            "Conv",
            {value, weight("kernel", Shape{out, in, 3, 3}, 9 * in), weight("bias", Shape{out}, 9 * in)},
            {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
             {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
    }
    /// Every pixel four times.
    std::string doubled(const std::string &value, std::int64_t channels, std::int64_t height,
                        std::int64_t width) {
        const std::string apart = reshape(value, {m_images, channels, height, 1, width, 1});
        const std::string repeated =
            node("Expand", {apart, numbers({m_images, channels, height, 2, width, 2})});
        return reshape(repeated, {m_images, channels, 2 * height, 2 * width});
    }
    std::string cropped(const std::string &value, std::int64_t height, std::int64_t width) {
        if (height == m_image.height && width == m_image.width)
            return value;
        return node("Slice",
                    {value, numbers({0, 0}), numbers({m_image.height, m_image.width}), numbers({2, 3})});
    }
    /// Batch normalization by the statistics of the batch at hand.
    std::string normalize(const std::string &value, std::int64_t channels, std::int64_t height,
                          std::int64_t width, bool learnedScale) {
        const std::map<std::string, Attribute> swap = {{"perm", std::vector<std::int64_t>{1, 0, 2, 3}}};
        const std::int64_t length = m_images * height * width;
        const std::string rows = reshape(node("Transpose", {value}, swap), {channels, length});
        const std::string even = node(
            "LayerNormalization", {rows, filled("ones", Shape{length}, 1), filled("zeros", Shape{length}, 0)},
            {{"axis", std::int64_t{-1}}, {"epsilon", 1e-5}});
        const std::string back =
            node("Transpose", {reshape(even, {channels, m_images, height, width})}, swap);
        if (!learnedScale)
            return back;
        const std::string scale = filled("scale", Shape{channels, 1, 1}, 1);
        const std::string shift = filled("shift", Shape{channels, 1, 1}, 0);
        m_learned.insert(m_learned.end(), {scale, shift});
        return node("Add", {node("Mul", {back, scale}), shift});
    }

    const ImageInput &m_image;
    std::int64_t m_images;
    Random m_random;
    GraphBuilder m_builder;
    Status m_status;
    std::vector<std::string> m_learned;
    int m_count = 0; ///< keeps names apart
};

class GeneratedImages final : public ImageSource {
public:
    GeneratedImages(std::shared_ptr<const GradientTape> tape, const std::vector<std::string> &learned,
                    Tensor latent)
        : m_tape(std::move(tape)), m_latent(std::move(latent)), m_latentRate(kLatentRate) {
        const ModelGraph &graph = m_tape->model().graph;
        for (const std::string &name : learned) {
            const ValueId id = graph.findValue(name);
            const NodeId reader = graph.consumers(id).front();
            const auto &inputs = graph.node(reader).inputs;
            const auto index = std::ranges::find(inputs, id) - inputs.begin();
            m_weights.emplace(InputSlot{reader, static_cast<int>(index)}, LearnedTensor(*graph.constant(id)));
        }
    }

    Result<Tensor> images(const RunContext &ctx) override {
        const ModelGraph &graph = m_tape->model().graph;
        TapeOptions options;
        for (const auto &[slot, weight] : m_weights)
            options.weights[slot] = weight.value();
        QS_TRY(m_record, m_tape->forward({{graph.inputs()[0], m_latent.value()}}, options, ctx));
        return m_record.values.at(graph.outputs()[0]);
    }

    Status step(const Tensor &gradient, double loss, const RunContext &ctx) override {
        const ModelGraph &graph = m_tape->model().graph;
        const ValueId latent = graph.inputs()[0];
        GradientTargets targets{{latent}, {}};
        for (const auto &entry : m_weights)
            targets.slots.push_back(entry.first);
        QS_TRY(const GradientResult gradients,
               m_tape->backward(m_record, {{graph.outputs()[0], gradient}}, targets, ctx));
        m_latent.step(gradients.values.at(latent), m_latentRate.next(loss));
        const double rate =
            kWeightRate * std::pow(kWeightDecay, static_cast<double>(m_steps++ / kDecayEvery));
        for (auto &[slot, weight] : m_weights)
            weight.step(gradients.slots.at(slot), rate);
        return {};
    }

private:
    std::shared_ptr<const GradientTape> m_tape;
    LearnedTensor m_latent;
    PlateauRate m_latentRate;
    std::map<InputSlot, LearnedTensor> m_weights;
    TapeRecord m_record; ///< of the latest images()
    std::int64_t m_steps = 0;
};

} // namespace

Result<std::unique_ptr<ImageSource>> makeGeneratedImages(const ImageInput &input, std::int64_t images,
                                                         std::uint64_t seed) {
    GeneratorGraph graph(input, images, seed);
    QS_TRY(auto model, graph.build());
    QS_TRY(auto tape, GradientTape::create(std::move(model)));
    Tensor latent = gaussianNoise(Shape{images, kLatent}, ~seed); // another sequence than the weights'
    return std::make_unique<GeneratedImages>(std::move(tape), graph.learned(), std::move(latent));
}

} // namespace qs
