#include "views/graph_map/graph_map_text.h"

#include "core/base/number_text.h"
#include "views/shared/format_text.h"

namespace qs::views {

namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("GraphMap", text);
}

QString readable(const std::string &name) {
    return QString::fromStdString(printable(name));
}

QString decibels(double value) {
    return std::isfinite(value) ? formatDb(value) : formatNumber(value) + QStringLiteral(" dB");
}

QString errorText(const NodeError &error) {
    return tr("SQNR %1: own %2, inherited %3")
        .arg(decibels(error.accumulatedDb()), decibels(error.ownDb()), decibels(error.inheritedDb()));
}

void describeNode(QStringList &lines, const GraphScene &scene, const NodeMetricSources &sources, NodeId id) {
    const ModelGraph &graph = *scene.source->graph;
    const Node &node = graph.node(id);
    const auto index = static_cast<std::size_t>(id);
    lines << readable(node.name)
          << tr("Operator %1")
                 .arg(readable(node.domain.empty() ? node.opType : node.domain + "." + node.opType));
    for (const Layer &layer : scene.model->layers)
        if (layer.node == id)
            lines << tr("Layer %1, weight %2")
                         .arg(readable(layer.name), QString::fromStdString(layer.weightShape.text()));
    if (const QString qdq = QString::fromStdString(scene.source->folding.badge(id)); !qdq.isEmpty())
        lines << tr("Q/DQ in the model: %1 (w = weight, a = activation)").arg(qdq);
    if (sources.errors && index < sources.errors->nodes.size() && sources.errors->nodes[index])
        lines << errorText(*sources.errors->nodes[index]);
    if (sources.times && index < sources.times->seconds.size())
        lines << tr("%1 ms per batch of %2")
                     .arg(formatNumber(sources.times->seconds[index] * 1000, 3),
                          formatCount(sources.times->batch));
}

} // namespace

QString describeItem(const GraphScene &scene, const NodeMetricSources &sources, int index) {
    const MapItem &item = scene.item(index);
    const GraphScene::Label &label = scene.label(index);
    QStringList lines;
    switch (item.kind) {
    case MapItem::Kind::Input:
    case MapItem::Kind::Output:
        lines << tr(item.kind == MapItem::Kind::Input ? "Input %1" : "Output %1")
                     .arg(QString::fromStdString(label.title));
        break;
    case MapItem::Kind::Node:
        describeNode(lines, scene, sources, item.node);
        break;
    case MapItem::Kind::Block:
    case MapItem::Kind::Frame:
        lines << readable(scene.source->blocks.blocks[static_cast<std::size_t>(item.block)].path)
              << QString::fromStdString(label.subtitle);
        break;
    }
    if (!label.badge.empty())
        lines << tr("Quantized: %1").arg(QString::fromStdString(label.badge));
    if (!label.valueText.empty()) {
        const NodeMetricInfo &info = nodeMetricInfo(scene.metric);
        const bool block = item.kind == MapItem::Kind::Block || item.kind == MapItem::Kind::Frame;
        lines << QStringLiteral("%1%2: %3")
                     .arg(QString::fromUtf8(info.name),
                          block ? QStringLiteral(" (%1)").arg(QString::fromUtf8(ofBlockText(info.ofBlock)))
                                : QString(),
                          QString::fromStdString(label.valueText));
    }
    return lines.join(QLatin1Char('\n'));
}

QString describeDivergence(const Model &model, const ErrorPropagation &errors, double thresholdDb) {
    const QString on = tr("on %1 samples").arg(formatCount(errors.samples));
    const NodeId first = firstDivergence(errors, thresholdDb);
    if (first == kNoNode)
        return tr("No node's output falls below %1 dB (%2).").arg(formatNumber(thresholdDb), on);
    const NodeError &error = *errors.nodes[static_cast<std::size_t>(first)];
    const Node &node = model.graph.node(first);
    return tr("First below %1 dB: %2 (%3): %4 (%5). Most of it is %6.")
        .arg(formatNumber(thresholdDb), readable(node.name), readable(node.opType), errorText(error), on,
             tr(errorCause(error)));
}

} // namespace qs::views
