#include "core/analysis/quantize_layer.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// What calibration knows about a layer, behind the interface that methods ask.
class CapturedServices final : public LayerServices {
public:
    CapturedServices(const Layer &layer, const LayerCapture *capture, const QuantizedLayer &activation)
        : m_layer(layer), m_capture(capture), m_activation(activation) {}

    /// The same with a Hessian in which tokens count as this method wants it.
    CapturedServices weighted(const TokenWeighting &weighting) const {
        CapturedServices services = *this;
        services.m_weighting = weighting;
        return services;
    }

    /// Why there cannot be the weighted Hessian; empty when there can.
    std::string refusal() const {
        const WeightedHessian *weighted = m_capture ? m_capture->find(m_weighting) : nullptr;
        return weighted ? weighted->refusal : std::string();
    }

    Result<MatrixView<const double>> hessian(std::int64_t group) override {
        if (m_layer.kind == LayerKind::Embedding)
            return identity();
        QS_TRY(const Tensor *matrix, matrixOf());
        const Shape &shape = matrix->shape();
        if (group < 0 || group >= shape[0])
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no convolution group {}", group),
                        m_layer.name);
        const double *values = matrix->values<double>().data() + group * shape[1] * shape[2];
        return MatrixView<const double>{values, shape[1], shape[2]};
    }

    Result<InputStatistics> inputStatistics(std::int64_t group) override {
        if (!m_capture || m_capture->tokens == 0 || m_capture->channelSum.empty())
            return missing("statistics of the inputs");
        const std::int64_t channels = m_capture->channels / m_layer.groups;
        const std::int64_t taps = m_layer.inPerOut / channels;
        const auto tokens = static_cast<double>(m_capture->tokens);
        InputStatistics statistics;
        for (std::int64_t col = 0; col < m_layer.inPerOut; ++col) {
            const auto channel = static_cast<std::size_t>(group * channels + col / taps);
            statistics.minimum.push_back(m_capture->channelMin[channel]);
            statistics.maximum.push_back(m_capture->channelMax[channel]);
            statistics.mean.push_back(static_cast<float>(m_capture->channelSum[channel] / tokens));
            statistics.meanMagnitude.push_back(
                static_cast<float>(m_capture->channelSumOfMagnitudes[channel] / tokens));
        }
        return statistics;
    }

    Result<LayerInputs> inputs() override {
        if (!m_capture || m_capture->sample.empty() || m_capture->sample.shape()[1] != m_layer.inPerOut)
            return missing("inputs");
        return LayerInputs{m_capture->sample,
                           m_activation.quantizesActivation()
                               ? quantizedActivation(m_capture->sample, m_activation, false)
                               : m_capture->sample};
    }

private:
    Result<const Tensor *> matrixOf() const {
        if (!m_capture || !m_capture->has(m_weighting))
            return missing("a Hessian");
        const WeightedHessian *weighted = m_capture->find(m_weighting);
        return weighted ? &weighted->matrix : &m_capture->hessian;
    }

    tl::unexpected<Error> missing(const char *what) const {
        return fail(ErrorCode::NotFound,
                    fmt::format("the method needs {}, and no calibration was run for this layer; open a "
                                "calibration set that fits the model",
                                what),
                    m_layer.name);
    }

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
    const QuantizedLayer &m_activation;
    TokenWeighting m_weighting;
    std::vector<double> m_identity;
};

/// Runs the chain of one layer: the branch, if any, around the quantizer.
class WeightChain {
public:
    WeightChain(const Layer &layer, const WeightChoice &choice, const MethodRegistry &methods,
                CapturedServices &services, std::uint64_t seed, FindingList &findings, const RunContext &ctx)
        : m_layer(layer), m_choice(choice), m_methods(methods), m_services(services), m_seed(seed),
          m_findings(findings), m_ctx(ctx) {}

