#include "core/analysis/quantize_layer.h"

#include <fmt/format.h>

namespace qs {
namespace {

class CapturedServices final : public LayerServices {
public:
    CapturedServices(const Layer &layer, const LayerCapture *capture) : m_layer(layer), m_capture(capture) {}

    Result<MatrixView<const double>> hessian(std::int64_t group) override {
        if (m_layer.kind == LayerKind::Embedding)
            return identity();
        if (!m_capture || m_capture->hessian.empty())
            return fail(ErrorCode::NotFound,
                        "the method needs a Hessian, and no calibration was run for this layer; open a "
                        "calibration set "
                        "that fits the model",
                        m_layer.name);
        const Shape &shape = m_capture->hessian.shape();
        if (group < 0 || group >= shape[0])
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no convolution group {}", group),
                        m_layer.name);
        const double *values = m_capture->hessian.values<double>().data() + group * shape[1] * shape[2];
        return MatrixView<const double>{values, shape[1], shape[2]};
    }

private:
    /// A lookup returns a row of the table as it is, so its squared error is that of the weights: H = I.
    MatrixView<const double> identity() {
        const std::int64_t cols = m_layer.inPerOut;
        if (m_identity.empty()) {
            m_identity.assign(static_cast<std::size_t>(cols * cols), 0.0);
            for (std::int64_t i = 0; i < cols; ++i)
                m_identity[static_cast<std::size_t>(i * cols + i)] = 1.0;
        }
        return {m_identity.data(), cols, cols};
    }

    const Layer &m_layer;
    const LayerCapture *m_capture;
    std::vector<double> m_identity;
};

Result<std::shared_ptr<const QuantizedMatrix>>
quantizeWeight(const Model &model, const Layer &layer, const WeightChoice &choice,
               const LayerCapture *capture, const QuantizerRegistry &methods, std::uint64_t seed,
               FindingList &findings, const RunContext &ctx) {
    const auto method = methods.find(choice.method);
    if (!method)
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no method '{}'", choice.method),
                    layer.name);
    QS_TRY(const Tensor weights, weightMatrix(layer, model.graph));
    CapturedServices services(layer, capture);
    QuantizeRequest request;
    request.layerName = layer.name;
    request.weights = {weights.values<float>().data(), layer.outChannels, layer.inPerOut};
    request.groups = layer.groups;
    request.scheme = choice.scheme;
    request.services = &services;
    request.seed = seed;
    request.findings = &findings;
    auto parameters = method->schema().complete(choice.parameters);
    if (!parameters)
        return fail(std::move(parameters).error().withContext(layer.name));
    request.parameters = std::move(*parameters);
    if (const Support support = method->supports(request); !support.yes)
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", method->info().name, support.reason),
                    layer.name);
    auto matrix = method->quantize(request, ctx);
    if (!matrix)
        return fail(std::move(matrix).error().withContext(layer.name));
    return std::make_shared<const QuantizedMatrix>(std::move(*matrix));
}

} // namespace

Result<QuantizedLayer> quantizeLayer(const Model &model, const Layer &layer, const LayerChoice &choice,
                                     const LayerCapture *capture, const QuantizerRegistry &methods,
                                     std::uint64_t seed, FindingList &findings, const RunContext &ctx) {
    QuantizedLayer quantized;
    quantized.layer = layer.id;
    if (choice.weight) {
        QS_TRY(quantized.weight,
               quantizeWeight(model, layer, *choice.weight, capture, methods, seed, findings, ctx));
    }
    // An embedding reads indices: there is no activation to quantize.
    if (choice.activation && layer.kind != LayerKind::Embedding) {
        if (!capture || capture->stats.count == 0)
            return fail(
                ErrorCode::NotFound,
                "static activation quantization needs a calibration set; open one that fits the model",
                layer.name);
        quantized.activationScheme = choice.activation->grid;
        quantized.activation = activationGrid(*capture, choice.activation->grid);
    }
    return quantized;
}

std::set<LayerId> layersThatNeedHessian(const Model &model, const Recipe &recipe,
                                        const QuantizerRegistry &methods) {
    std::set<LayerId> layers;
    for (const Layer &layer : model.layers) {
        const LayerChoice choice = recipe.choiceFor(layer.name);
        if (!choice.weight || layer.kind == LayerKind::Embedding)
            continue;
        if (const auto method = methods.find(choice.weight->method); method && method->info().needsHessian)
            layers.insert(layer.id);
    }
    return layers;
}

} // namespace qs
