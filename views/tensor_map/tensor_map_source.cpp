#include "views/tensor_map/tensor_map_source.h"

#include "core/figure/tensor_figure.h"
#include "core/graph/weights_only.h"
#include "views/shared/format_text.h"

namespace qs::views {

namespace {

using Shown = TensorMapRequest::Shown;

QString tr(const char *text) {
    return QCoreApplication::translate("TensorMap", text);
}

WeightAspect aspectOf(Shown shown) {
    switch (shown) {
    case Shown::Codes:
        return WeightAspect::Codes;
    case Shown::Dequantized:
        return WeightAspect::Dequantized;
    case Shown::Error:
        return WeightAspect::Error;
    default:
        return WeightAspect::Weight;
    }
}

bool needsCodes(Shown shown) {
    return shown == Shown::Codes || shown == Shown::Dequantized || shown == Shown::Error;
}

std::shared_ptr<const QuantizedMatrix> matrixOf(const TensorMapRequest &request) {
    return request.result ? request.result->quantized.weight : nullptr;
}

Result<std::shared_ptr<const TensorMapBase>> makeBase(const TensorMapRequest &request,
                                                      const std::shared_ptr<const TensorMapBase> &old,
                                                      const RunContext &ctx) {
    const auto matrix = matrixOf(request);
    const bool sameLayer = old && old->model == request.model && old->layer == request.layer;
    if (sameLayer && old->matrix == matrix)
        return old;
    auto base = std::make_shared<TensorMapBase>();
    base->model = request.model;
    base->layer = request.layer;
    base->matrix = matrix;
    ctx.step(0, 0, "reading the weight");
    if (sameLayer) {
        base->weights = old->weights;
    } else {
        QS_TRY(base->weights, weightMatrix(request.layerInfo(), request.model->graph));
    }
    QS_TRY(base->stats, statsOf(*matrixSource(base->weights), ctx));
    if (matrix) {
        QS_TRY(const HeatMapStats dequantized,
               statsOf(*aspectSource(WeightAspect::Dequantized, base->weights, matrix), ctx));
        base->stats = base->stats.joinedWith(dequantized);
    }
    return base;
}

/// Columns of a convolution run over the elements of its kernel, too.
QString inputTitle(const Layer &layer) {
    const bool hasKernel =
        layer.kind == LayerKind::Conv && layer.weightShape.numelBetween(2, layer.weightShape.rank()) > 1;
    return hasKernel ? tr("input × kernel element") : tr("input");
}

void nameValues(TensorMapContent &content) {
    const Layer &layer = content.request.layerInfo();
    HeatMapScene &scene = content.scene;
    scene.rowTitle = layer.kind == LayerKind::Embedding ? tr("entry") : tr("output");
    scene.columnTitle = inputTitle(layer);
    scene.valueUnit = tr("weight units");
    switch (content.request.shown) {
    case Shown::Codes:
        scene.valueTitle = tr("code");
        scene.valueUnit = tr("code");
        scene.join = HeatMapJoin::Mean;
        break;
    case Shown::Dequantized:
        scene.valueTitle = QStringLiteral("ŵ");
        break;
    case Shown::Error:
        scene.valueTitle = QStringLiteral("ŵ − w");
        break;
    default:
        scene.valueTitle = QStringLiteral("w");
    }
}

HeatMapBorders bordersOf(const QuantizedMatrix &matrix) {
    switch (matrix.layout.granularity) {
    case Granularity::PerTensor:
        return {};
    case Granularity::PerChannel:
        return {1, 0};
    case Granularity::PerGroup:
        return {1, matrix.groupOfColumn.empty() ? matrix.layout.groupSize : 0};
    }
    return {};
}

Status loadMap(TensorMapContent &content, const RunContext &ctx) {
    const TensorMapBase &base = *content.base;
    nameValues(content);
    QS_TRY(content.scene.data,
           HeatMapData::fromSource(aspectSource(aspectOf(content.request.shown), base.weights, base.matrix),
                                   ctx));
    if (base.matrix)
        content.scene.borders = bordersOf(*base.matrix);
    const bool shared = content.request.shown == Shown::Weight || content.request.shown == Shown::Dequantized;
    content.stats = shared ? base.stats : content.scene.data->stats();
    return {};
}

Status loadSurface(TensorMapContent &content, const RunContext &ctx) {
    SurfaceScene &surface = content.surface;
    const Layer &layer = content.request.layerInfo();
    const bool isWeight = content.request.shown == Shown::WeightSurface;
    const auto values = matrixSource(isWeight ? content.base->weights : content.request.capture->sample);
    surface.rowTitle = !isWeight && layer.kind == LayerKind::Conv ? tr("pixel")
                       : !isWeight                                ? tr("token")
                       : layer.kind == LayerKind::Embedding       ? tr("entry")
                                                                  : tr("output");
    surface.columnTitle = isWeight ? inputTitle(layer) : tr("channel");
    surface.valueTitle = isWeight ? QStringLiteral("|w|") : QStringLiteral("|x|");
    surface.valueUnit = isWeight ? tr("weight units") : tr("activation units");
    QS_TRY(PooledMagnitudes points,
           poolMagnitudes(*values, SurfaceScene::kMostRows, SurfaceScene::kMostColumns, ctx));
    QS_TRY(content.stats, statsOf(std::vector<std::vector<float>>{points.values}, ctx));
    surface.points = std::make_shared<const PooledMagnitudes>(std::move(points));
    return {};
}

QString mapNotes(const TensorMapContent &content) {
    const auto &matrix = content.base->matrix;
    QStringList notes;
    switch (content.request.shown) {
    case Shown::Codes:
        notes << tr("joined cells: mean code");
        break;
    case Shown::Error:
        notes << tr("joined cells: largest error");
        break;
    default:
        notes << tr("joined cells: largest |value|");
        if (matrix)
            notes << tr("weight and dequantized share the scale");
    }
    if (matrix && !matrix->groupOfColumn.empty())
        notes << tr("columns are grouped in another order: no group borders");
    return notes.join(QStringLiteral(" · "));
}

QString summaryOf(const TensorMapContent &content) {
    const Layer &layer = content.request.layerInfo();
    QStringList parts{QString::fromStdString(layer.name)};
    if (content.request.shown == Shown::ActivationSurface) {
        const PooledMagnitudes &points = *content.surface.points;
        parts << QStringLiteral("%1 %2s × %3 channels")
                     .arg(formatCount(points.srcRows), content.surface.rowTitle, formatCount(points.srcCols))
              << tr("the first of %1 seen").arg(formatCount(content.request.capture->tokens));
        if (const std::string &origin = content.request.capture->origin; !origin.empty())
            parts << QString::fromStdString(origin);
        return parts.join(QStringLiteral(" · "));
    }
    parts << QStringLiteral("%1 × %2").arg(formatCount(layer.outChannels), formatCount(layer.inPerOut));
    parts << (content.base->matrix ? QString::fromStdString(gridText(*content.base->matrix)) : tr("float"));
    if (!content.request.isSurface())
        parts << mapNotes(content);
    const std::int64_t held =
        content.base->bytes() + (content.scene.data ? content.scene.data->pyramidBytes() : 0);
    if (held > (std::int64_t{16} << 20)) // worth knowing
        parts << tr("holds %1").arg(formatBytes(held));
    return parts.join(QStringLiteral(" · "));
}

} // namespace

ValueKind TensorMapRequest::valueKind() const {
    return isSurface() ? ValueKind::Magnitude : shown == Shown::Codes ? ValueKind::Codes : ValueKind::Signed;
}

QString TensorMapRequest::whyNothing() const {
    if (!model)
        return tr("No model is open. Open one, or drop a file onto the window.");
    if (model->layers.empty())
        return tr("This model has no layer with a constant weight, so there is no tensor to map.");
    if (layer < 0 || static_cast<std::size_t>(layer) >= model->layers.size())
        return tr("No layer is selected. Click one in the layer table.");
    const QString name = QString::fromStdString(layerInfo().name);
    if (shown == Shown::ActivationSurface) {
        if (!capture && isWeightsOnly(model->graph))
            return tr(kNoGraphText) + tr("\nWeights can be seen: choose “weight”.");
        if (!capture)
            return tr("No activations of %1 yet. Open a calibration file and calibrate; layers that read "
                      "indices have none. Weights can be seen without: choose “weight”.")
                .arg(name);
        if (capture->sample.empty() || capture->sample.numel() == 0)
            return tr("Calibration kept no tokens of %1. Select another layer.").arg(name);
        return {};
    }
    if (layerInfo().parameters() == 0)
        return tr("The weight of %1 has no elements. Select another layer.").arg(name);
    if (shown == Shown::Error && result && !result->hasOriginal)
        return tr("Errors of %1 are not available: its codes came with the model, whose file has no float "
                  "weights. Choose “codes” or “dequantized”, or open the float model and read the codes of "
                  "this "
                  "file as a run of it (File menu).")
            .arg(name);
    if (!needsCodes(shown) || matrixOf(*this))
        return {};
    if (!hasRun)
        return tr("%1 is not quantized yet. Run the recipe to see its codes and errors.").arg(name);
    if (!result)
        return tr("The run has not reached %1 yet. Its codes appear here when it has.").arg(name);
    if (result->state == LayerResult::State::Failed)
        return tr("%1 could not be quantized: %2 Change the recipe for this layer and run again, or choose "
                  "“weight”.")
            .arg(name, QString::fromStdString(result->failure));
    return tr("The recipe leaves the weight of %1 in float. Choose “weight”, or give the layer bits in the "
              "recipe.")
        .arg(name);
}

std::int64_t TensorMapBase::bytes() const {
    // Weights that lie in the file as they are needed are not copied.
    const Tensor *stored = model->graph.constant(model->layers[static_cast<std::size_t>(layer)].weight);
    return stored && stored->storage() == weights.storage() ? 0
                                                            : static_cast<std::int64_t>(weights.sizeBytes());
}

Result<std::shared_ptr<const TensorMapContent>> loadTensorMap(const TensorMapRequest &request,
                                                              std::shared_ptr<const TensorMapBase> base,
                                                              const RunContext &ctx) {
    auto content = std::make_shared<TensorMapContent>();
    content->request = request;
    if (request.shown != Shown::ActivationSurface) {
        QS_TRY(content->base, makeBase(request, base, ctx));
    }
    QS_CHECK_OK(request.isSurface() ? loadSurface(*content, ctx) : loadMap(*content, ctx));
    content->summary = summaryOf(*content);
    return content;
}

HeatMapScale tensorMapScale(const TensorMapContent &content, const ColorMap &map, const ColorChoice &choice) {
    if (content.request.shown == Shown::Codes) {
        const QuantizedMatrix &matrix = *content.base->matrix;
        const CodeRange range = codeRange(matrix.bits, matrix.convention);
        return {HeatMapScale::Kind::Steps, static_cast<double>(range.lowest),
                static_cast<double>(range.highest)};
    }
    const bool isSigned = content.request.valueKind() == ValueKind::Signed;
    return chooseScale(content.stats, isSigned, map.kind == ColorMap::Kind::Diverging, choice);
}

} // namespace qs::views
