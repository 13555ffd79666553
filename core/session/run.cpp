#include "core/session/run.h"

namespace qs {
namespace {

std::optional<double> sqnrOf(const std::optional<ErrorMetrics> &error) {
    return error ? std::optional(error->sqnrDb()) : std::nullopt;
}

} // namespace

std::optional<double> LayerResult::weightSqnrDb() const {
    return sqnrOf(weightError);
}
std::optional<double> LayerResult::outputSqnrDb() const {
    return sqnrOf(outputError);
}

std::vector<QuantizedLayer> Run::quantizedLayers() const {
    std::vector<QuantizedLayer> quantized;
    for (const auto &layer : layers)
        if (layer && layer->state == LayerResult::State::Quantized)
            quantized.push_back(layer->quantized);
    return quantized;
}

std::optional<RangeBound> Run::activationRangeBound(LayerId layer) const {
    const auto index = static_cast<std::size_t>(layer);
    if (!capture || index >= layers.size() || !layers[index] || index >= capture->layers.size() ||
        !capture->layers[index])
        return {};
    return qs::activationRangeBound(*capture->layers[index], layers[index]->quantized);
}

double Run::effectiveBits() const {
    double bits = 0, weights = 0;
    for (const auto &layer : layers)
        if (layer) {
            const auto count =
                static_cast<double>(model->layers[static_cast<std::size_t>(layer->layer)].parameters());
            bits += layer->bits.effective() * count;
            weights += count;
        }
    return weights > 0 ? bits / weights : 0.0;
}

std::int64_t Run::weightBytes() const {
    double bits = 0;
    for (const auto &layer : layers)
        if (layer)
            bits += layer->bits.effective() *
                    static_cast<double>(model->layers[static_cast<std::size_t>(layer->layer)].parameters());
    return static_cast<std::int64_t>(bits / 8 + 0.5);
}

} // namespace qs
