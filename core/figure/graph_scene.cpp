#include "core/figure/graph_scene.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// "w4 a8" for a layer that the run quantized, else empty.
std::string runBadge(const LayerResult &result) {
    std::string text;
    if (result.quantized.weight)
        text = fmt::format("w{}", result.quantized.weight->bits);
    if (result.quantized.activation && result.quantized.activationScheme)
        text += fmt::format("{}a{}", text.empty() ? "" : " ", result.quantized.activationScheme->bits);
    return text;
}

std::string shapeText(const Shape &shape) {
    std::string text;
    for (int axis = 0; axis < shape.rank(); ++axis)
        text += fmt::format("{}{}", axis == 0 ? "" : " × ", shape[axis]);
    return text;
}

class SceneMaker {
public:
    SceneMaker(GraphScene scene, const NodeMetricSources &sources)
        : m_scene(std::move(scene)), m_sources(sources), m_info(nodeMetricInfo(m_scene.metric)),
          m_values(nodeMetricValues(m_scene.metric, sources)), m_layerOfNode(m_values.size(), kNoLayer) {
        for (const Layer &layer : m_scene.model->layers)
            m_layerOfNode[static_cast<std::size_t>(layer.node)] = layer.id;
    }

    std::shared_ptr<const GraphScene> make() {
        for (const MapItem &item : m_scene.map->items)
            m_scene.labels.push_back(labelOf(item));
        m_scene.legendTitle = *m_info.unit ? fmt::format("{}, {}", m_info.name, m_info.unit) : m_info.name;
        setScale();
        return std::make_shared<const GraphScene>(std::move(m_scene));
    }

private:
    const ModelGraph &graph() const { return *m_scene.source->graph; }

    GraphScene::Label labelOf(const MapItem &item) const {
        GraphScene::Label label;
        label.value = kNone;
        if (item.kind == MapItem::Kind::Input || item.kind == MapItem::Kind::Output) {
            label.title = printable(graph().value(item.value).name);
            label.subtitle = item.kind == MapItem::Kind::Input ? "input" : "output";
        } else if (item.kind == MapItem::Kind::Node) {
            describeNode(label, item);
        } else {
            describeBlock(label, item);
        }
        if (!std::isnan(label.value))
            label.valueText = valueText(label.value);
        return label;
    }

    std::string valueText(double value) const {
        if (std::isinf(value))
            return value < 0 ? "−∞" : "∞";
        if (std::string_view(m_info.unit) == "dB" && value >= ErrorMetrics::kMaxSqnrDb)
            return "exact";
        const std::string number = significant(value, 3);
        return std::string_view(m_info.unit) == "dB" || std::string_view(m_info.unit) == "ms"
                   ? fmt::format("{} {}", number, m_info.unit)
                   : number;
    }

    void describeNode(GraphScene::Label &label, const MapItem &item) const {
        const Node &node = graph().node(item.node);
        const auto index = static_cast<std::size_t>(item.node);
        label.title =
            printable(titleWithin(m_scene.source->blocks.blocks[static_cast<std::size_t>(item.block)], node));
        label.subtitle = printable(node.opType);
        if (const LayerId layer = m_layerOfNode[index]; layer != kNoLayer)
            label.subtitle +=
                " " + shapeText(m_scene.model->layers[static_cast<std::size_t>(layer)].weightShape);
        else if (label.title == label.subtitle)
            label.subtitle.clear();
        label.badge = badgeOf(item.node);
        label.value = m_values[index];
    }

    std::string badgeOf(NodeId node) const {
        const LayerId layer = m_layerOfNode[static_cast<std::size_t>(node)];
        const LayerResult *result = m_sources.run && layer != kNoLayer
                                        ? m_sources.run->layers[static_cast<std::size_t>(layer)].get()
                                        : nullptr;
        const std::string badge = result ? runBadge(*result) : "";
        return badge.empty() ? m_scene.source->folding.badge(node) : badge;
    }

    void describeBlock(GraphScene::Label &label, const MapItem &item) const {
        const Block &block = m_scene.source->blocks.blocks[static_cast<std::size_t>(item.block)];
        label.title = printable(block.name);
        std::vector<double> values, weights;
        std::set<std::string> badges;
        std::size_t layers = 0;
        for (const NodeId node : nodesInside(item.block)) {
            const LayerId layer = m_layerOfNode[static_cast<std::size_t>(node)];
            layers += layer != kNoLayer ? 1 : 0;
            values.push_back(m_values[static_cast<std::size_t>(node)]);
            weights.push_back(layer == kNoLayer
                                  ? 0
                                  : static_cast<double>(
                                        m_scene.model->layers[static_cast<std::size_t>(layer)].parameters()));
            if (std::string badge = badgeOf(node); !badge.empty())
                badges.insert(std::move(badge));
        }
        label.subtitle = fmt::format("{} nodes", block.nodeCount);
        if (layers > 0)
            label.subtitle += fmt::format(", {} layer{}", layers, layers == 1 ? "" : "s");
        label.badge = badges.size() == 1 ? *badges.begin() : badges.empty() ? "" : "mixed";
        label.value = blockValue(m_info, values, weights);
    }

