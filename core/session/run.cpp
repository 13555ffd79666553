#include "core/session/run.h"

#include <set>

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

namespace {

struct StoredWeights {
    double bits = 0, weights = 0;
};

/// Of the layers of a run. A weight that several of them read, with the same settings, is stored once.
StoredWeights storedWeights(const Run &run) {
    StoredWeights stored;
    std::set<std::pair<ValueId, double>> seen;
    for (const auto &result : run.layers)
        if (result) {
            const Model &model = run.prepared ? *run.prepared->model : *run.model;
            const Layer &layer = model.layers[static_cast<std::size_t>(result->layer)];
            if (layer.weight != kNoValue && !seen.emplace(layer.weight, result->bits.effective()).second)
                continue;
            const auto count = static_cast<double>(layer.parameters());
            stored.bits += result->bits.effective() * count;
            stored.weights += count;
        }
    return stored;
}

} // namespace

double Run::effectiveBits() const {
    const StoredWeights stored = storedWeights(*this);
    return stored.weights > 0 ? stored.bits / stored.weights : 0.0;
}

std::int64_t Run::weightBytes() const {
    return static_cast<std::int64_t>(storedWeights(*this).bits / 8 + 0.5);
}

} // namespace qs