    Result<QuantizedMatrix> run(MatrixView<const float> weights) {
        return m_choice.branch ? split(weights) : quantize(weights);
    }

private:
    Result<QuantizedMatrix> quantize(MatrixView<const float> weights) {
        const auto method = m_methods.find(m_choice.method);
        if (!method)
            return unknown("method", m_choice.method);
        QuantizeRequest request;
        request.layerName = m_layer.name;
        request.weights = weights;
        request.groups = m_layer.groups;
        request.scheme = m_choice.scheme;
        request.seed = m_seed;
        request.findings = &m_findings;
        QS_TRY(request.parameters, completed(method->schema(), m_choice.parameters));
        CapturedServices services = m_services.weighted(method->tokenWeighting(request.parameters));
        request.services = &services;
        if (const std::string refusal = services.refusal(); !refusal.empty())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} needs to know which tokens matter. {}", method->info().name, refusal),
                        m_layer.name);
        QS_CHECK_OK(accepted(method->info(), method->supports(request)));
        return method->quantize(request, m_ctx);
    }

    Result<QuantizedMatrix> split(MatrixView<const float> weights) {
        const auto method = m_methods.findBranch(m_choice.branch->method);
        if (!method)
            return unknown("branch", m_choice.branch->method);
        if (m_layer.groups > 1)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{}: a convolution with groups has no one weight matrix to split",
                                    method->info().name),
                        m_layer.name);
        if (m_layer.kind == LayerKind::Embedding)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{}: an embedding is looked up, not multiplied", method->info().name),
                        m_layer.name);
        BranchRequest request;
        request.layerName = m_layer.name;
        request.weights = weights;
        request.scheme = m_choice.scheme;
        request.services = &m_services;
        request.quantize = [this](MatrixView<const float> rest) { return quantize(rest); };
        request.seed = m_seed;
        request.findings = &m_findings;
        QS_TRY(request.parameters, completed(method->schema(), m_choice.branch->parameters));
        QS_CHECK_OK(accepted(method->info(), method->supports(request)));
        return method->decompose(request, m_ctx);
    }

    Result<nlohmann::json> completed(const ParameterSchema &schema, const nlohmann::json &given) const {
        auto parameters = schema.complete(given);
        if (!parameters)
            return fail(std::move(parameters).error().withContext(m_layer.name));
        return parameters;
    }

    Status accepted(const MethodInfo &info, const Support &support) const {
        if (support.yes)
            return {};
        return fail(ErrorCode::InvalidArgument, fmt::format("{}: {}", info.name, support.reason),
                    m_layer.name);
    }

    tl::unexpected<Error> unknown(const char *kind, const std::string &id) const {
        return fail(ErrorCode::InvalidArgument, fmt::format("there is no {} '{}'", kind, id), m_layer.name);
    }

    const Layer &m_layer;
    const WeightChoice &m_choice;
    const MethodRegistry &m_methods;
    CapturedServices &m_services;
    std::uint64_t m_seed;
    FindingList &m_findings;
    const RunContext &m_ctx;
};

void tellRegions(const RegionChoice &choice, const Layer &layer, FindingList &findings) {
    const bool worse = choice.squaredError > choice.plainSquaredError;
    findings.add(
        worse ? Severity::Warning : Severity::Info,
        fmt::format("mean squared error of the activation that enters: {:.3g} on the grid in two regions "
                    "(the negative one {} times finer), {:.3g} on a plain asymmetric grid",
                    choice.squaredError, 1 << choice.grid.shift, choice.plainSquaredError),
        layer.name, worse ? "A static scale is better for this layer." : "");
}

Status quantizeActivation(const Layer &layer, const ActivationChoice &choice, const LayerCapture *capture,
                          QuantizedLayer &quantized, FindingList &findings) {
    quantized.activationScale = choice.scale;
    quantized.activationAlpha = choice.alpha;
    if (choice.scale == ActivationScale::Token || choice.scale == ActivationScale::Cross) {
        quantized.activationScheme = choice.grid;
        return {};
    }
    if (!capture || capture->stats.count == 0)
        return fail(ErrorCode::NotFound,
                    "static activation quantization needs a calibration set; open one that fits the model",
                    layer.name);
    quantized.activationScheme = choice.grid;
    if (choice.scale == ActivationScale::Static) {
        quantized.activation = activationGrid(*capture, choice.grid);
        return {};
    }
    const RegionChoice regions = chooseRegions(capture->histogram, capture->stats.min, capture->stats.max,
                                               choice.grid.bits, choice.grid.rounding);
    quantized.activationRegion = regions.grid;
    tellRegions(regions, layer, findings);
    return {};
}

