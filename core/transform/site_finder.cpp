#include "core/transform/site_finder.h"

#include <algorithm>

namespace qs {
namespace {

bool isDepthwise(const Layer &layer) {
    return layer.kind == LayerKind::Conv && layer.groups > 1;
}

/// Whether methods can treat a channel of this layer's input as a column of its weight.
bool hasChannelColumns(const Layer &layer) {
    return layer.groups == 1 || layer.groups == layer.outChannels;
}

std::int64_t inputChannels(const Layer &layer, const ModelGraph &graph) {
    if (layer.kind != LayerKind::Conv)
        return layer.inPerOut;
    return graph.constant(layer.weight)->shape()[1] * layer.groups;
}

bool pads(const Layer &layer, const ModelGraph &graph) {
    const Node &node = graph.node(layer.node);
    const auto pads = node.intsAttribute("pads");
    return std::any_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad != 0; }) ||
           node.stringAttribute("auto_pad", "NOTSET").starts_with("SAME");
}

/// Follows what makes a value, against the data flow.
class SourceWalk {
public:
    SourceWalk(const Model &model, const Site &site) : m_model(model), m_graph(model.graph), m_site(site) {}

    SiteSource find() {
        if (!onlyLayersRead(m_site.value))
            return {};
        m_channelsFirst =
            m_model.layers[static_cast<std::size_t>(m_site.layers.front())].kind == LayerKind::Conv;
        m_source.canShift = std::none_of(m_site.layers.begin(), m_site.layers.end(), [&](LayerId id) {
            const Layer &layer = m_model.layers[static_cast<std::size_t>(id)];
            return layer.kind == LayerKind::Conv && pads(layer, m_graph);
        });
        visit(m_site.value);
        return m_source.kind == SiteProducer::None ? SiteSource{} : m_source;
    }

private:
    bool onlyLayersRead(ValueId value) const {
        const auto &outputs = m_graph.outputs();
        if (std::find(outputs.begin(), outputs.end(), value) != outputs.end())
            return false;
        return std::all_of(
            m_graph.consumers(value).begin(), m_graph.consumers(value).end(), [&](NodeId reader) {
                return m_graph.node(reader).opType == "Shape" ||
                       std::any_of(m_site.layers.begin(), m_site.layers.end(), [&](LayerId id) {
                           return m_model.layers[static_cast<std::size_t>(id)].node == reader;
                       });
            });
    }

    bool readOnce(ValueId value) const {
        const auto &outputs = m_graph.outputs();
        const auto real = [&](NodeId reader) { return m_graph.node(reader).opType != "Shape"; };
        return std::count_if(m_graph.consumers(value).begin(), m_graph.consumers(value).end(), real) == 1 &&
               std::find(outputs.begin(), outputs.end(), value) == outputs.end();
    }

    /// The slot of a constant with one value a channel, laid out as the channels of the site.
    std::optional<InputSlot> channelConstant(NodeId id, int index) const {
        const Node &node = m_graph.node(id);
        if (index >= static_cast<int>(node.inputs.size()))
            return std::nullopt;
        const ValueId value = node.inputs[static_cast<std::size_t>(index)];
        const Tensor *tensor = value == kNoValue ? nullptr : m_graph.constant(value);
        if (!tensor || !isFloatingPoint(tensor->dtype()) || tensor->numel() != m_site.channels)
            return std::nullopt;
        return InputSlot{id, index};
    }

    /// A constant operand of an elementwise node that varies along the channel axis only.
    std::optional<InputSlot> operandConstant(NodeId id) const {
        for (int index : {0, 1})
            if (auto slot = channelConstant(id, index)) {
                const Shape &shape =
                    m_graph.constant(m_graph.node(id).inputs[static_cast<std::size_t>(index)])->shape();
                const int axis = m_channelsFirst ? shape.rank() - 3 : shape.rank() - 1;
                if (axis >= 0 && shape[axis] == m_site.channels)
                    return slot;
            }
        return std::nullopt;
    }

    const Layer *layerOf(NodeId node) const {
        const auto found = std::find_if(m_model.layers.begin(), m_model.layers.end(),
                                        [&](const Layer &layer) { return layer.node == node; });
        return found == m_model.layers.end() ? nullptr : &*found;
    }

    void visit(ValueId value) {
        const NodeId id = m_graph.value(value).producer;
        if (id == kNoNode)
            return;
        const Node &node = m_graph.node(id);
        if (const Layer *layer = layerOf(id))
            return visitLayer(*layer);
        if (node.opType == "LayerNormalization" || node.opType == "BatchNormalization")
            return visitNorm(id, node);
        if (node.opType == "Relu" || node.opType == "LeakyRelu")
            return visitBehind(node, false);
        if (node.opType == "Clip" && isRelu6(node)) {
            m_source.clip = id;
            return visitBehind(node, false);
        }
        if (node.opType == "Identity" || node.opType == "MaxPool" || node.opType == "AveragePool")
            return visitBehind(node, m_source.canShift && node.opType == "Identity");
        if (node.opType == "Add")
            return visitAdd(id, node);
        if (node.opType == "Mul")
            return visitMul(id, node);
    }