    std::vector<NodeId> nodesInside(BlockId id) const {
        std::vector<NodeId> nodes;
        std::vector<BlockId> waiting{id};
        while (!waiting.empty()) {
            const Block &block = m_scene.source->blocks.blocks[static_cast<std::size_t>(waiting.back())];
            waiting.pop_back();
            nodes.insert(nodes.end(), block.nodes.begin(), block.nodes.end());
            waiting.insert(waiting.end(), block.children.begin(), block.children.end());
        }
        return nodes;
    }

    /// Over the values that boxes show. Exact matches would stretch it.
    void setScale() {
        double lo = std::numeric_limits<double>::infinity(), hi = -lo;
        for (std::size_t i = 0; i < m_scene.labels.size(); ++i) {
            const double value = m_scene.labels[i].value;
            m_scene.hasValues |= !std::isnan(value);
            if (m_scene.map->items[i].kind == MapItem::Kind::Frame || !std::isfinite(value) ||
                (std::string_view(m_info.unit) == "dB" && value >= ErrorMetrics::kMaxSqnrDb))
                continue;
            lo = std::min(lo, value);
            hi = std::max(hi, value);
        }
        if (lo > hi)
            return;
        // Times and counts span decades, decibels do not.
        m_scene.scale = {lo, hi, !m_info.higherIsBetter && lo > 0 && hi / lo > 50};
        if (!(hi > lo))
            m_scene.scale = widenedToTicks({lo, hi, false}, 3);
    }

    GraphScene m_scene;
    const NodeMetricSources &m_sources;
    const NodeMetricInfo &m_info;
    std::vector<double> m_values;       ///< by NodeId
    std::vector<LayerId> m_layerOfNode; ///< by NodeId
};

} // namespace

std::vector<LayerId> GraphScene::layersOf(int index) const {
    std::vector<LayerId> layers;
    const MapItem &shown = item(index);
    for (const Layer &layer : model->layers) {
        const bool inside =
            shown.kind == MapItem::Kind::Node ? layer.node == shown.node
            : shown.kind == MapItem::Kind::Block || shown.kind == MapItem::Kind::Frame
                ? source->blocks.isInside(source->blocks.blockOfNode[static_cast<std::size_t>(layer.node)],
                                          shown.block)
                : false;
        if (inside)
            layers.push_back(layer.id);
    }
    return layers;
}

std::string GraphScene::summary() const {
    const auto boxes = static_cast<std::int64_t>(
        std::count_if(map->items.begin(), map->items.end(),
                      [](const MapItem &shown) { return shown.kind != MapItem::Kind::Frame; }));
    std::string text = fmt::format("{} nodes in {} boxes",
                                   withThousands(static_cast<std::int64_t>(source->graph->nodes().size())),
                                   withThousands(boxes));
    if (source->folding.hiddenCount > 0)
        text +=
            fmt::format(" · {} Q/DQ nodes folded into badges", withThousands(source->folding.hiddenCount));
    if (!source->blocks.hasHierarchy())
        text += " · node names carry no hierarchy: shown flat";
    if (map->straightLines > 0)
        text += fmt::format(" · {} long lines pass behind boxes", withThousands(map->straightLines));
    return text;
}

std::shared_ptr<const GraphScene> makeGraphScene(std::shared_ptr<const GraphMapSource> source,
                                                 std::shared_ptr<const GraphMap> map, NodeMetric metric,
                                                 const NodeMetricSources &sources) {
    GraphScene scene;
    scene.model = sources.model;
    scene.source = std::move(source);
    scene.map = std::move(map);
    scene.metric = metric;
    return SceneMaker(std::move(scene), sources).make();
}

std::shared_ptr<const GraphMapSource> makeMapSource(std::shared_ptr<const Model> model) {
    const ModelGraph *graph = &model->graph;
    return makeMapSource(std::shared_ptr<const ModelGraph>(std::move(model), graph));
}

ColorMap graphColors(const NodeMetricInfo &info, bool darkBackground) {
    ColorMap map = *findColorMap("heat");
    if (darkBackground == info.higherIsBetter)
        std::reverse(map.colors.begin(), map.colors.end());
    return map;
}

double graphColorPosition(const GraphScene &scene, double value) {
    if (std::isinf(value))
        return value < 0 ? 0 : 1;
    return std::clamp(scene.scale.position(value), 0.0, 1.0);
}

} // namespace qs