/// b − E[(Q(W) − W) x]: the mean output of the calibration set is that of the float layer again. Borders that
/// a convolution pads count as inputs like all others.
Status correctBias(const Layer &layer, MatrixView<const float> weights, LayerServices &services,
                   QuantizedLayer &quantized) {
    if (layer.kind == LayerKind::Embedding)
        return {};
    const Tensor values = quantized.weight->dequantize();
    const float *value = values.values<float>().data();
    const std::int64_t rowsPerGroup = layer.outChannels / layer.groups;
    for (std::int64_t group = 0; group < layer.groups; ++group) {
        QS_TRY(const InputStatistics statistics, services.inputStatistics(group));
        for (std::int64_t r = 0; r < rowsPerGroup; ++r) {
            double shift = 0;
            std::size_t col = 0;
            for (const float weight : weights.row(group * rowsPerGroup + r))
                shift += (static_cast<double>(*value++) - weight) * statistics.mean[col++];
            quantized.outputOffset.push_back(static_cast<float>(-shift));
        }
    }
    return {};
}

} // namespace

Result<QuantizedLayer> quantizeLayer(const Model &model, const Layer &layer, const LayerChoice &choice,
                                     const LayerCapture *capture, const MethodRegistry &methods,
                                     std::uint64_t seed, FindingList &findings, const RunContext &ctx) {
    QuantizedLayer quantized;
    quantized.layer = layer.id;
    // An embedding reads indices: there is no activation to quantize.
    if (choice.activation && layer.kind != LayerKind::Embedding)
        QS_CHECK_OK(quantizeActivation(layer, *choice.activation, capture, quantized, findings));
    if (!choice.weight)
        return quantized;
    QS_TRY(const Tensor values, weightMatrix(layer, model.graph));
    const MatrixView<const float> weights{values.values<float>().data(), layer.outChannels, layer.inPerOut};
    CapturedServices services(layer, capture, quantized);
    auto matrix = WeightChain(layer, *choice.weight, methods, services, seed, findings, ctx).run(weights);
    if (!matrix)
        return fail(std::move(matrix).error().withContext(layer.name));
    quantized.weight = std::make_shared<const QuantizedMatrix>(std::move(*matrix));
    if (choice.weight->corrects(Correction::Bias))
        QS_CHECK_OK(correctBias(layer, weights, services, quantized));
    return quantized;
}

std::set<HessianWish> neededHessians(const Model &model, const Recipe &recipe,
                                     const MethodRegistry &methods) {
    std::set<HessianWish> wishes;
    for (const Layer &layer : model.layers) {
        const LayerChoice choice = recipe.choiceFor(layer.name);
        if (!choice.weight || layer.kind == LayerKind::Embedding)
            continue;
        const auto needsHessian = [&](const std::string &id) {
            const MethodInfo *info = methods.info(id);
            return info && info->needsHessian;
        };
        if (needsHessian(choice.weight->method)) {
            const auto quantizer = methods.find(choice.weight->method);
            wishes.insert({layer.id, quantizer ? quantizer->tokenWeighting(choice.weight->parameters)
                                               : TokenWeighting{}});
        }
        if (choice.weight->branch && needsHessian(choice.weight->branch->method))
            wishes.insert({layer.id});
    }
    return wishes;
}

bool needsCalibration(const Recipe &recipe, const MethodRegistry &methods) {
    const auto needs = [&](const std::string &id) {
        const MethodInfo *info = methods.info(id);
        return info && info->needsCalibration();
    };
    const auto ruleNeeds = [&](const RecipeRule &rule) {
        const auto &weight = rule.choice.weight;
        const auto &activation = rule.choice.activation;
        return (activation && (activation->scale == ActivationScale::Static ||
                               activation->scale == ActivationScale::Region)) ||
               (weight && (!weight->corrections.empty() || needs(weight->method) ||
                           (weight->branch && needs(weight->branch->method))));
    };
    return std::ranges::any_of(recipe.rules, ruleNeeds) ||
           std::ranges::any_of(recipe.transforms,
                               [&](const TransformStep &step) { return needs(step.method.method); });
}

} // namespace qs
