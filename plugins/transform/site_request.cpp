#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

SiteReader readerOf(const qs_site_consumer &layer, std::int64_t channels) {
    SiteReader reader;
    reader.weights = {layer.weights, layer.rows, channels * layer.taps};
    reader.taps = layer.taps;
    reader.depthwise = layer.depthwise != 0;
    reader.groupSize = layer.granularity == QS_PER_GROUP ? layer.group_size : 0;
    reader.bits = layer.bits;
    reader.activationBits = layer.activation_bits;
    return reader;
}

std::span<const float> channelsOf(const float *values, std::int64_t channels) {
    return {values, values ? static_cast<std::size_t>(channels) : 0};
}

} // namespace

SiteData siteOf(const qs_transform_request &request) {
    SiteData site;
    site.channels = request.channels;
    for (std::int64_t index = 0; index < request.consumer_count; ++index) {
        const qs_site_consumer &layer = request.consumers[index];
        site.readers.push_back(readerOf(layer, request.channels));
        if (layer.activation_bits > 0)
            site.activationConvention = conventionOf(layer.activation_convention);
    }
    site.minimum = channelsOf(request.minimum, request.channels);
    site.maximum = channelsOf(request.maximum, request.channels);
    site.meanMagnitude = channelsOf(request.mean_magnitude, request.channels);
    if (request.inputs)
        site.inputs = {request.inputs, request.tokens, request.channels};
    if (request.hessian)
        site.hessian = {request.hessian, request.channels, request.channels};
    return site;
}

TransformServices transformServicesOf(const TransformCall &call, const char *method) {
    TransformServices services{servicesOf(call, method), {}, {}};
    services.quantize = [&call](std::size_t reader, std::span<const float> weights,
                                std::span<float> dequantized) {
        const qs_site_consumer &layer = call.request().consumers[reader];
        call.roundTrip(weights.data(), layer.rows, call.request().channels * layer.taps, dequantized.data());
    };
    services.randomBits = [&call](std::uint64_t index) { return call.randomBits(index); };
    return services;
}

void store(const TransformCall &call, const ChannelChange &change) {
    std::copy(change.scale.begin(), change.scale.end(), call.result().scale);
    if (call.result().shift)
        std::copy(change.shift.begin(), change.shift.end(), call.result().shift);
}

std::string operatorRefusal(const qs_transform_request &request) {
    if (request.producer != QS_PRODUCER_NONE || parametersOf(request).at("insert_operators"))
        return {};
    return "nothing before this tensor can take the scale; with insert_operators it would be divided at run "
           "time";
}

bool knowsOutputs(const SiteData &site) {
    return site.inputs.rows > 0 && std::all_of(site.readers.begin(), site.readers.end(),
                                               [](const SiteReader &reader) { return reader.taps == 1; });
}

ChannelChange bestRatio(const TransformCall &call, const char *method, const SiteData &site, int steps,
                        const std::function<ChannelChange(double)> &change) {
    const TransformServices services = transformServicesOf(call, method);
    std::vector<double> ratios;
    for (int step = 0; step <= steps; ++step)
        ratios.push_back(static_cast<double>(step) / steps);
    const ChangeSearch search = valueOrThrow(
        call, searchChange(
                  site.channels, ratios, change,
                  [&](const ChannelChange &candidate) { return siteOutputError(site, candidate, services); },
                  services));
    call.log(QS_LOG_INFO,
             search.ratio
                 ? fmt::format("{}: alpha {:.2f}; mean squared error of the outputs {:.3g}, {:.3g} "
                               "without the transform",
                               method, *search.ratio, search.error, search.unchangedError)
                 : fmt::format("{}: left as it is; no alpha lowers the error of the outputs", method));
    return search.change;
}

} // namespace qs
