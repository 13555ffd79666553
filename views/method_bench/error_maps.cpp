#include "views/method_bench/error_maps.h"

#include "views/method_bench/error_overlay.h"

#include <QCoreApplication>

namespace qs::views {
namespace {

/// Reduces the largest magnitude as far as a few outliers of the errors do not hide the rest.
double reachOf(const std::vector<std::shared_ptr<const HeatMapData>> &maps) {
    double largest = 0;
    for (const auto &map : maps)
        largest = std::max({largest, std::abs(static_cast<double>(map->lowest())),
                            std::abs(static_cast<double>(map->highest()))});
    return largest > 0 ? largest : 1e-12;
}

Tensor errorOf(const QuantizedMatrix &matrix, const Tensor &weights, const Tensor *first) {
    const Tensor dequantized = matrix.dequantize();
    Tensor error = Tensor::allocate(DType::Float32, weights.shape());
    const auto values = dequantized.values<float>();
    // The difference to the first run needs no weights: they cancel.
    const auto base = first ? first->values<float>() : weights.values<float>();
    const auto out = error.mutableValues<float>();
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = values[i] - base[i];
    return error;
}

HeatMapScene sceneOf(std::shared_ptr<const HeatMapData> data, double reach, bool difference) {
    HeatMapScene scene;
    scene.data = std::move(data);
    scene.rowTitle = QCoreApplication::translate("ErrorMaps", "output");
    scene.columnTitle = QCoreApplication::translate("ErrorMaps", "input");
    scene.valueTitle = difference ? QCoreApplication::translate("ErrorMaps", "ŵ − ŵ of the first")
                                  : QCoreApplication::translate("ErrorMaps", "ŵ − w");
    scene.valueUnit = QCoreApplication::translate("ErrorMaps", "weight units");
    scene.scale = {HeatMapScale::Kind::SignedLinear, 0, reach};
    scene.map = findColorMap("diverging");
    return scene;
}

} // namespace

Result<std::shared_ptr<const ErrorMapsData>> prepareErrorMaps(const ErrorMapsRequest &request,
                                                              const RunContext &ctx) {
    const Layer &layer = request.model->layers[static_cast<std::size_t>(request.layer)];
    auto data = std::make_shared<ErrorMapsData>();
    data->layer = layer.name;
    std::vector<std::shared_ptr<const HeatMapData>> maps;
    std::optional<Tensor> first;
    for (const RunEntry &entry : request.runs) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(static_cast<std::int64_t>(maps.size()), static_cast<std::int64_t>(request.runs.size()),
                 "mapping errors");
        const auto matrix = quantizedWeight(*entry.run, *request.model, request.layer);
        const QString title = QString::fromStdString(entry.title());
        if (!matrix || maps.size() == kMostErrorMaps) {
            data->left.push_back(title);
            continue;
        }
        const Model &quantized = *entry.run->quantizedModel();
        QS_TRY(const Tensor weights,
               weightMatrix(quantized.layers[static_cast<std::size_t>(request.layer)], quantized.graph));
        const bool isFirst = !first;
        if (isFirst)
            first = matrix->dequantize();
        const bool relative = request.differenceToFirst && !isFirst;
        QS_TRY(auto map,
               HeatMapData::fromMatrix(errorOf(*matrix, weights, relative ? &*first : nullptr), ctx));
        maps.push_back(std::move(map));
        data->titles.push_back(title);
    }
    const double reach = reachOf(maps);
    for (std::size_t i = 0; i < maps.size(); ++i)
        data->scenes.push_back(sceneOf(maps[i], reach, request.differenceToFirst && i > 0));
    return std::shared_ptr<const ErrorMapsData>(std::move(data));
}

} // namespace qs::views
