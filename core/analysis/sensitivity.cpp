#include "core/analysis/sensitivity.h"

#include "core/analysis/quantize_layer.h"

#include <fmt/format.h>

namespace qs {
namespace {

WeightChoice plannedWeight(const Recipe &recipe, const Layer &layer) {
    return recipe.choiceFor(layer.name).weight.value_or(WeightChoice{});
}

/// The variants of one layer at all bit-widths; a width that the method refuses becomes a finding and stays
/// empty.
struct Variants {
    std::vector<QuantizedLayer> layers;
    std::vector<std::size_t> columns;
};

Result<Variants> quantizeAtAllBits(const Model &model, const Layer &layer, const LayerCapture *capture,
                                   const MethodRegistry &methods, const SensitivityOptions &options,
                                   FindingList &findings, const RunContext &ctx) {
    Variants variants;
    const WeightChoice planned = plannedWeight(options.recipe, layer);
    for (std::size_t column = 0; column < options.bits.size(); ++column) {
        LayerChoice choice;
        choice.weight = planned;
        choice.weight->scheme.grid.bits = options.bits[column];
        auto quantized = quantizeLayer(model, layer, choice, capture, methods, 0, findings, ctx);
        if (!quantized) {
            if (quantized.error().code == ErrorCode::Cancelled)
                return fail(std::move(quantized).error());
            findings.add(toFinding(quantized.error()));
            continue;
        }
        variants.layers.push_back(std::move(*quantized));
        variants.columns.push_back(column);
    }
    return variants;
}

} // namespace

std::set<HessianWish> sensitivityHessians(const Model &model, const SensitivityOptions &options,
                                          const MethodRegistry &methods) {
    std::set<HessianWish> wishes = neededHessians(model, options.recipe, methods);
    std::erase_if(wishes, [&](const HessianWish &wish) {
        return !options.layers.empty() &&
               std::ranges::find(options.layers, wish.layer) == options.layers.end();
    });
    return wishes;
}

Result<std::shared_ptr<const SensitivityTable>>
measureSensitivity(const Evaluator &evaluator, const Model &model, CaptureSource *calibration,
                   const MethodRegistry &methods, const SensitivityOptions &options,
                   const std::function<void(std::shared_ptr<const SensitivityTable>)> &rowFinished,
                   FindingList &findings, const RunContext &ctx) {
    QS_CHECK_OK(options.recipe.validate());
    const auto layerOf = [&](LayerId id) -> const Layer & {
        return model.layers[static_cast<std::size_t>(id)];
    };
    SensitivityTable table;
    table.bits = options.bits;
    table.layers = options.layers;
    if (table.layers.empty())
        for (const Layer &layer : model.layers)
            table.layers.push_back(layer.id);
    // Node order, so that the evaluator carries the float pass forward and never starts over.
    std::sort(table.layers.begin(), table.layers.end());
    table.cells.resize(table.layers.size() * table.bits.size());
    table.baseline = evaluator.baseline();
    table.samples = evaluator.samples();

    for (const LayerId id : table.layers)
        if (const auto method = methods.find(plannedWeight(options.recipe, layerOf(id)).method))
            table.methodVersions[method->info().id] = method->info().version;
    for (const TransformStep &step : options.recipe.transforms)
        if (const MethodInfo *info = methods.info(step.method.method))
            table.methodVersions[info->id] = info->version;

    for (std::size_t row = 0; row < table.layers.size(); ++row) {
        const Layer &layer = layerOf(table.layers[row]);
        ctx.step(static_cast<std::int64_t>(row), static_cast<std::int64_t>(table.layers.size()),
                 fmt::format("sensitivity of {}", layer.name));
        std::shared_ptr<const LayerCapture> capture;
        if (calibration) {
            QS_TRY(capture, calibration->layer(layer.id, findings, ctx));
        }
        QS_TRY(const Variants variants,
               quantizeAtAllBits(model, layer, capture.get(), methods, options, findings, ctx));
        QS_TRY(const std::vector<AloneMetrics> metrics, evaluator.evaluateAlone(variants.layers, ctx));
        for (std::size_t v = 0; v < metrics.size(); ++v)
            table.cells[row * table.bits.size() + variants.columns[v]] = metrics[v];
        table.complete = row + 1 == table.layers.size();
        if (rowFinished)
            rowFinished(std::make_shared<const SensitivityTable>(table));
    }
    table.complete = true;
    return std::make_shared<const SensitivityTable>(std::move(table));
}

} // namespace qs
