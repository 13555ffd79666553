#include "core/plugin/plugin_transform.h"

#include "core/plugin/plugin_method.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

static_assert(QS_PRODUCER_NONE == static_cast<int>(SiteProducer::None) &&
              QS_PRODUCER_NORM == static_cast<int>(SiteProducer::Norm) &&
              QS_PRODUCER_LAYER == static_cast<int>(SiteProducer::Layer));

constexpr float kUnset = std::numeric_limits<float>::quiet_NaN();

template <typename T>
const T *dataOf(const Tensor &tensor) {
    return tensor.empty() ? nullptr : tensor.values<T>().data();
}

const float *dataOf(const std::vector<float> &values) {
    return values.empty() ? nullptr : values.data();
}

/// A site as the C table sees it.
struct SiteTable {
    std::vector<qs_site_consumer> consumers;
    qs_transform_request request{};

    SiteTable(const TransformRequest &from, const std::string &parameters, qs_call *call) {
        const TransformSite &site = *from.site;
        for (const SiteConsumer &consumer : site.consumers)
            consumers.push_back(consumerTable(consumer));
        request.struct_size = sizeof request;
        request.call = call;
        request.site_name = site.name.c_str();
        request.channels = site.channels;
        request.producer = static_cast<std::int32_t>(site.producer);
        request.can_shift = site.canShift ? 1 : 0;
        request.consumers = consumers.data();
        request.consumer_count = static_cast<std::int64_t>(consumers.size());
        request.minimum = dataOf(site.statistics.minimum);
        request.maximum = dataOf(site.statistics.maximum);
        request.mean = dataOf(site.statistics.mean);
        request.mean_magnitude = dataOf(site.statistics.meanMagnitude);
        request.inputs = dataOf<float>(site.inputs);
        request.tokens = site.inputs.empty() ? 0 : site.inputs.shape()[0];
        request.hessian = dataOf<double>(site.hessian);
        request.producer_weights = dataOf<float>(site.producerWeights);
        request.producer_bias = dataOf(site.producerBias);
        request.producer_cols = site.producerWeights.empty() ? 0 : site.producerWeights.shape()[1];
        request.parameters = parameters.c_str();
        request.seed = from.seed;
    }

    static qs_site_consumer consumerTable(const SiteConsumer &consumer) {
        qs_site_consumer table{};
        table.layer_name = consumer.layerName.c_str();
        table.weights = consumer.weights.values<float>().data();
        table.rows = consumer.weights.shape()[0];
        table.taps = consumer.taps;
        if (consumer.scheme) {
            table.bits = consumer.scheme->grid.bits;
            table.convention = static_cast<std::int32_t>(consumer.scheme->grid.convention);
            table.granularity = static_cast<std::int32_t>(consumer.scheme->granularity);
            table.group_size = consumer.scheme->groupSize;
        }
        if (consumer.activation) {
            table.activation_bits = consumer.activation->bits;
            table.activation_convention = static_cast<std::int32_t>(consumer.activation->convention);
        }
        table.depthwise = consumer.depthwise ? 1 : 0;
        return table;
    }
};

/// The grid on which host->quantize() rounds weights of this size: that of the first consumer that has it.
const WeightGridScheme *schemeFor(const TransformSite &site, MatrixView<const float> weights) {
    for (const SiteConsumer &consumer : site.consumers)
        if (consumer.scheme && consumer.weights.shape()[0] == weights.rows &&
            site.channels * consumer.taps == weights.cols)
            return &*consumer.scheme;
    return nullptr;
}

/// Plain rounding on a grid, as values.
Result<Tensor> roundTrip(MatrixView<const float> weights, const WeightGridScheme &scheme,
                         const RunContext &ctx) {
    QuantizeRequest request;
    request.weights = weights;
    request.scheme = scheme;
    request.parameters = nlohmann::json::object();
    QS_TRY(const QuantizedMatrix matrix, makeRtnQuantizer()->quantize(request, ctx));
    return matrix.dequantize();
}

