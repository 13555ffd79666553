#include "views/outlier_map/outlier_map_source.h"

#include "core/graph/weights_only.h"
#include "core/quant/weight_aspect.h"
#include "views/shared/format_text.h"

namespace qs::views {

namespace {

using Mode = OutlierMapRequest::Mode;
using Statistic = OutlierMapRequest::Statistic;
using Rule = OutlierMapRequest::Rule;

QString tr(const char *text) {
    return QCoreApplication::translate("OutlierMap", text);
}

const LayerCapture *captureOf(const OutlierMapRequest &request, LayerId layer) {
    if (!request.capture || layer < 0 || static_cast<std::size_t>(layer) >= request.capture->layers.size())
        return nullptr;
    return request.capture->layers[static_cast<std::size_t>(layer)].get();
}

std::vector<float> channelValues(const LayerCapture &capture, Statistic statistic) {
    std::vector<float> values(static_cast<std::size_t>(capture.channels));
    for (std::size_t c = 0; c < values.size(); ++c) {
        const float lo = capture.channelMin[c], hi = capture.channelMax[c];
        switch (statistic) {
        case Statistic::Rms:
            values[c] =
                static_cast<float>(std::sqrt(capture.channelSumOfSquares[c] /
                                             static_cast<double>(std::max<std::int64_t>(capture.tokens, 1))));
            break;
        case Statistic::Range:
            values[c] = hi - lo;
            break;
        case Statistic::Max:
            values[c] = hi;
            break;
        case Statistic::Min:
            values[c] = lo;
            break;
        default:
            values[c] = std::max(std::abs(lo), std::abs(hi));
            break;
        }
    }
    return values;
}

Result<std::shared_ptr<const HeatMapData>> layerRows(OutlierMapContent &content, const RunContext &ctx) {
    std::vector<std::vector<float>> rows;
    for (const Layer &layer : content.request.model->layers) {
        const LayerCapture *capture = captureOf(content.request, layer.id);
        if (!capture)
            continue;
        rows.push_back(channelValues(*capture, content.request.statistic));
        content.scene.rowNames.push_back(QString::fromStdString(layer.name));
        content.layerOfRow.push_back(layer.id);
    }
    return HeatMapData::fromRows(std::move(rows), ctx);
}

Result<std::shared_ptr<const MatrixSource>> weightValues(const OutlierMapRequest &request) {
    const Layer &layer = request.model->layers[static_cast<std::size_t>(request.layer)];
    QS_TRY(Tensor weights, weightMatrix(layer, request.model->graph));
    if (request.statistic == Statistic::Error)
        return aspectSource(WeightAspect::Error, std::move(weights), request.layerResult->quantized.weight);
    return matrixSource(std::move(weights));
}

Result<std::shared_ptr<const HeatMapData>> matrixOf(const OutlierMapRequest &request, const RunContext &ctx) {
    std::shared_ptr<const MatrixSource> values;
    if (request.mode == Mode::TokenChannel) {
        values = matrixSource(captureOf(request, request.layer)->sample);
    } else {
        QS_TRY(values, weightValues(request));
    }
    return HeatMapData::fromSource(
        request.statistic == Statistic::Magnitude ? magnitudeSource(values) : values, ctx);
}

double median(std::vector<float> values) {
    std::erase_if(values, [](float value) { return !std::isfinite(value); });
    if (values.empty())
        return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return static_cast<double>(*middle);
}

std::vector<double> outlierLimits(const OutlierMapRequest &request, const HeatMapData &data) {
    if (request.rule == Rule::None)
        return {};
    if (request.rule == Rule::Absolute)
        return {request.threshold};
    // A limit of zero would call everything an outlier; what is all zero has none.
    const auto times = [&](double m) {
        return m > 0 ? request.threshold * m : std::numeric_limits<double>::infinity();
    };
    if (request.mode != Mode::LayerChannel)
        return {times(static_cast<double>(data.magnitudeQuantile(0.5)))};
    std::vector<double> limits;
    for (std::int64_t row = 0; row < data.rows(); ++row) {
        std::vector<float> values;
        for (std::int64_t col = 0; col < data.rowLength(row); ++col)
            values.push_back(std::abs(data.value(row, col)));
        limits.push_back(times(median(std::move(values))));
    }
    return limits;
}

QString outlierSummary(const HeatMapOutliers &outliers, std::int64_t values) {
    if (outliers.cells == 0)
        return tr("no outliers");
    return tr("%1 outliers (%2) in %3 columns")
        .arg(formatCount(outliers.cells),
             formatShare(static_cast<double>(outliers.cells) / static_cast<double>(values)),
             formatCount(static_cast<std::int64_t>(outliers.columns.size())));
}

/// Where activations come from that no pass through this model made.
QStringList originParts(const std::string &origin) {
    return origin.empty() ? QStringList() : QStringList(QString::fromStdString(origin));
}

QString summaryOf(const OutlierMapContent &content) {
    const HeatMapData &data = *content.scene.data;
    const OutlierMapRequest &request = content.request;
    QStringList parts;
    if (request.mode == Mode::LayerChannel) {
        parts << tr("%1 layers × up to %2 channels").arg(formatCount(data.rows()), formatCount(data.cols()));
        parts << tr("over %1 samples").arg(formatCount(request.capture->samples))
              << originParts(request.capture->origin);
    } else {
        const QString layer =
            QString::fromStdString(request.model->layers[static_cast<std::size_t>(request.layer)].name);
        parts << layer
              << QStringLiteral("%1 %2s × %3 %4s")
                     .arg(formatCount(data.rows()), content.scene.rowTitle, formatCount(data.cols()),
                          content.scene.columnTitle);
        if (request.mode == Mode::TokenChannel)
            parts << tr("the first of %1 seen").arg(formatCount(captureOf(request, request.layer)->tokens))
                  << originParts(captureOf(request, request.layer)->origin);
    }
    if (request.rule != Rule::None)
        parts << outlierSummary(content.scene.outliers, data.count());
    if (data.nonFiniteCount() > 0)
        parts << tr("%1 NaN or Inf (magenta)").arg(formatCount(data.nonFiniteCount()));
    return parts.join(QStringLiteral(" · "));
}

void nameAxes(OutlierMapContent &content) {
    HeatMapScene &scene = content.scene;
    const OutlierMapRequest &request = content.request;
    for (const StatisticInfo &info : statisticsOf(request.mode))
        if (info.statistic == request.statistic) {
            scene.valueTitle = QString::fromUtf8(info.title);
            content.isSigned = info.isSigned;
        }
    scene.columnTitle = tr("channel");
    scene.valueUnit = request.mode == Mode::Weight ? tr("weight units") : tr("activation units");
    switch (request.mode) {
    case Mode::LayerChannel:
        scene.rowTitle = tr("layer");
        break;
    case Mode::TokenChannel: {
        const Layer &layer = request.model->layers[static_cast<std::size_t>(request.layer)];
        scene.rowTitle = layer.kind == LayerKind::Conv ? tr("pixel") : tr("token");
        break;
    }
    case Mode::Weight:
        scene.rowTitle = tr("output");
        scene.columnTitle = tr("input");
        break;
    }
}

} // namespace

QString OutlierMapRequest::whyNothing() const {
    if (!model)
        return tr("No model is open. Open one, or drop a file onto the window.");
    if (mode != Mode::Weight && !capture && isWeightsOnly(model->graph))
        return tr(kNoGraphText) + tr("\nWeights can be seen: choose the map “weight: out × in”.");
    if (mode != Mode::Weight && !capture)
        return tr("No activations yet. Open a calibration file and calibrate; weights can be seen without: "
                  "choose the map “weight: out × in”.");
    if (mode == Mode::LayerChannel)
        return {};
    if (layer < 0 || static_cast<std::size_t>(layer) >= model->layers.size())
        return tr("No layer is selected. Click one in the layer table, or in the map “layer × channel”.");
    const QString name = QString::fromStdString(model->layers[static_cast<std::size_t>(layer)].name);
    const LayerCapture *seen = captureOf(*this, layer);
    if (mode == Mode::TokenChannel && (!seen || seen->sample.empty() || seen->sample.numel() == 0))
        return (capture->origin.empty()
                    ? tr("Nothing was captured at the input of %1: it reads indices, not activations. Select "
                         "another layer.")
                    : tr("The file of activations has none that enters %1. Select another layer, or "
                         "calibrate "
                         "here (F6)."))
            .arg(name);
    if (statistic == Statistic::Error && layerResult && !layerResult->hasOriginal)
        return tr("The error of %1 is not available: its codes came with the model, whose file has no float "
                  "weights.")
            .arg(name);
    if (statistic == Statistic::Error && !(layerResult && layerResult->quantized.weight))
        return tr("%1 is not quantized yet. Run the recipe to see the error of its weights.").arg(name);
    return {};
}

std::vector<StatisticInfo> statisticsOf(Mode mode) {
    switch (mode) {
    case Mode::LayerChannel:
        return {{Statistic::MaxAbs, "max |x|", "largest |x| of the channel over all tokens", false},
                {Statistic::Rms, "rms", "√(Σ x² / tokens) of the channel", false},
                {Statistic::Range, "max − min", "max x − min x of the channel over all tokens", false},
                {Statistic::Max, "max", "largest x of the channel over all tokens", true},
                {Statistic::Min, "min", "smallest x of the channel over all tokens", true}};
    case Mode::TokenChannel:
        return {{Statistic::Magnitude, "|x|", "absolute value of each activation", false},
                {Statistic::Value, "x", "each activation", true}};
    case Mode::Weight:
        return {{Statistic::Magnitude, "|w|", "absolute value of each weight", false},
                {Statistic::Value, "w", "each weight", true},
                {Statistic::Error, "ŵ − w", "dequantized minus float weight, of the last run", true}};
    }
    return {};
}

Result<std::shared_ptr<const OutlierMapContent>> loadOutlierMap(const OutlierMapRequest &request,
                                                                const RunContext &ctx) {
    auto content = std::make_shared<OutlierMapContent>();
    content->request = request;
    nameAxes(*content);
    ctx.step(0, 2, "reading values");
    QS_TRY(content->scene.data,
           request.mode == Mode::LayerChannel ? layerRows(*content, ctx) : matrixOf(request, ctx));
    ctx.step(1, 2, "finding outliers");
    QS_TRY(content->scene.outliers,
           findOutliers(*content->scene.data, outlierLimits(request, *content->scene.data), ctx));
    content->summary = summaryOf(*content);
    return content;
}

} // namespace qs::views