    bool isRelu6(const Node &node) const {
        const auto limit = [&](std::size_t index) {
            const Tensor *tensor = index < node.inputs.size() && node.inputs[index] != kNoValue
                                       ? m_graph.constant(node.inputs[index])
                                       : nullptr;
            return tensor && tensor->dtype() == DType::Float32 && tensor->numel() == 1
                       ? std::optional(tensor->values<float>()[0])
                       : std::nullopt;
        };
        return m_source.clip == kNoNode && limit(1) == 0.0f && limit(2).value_or(0) > 0;
    }

    void visitBehind(const Node &node, bool canShift) {
        m_source.canShift = canShift;
        if (readOnce(node.inputs[0]))
            visit(node.inputs[0]);
    }

    void visitLayer(const Layer &layer) {
        if (layer.kind == LayerKind::Embedding || layer.outChannels != m_site.channels)
            return;
        m_source.kind = SiteProducer::Layer;
        m_source.layer = layer.id;
        m_source.text = "layer " + layer.name;
        if (layer.biasIndex >= 0 && !m_source.shift)
            m_source.shift = channelConstant(layer.node, layer.biasIndex);
        const bool foreignBias = layer.biasIndex >= 0 && !channelConstant(layer.node, layer.biasIndex);
        if (foreignBias)
            m_source.kind = SiteProducer::None;
        m_source.canShift = m_source.canShift && m_source.shift.has_value();
    }

    void visitNorm(NodeId id, const Node &node) {
        const auto gain = channelConstant(id, 1), shift = channelConstant(id, 2);
        const bool isShifted = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
        if (!gain || (isShifted && !shift) || m_source.shift)
            return;
        m_source.kind = SiteProducer::Norm;
        m_source.gain = gain;
        m_source.shift = shift;
        m_source.canShift = m_source.canShift && shift;
        m_source.text = node.name;
        // A batch norm behind a layer is part of it: its gain scales the layer's rows.
        const NodeId maker = m_graph.value(node.inputs[0]).producer;
        if (node.opType == "BatchNormalization" && maker != kNoNode && readOnce(node.inputs[0]))
            if (const Layer *layer = layerOf(maker); layer && layer->kind != LayerKind::Embedding) {
                m_source.kind = SiteProducer::Layer;
                m_source.layer = layer->id;
            }
    }

    /// A bias behind a gain or a layer.
    void visitAdd(NodeId id, const Node &node) {
        const auto slot = operandConstant(id);
        if (!slot || m_source.shift)
            return;
        m_source.shift = slot;
        const ValueId other = node.inputs[static_cast<std::size_t>(1 - slot->index)];
        if (readOnce(other))
            visit(other);
    }

    /// A gain, or the product of a gate with a layer: linear in the layer.
    void visitMul(NodeId id, const Node &node) {
        if (const auto slot = operandConstant(id)) {
            m_source.kind = SiteProducer::Norm;
            m_source.gain = slot;
            m_source.canShift = m_source.canShift && m_source.shift;
            m_source.text = node.name;
            return;
        }
        if (m_source.shift || node.inputs.size() != 2)
            return;
        m_source.canShift = false;
        for (const ValueId factor : {node.inputs[1], node.inputs[0]})
            if (const NodeId producer = m_graph.value(factor).producer;
                producer != kNoNode && readOnce(factor))
                if (const Layer *layer = layerOf(producer)) {
                    visitLayer(*layer);
                    return;
                }
    }

    const Model &m_model;
    const ModelGraph &m_graph;
    const Site &m_site;
    SiteSource m_source;
    bool m_channelsFirst = false;
};

} // namespace

std::vector<Site> findSites(const Model &model) {
    std::vector<Site> sites;
    for (const Layer &layer : model.layers) {
        if (layer.kind == LayerKind::Embedding || !hasChannelColumns(layer))
            continue;
        const std::int64_t channels = inputChannels(layer, model.graph);
        const auto same = std::find_if(sites.begin(), sites.end(), [&](const Site &site) {
            const Layer &first = model.layers[static_cast<std::size_t>(site.layers.front())];
            return site.value == layer.input && first.kind == layer.kind &&
                   isDepthwise(first) == isDepthwise(layer);
        });
        if (same != sites.end())
            same->layers.push_back(layer.id);
        else
            sites.push_back({layer.input, channels, {layer.id}, {}});
    }
    for (Site &site : sites)
        site.source = SourceWalk(model, site).find();
    return sites;
}

} // namespace qs