Status checkChange(const SiteChange &change, const MethodInfo &info, const std::string &site) {
    const auto broken = [&](std::string what) {
        return fail(ErrorCode::PluginFailure, fmt::format("method '{}' returned {}", info.id, what), site);
    };
    for (std::size_t i = 0; i < change.scale.size(); ++i)
        if (!std::isfinite(change.scale[i]) || change.scale[i] <= 0)
            return broken(fmt::format("the scale {} for channel {}", change.scale[i], i));
    for (std::size_t i = 0; i < change.shift.size(); ++i)
        if (!std::isfinite(change.shift[i]))
            return broken(fmt::format("the shift {} for channel {}", change.shift[i], i));
    if (!change.matrix.empty())
        for (const double value : change.matrix.values<double>())
            if (!std::isfinite(value))
                return broken("a matrix that is not finite");
    return {};
}

} // namespace

Result<std::shared_ptr<const TransformMethod>>
PluginTransform::make(std::shared_ptr<const PluginLibrary> library, const qs_transform *table) {
    auto schema = ParameterSchema::parse(table->parameters);
    if (!schema)
        return fail(ErrorCode::PluginFailure,
                    fmt::format("method '{}': {}", table->id, schema.error().text()));
    std::shared_ptr<PluginTransform> transform(new PluginTransform);
    transform->m_info = pluginMethodInfo(*table, *library, MethodKind::Transform);
    transform->m_info.cost = table->cost;
    transform->m_schema = std::move(*schema);
    transform->m_library = std::move(library);
    transform->m_table = table;
    return transform;
}

TransformKinds PluginTransform::kinds() const {
    const auto has = [this](std::uint32_t kind) { return (m_table->kinds & kind) != 0; };
    return {has(QS_TRANSFORM_SCALES), has(QS_TRANSFORM_SHIFTS), has(QS_TRANSFORM_ROTATES),
            has(QS_TRANSFORM_RESIDUAL), has(QS_TRANSFORM_REPEATS)};
}

Support PluginTransform::supports(const TransformRequest &request) const {
    auto parameters = m_schema.complete(request.parameters);
    if (!parameters)
        return {false, parameters.error().message};
    const std::string text = parameters->dump();
    const SiteTable table(request, text, nullptr);
    return pluginSupport(*m_table, table.request);
}

Result<SiteChange> PluginTransform::transform(const TransformRequest &request, const RunContext &ctx) const {
    QS_TRY(const nlohmann::json parameters, m_schema.complete(request.parameters));
    const std::string text = parameters.dump();
    const TransformSite &site = *request.site;
    qs_call call{ctx, site.name, nullptr, request.findings};
    call.cols = site.channels;
    call.quantize = [&](MatrixView<const float> weights, float *dequantized) -> qs_status {
        const WeightGridScheme *scheme = schemeFor(site, weights);
        if (!scheme)
            return QS_UNSUPPORTED;
        const auto values = roundTrip(weights, *scheme, ctx);
        if (!values)
            return values.error().code == ErrorCode::Cancelled ? QS_CANCELLED : QS_FAILED;
        std::ranges::copy(values->values<float>(), dequantized);
        return QS_OK;
    };
    const SiteTable table(request, text, &call);
    const TransformKinds kind = kinds();
    const auto channels = static_cast<std::size_t>(site.channels);
    SiteChange change;
    std::vector<float> scale(channels, 1.0f), shift(channels, 0.0f);
    if (kind.rotates || kind.residual) {
        change.matrix = Tensor::zeros(DType::Float64, Shape{site.channels, site.channels});
        for (std::size_t i = 0; i < channels; ++i)
            change.matrix.mutableValues<double>()[i * channels + i] = 1.0;
    }
    std::array<char, kPluginMessageSize> message{};
    qs_transform_result result{sizeof(qs_transform_result),
                               kPluginMessageSize,
                               scale.data(),
                               shift.data(),
                               change.matrix.empty() ? nullptr : change.matrix.mutableValues<double>().data(),
                               kUnset,
                               kUnset,
                               message.data()};
    const qs_status status =
        callPlugin(message, [&] { return m_table->transform(&table.request, &pluginHost(), &result); });
    if (auto outcome = pluginOutcome(status, message.data(), m_info, ctx); !outcome)
        return fail(std::move(outcome).error().withContext(site.name));
    if (kind.scales)
        change.scale = std::move(scale);
    if (kind.shifts)
        change.shift = std::move(shift);
    if (result.activation_low < result.activation_high)
        change.activationRange = ValueRange{result.activation_low, result.activation_high};
    QS_CHECK_OK(checkChange(change, m_info, site.name));
    return change;
}

} // namespace qs
