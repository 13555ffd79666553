#include "core/transform/site_folding.h"

#include <Eigen/LU>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

bool isDepthwise(const Layer &layer) {
    return layer.kind == LayerKind::Conv && layer.groups > 1;
}

std::int64_t tapsOf(const Layer &layer, std::int64_t channels) {
    return isDepthwise(layer) ? layer.inPerOut : layer.inPerOut / channels;
}

class Folding {
public:
    Folding(const Site &site, const SiteChange &change, ModelEditor &editor)
        : m_site(site), m_editor(editor), m_channels(static_cast<std::size_t>(site.channels)),
          m_scale(m_channels, 1.0), m_shift(m_channels, 0.0) {
        std::copy(change.scale.begin(), change.scale.end(), m_scale.begin());
        std::copy(change.shift.begin(), change.shift.end(), m_shift.begin());
        m_shifts = std::any_of(m_shift.begin(), m_shift.end(), [](double value) { return value != 0; });
    }

    Status run() {
        const bool needsShift = m_shifts && !m_site.source.canShift;
        if (needsShift && anyPads())
            return fail(ErrorCode::Unsupported,
                        "a convolution pads this activation with zeros, which a shift would change");
        for (const LayerId id : m_site.layers)
            QS_CHECK_OK(foldIntoReader(layer(id)));
        if (m_site.source.kind == SiteProducer::None || needsShift)
            insertOperators();
        else
            foldIntoSource();
        return {};
    }

private:
    const Layer &layer(LayerId id) const { return m_editor.model().layers[static_cast<std::size_t>(id)]; }

    bool anyPads() const {
        return std::any_of(m_site.layers.begin(), m_site.layers.end(), [&](LayerId id) {
            const Node &node = m_editor.graph().node(layer(id).node);
            const auto pads = node.intsAttribute("pads");
            return std::any_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad != 0; }) ||
                   node.stringAttribute("auto_pad", "NOTSET").starts_with("SAME");
        });
    }

    std::size_t channelOf(const Layer &reader, std::int64_t row, std::int64_t col) const {
        return static_cast<std::size_t>(isDepthwise(reader) ? row : col / tapsOf(reader, m_site.channels));
    }

    /// W' = W diag(scale), b' = b + W shift.
    Status foldIntoReader(const Layer &reader) {
        QS_TRY(const Tensor weight, m_editor.weight(reader));
        Tensor changed = Tensor::allocate(DType::Float32, weight.shape());
        const float *src = weight.values<float>().data();
        float *dst = changed.mutableValues<float>().data();
        std::vector<double> offset(static_cast<std::size_t>(reader.outChannels), 0.0);
        for (std::int64_t row = 0; row < reader.outChannels; ++row)
            for (std::int64_t col = 0; col < reader.inPerOut; ++col, ++src, ++dst) {
                const std::size_t channel = channelOf(reader, row, col);
                *dst = static_cast<float>(*src * m_scale[channel]);
                offset[static_cast<std::size_t>(row)] += *src * m_shift[channel];
            }
        m_editor.setWeight(reader, changed);
        if (m_shifts)
            addToOutput(reader, offset);
        return {};
    }

    void addToOutput(const Layer &reader, const std::vector<double> &offset) {
        const InputSlot slot{reader.node, reader.biasIndex};
        if (reader.biasIndex >= 0 && m_editor.constant(slot).numel() == reader.outChannels) {
            Tensor bias = m_editor.constant(slot);
            m_editor.setConstant(
                slot, combined(bias, [&](std::size_t i, double value) { return value + offset[i]; }));
            return;
        }
        std::vector<float> values(offset.begin(), offset.end());
        Shape shape{reader.outChannels};
        if (reader.kind == LayerKind::Conv)
            shape = Shape{reader.outChannels, 1, 1};
        const ModelGraph &graph = m_editor.graph();
        std::vector<InputSlot> readers;
        for (const NodeId node : graph.consumers(reader.output))
            for (std::size_t i = 0; i < graph.node(node).inputs.size(); ++i)
                if (graph.node(node).inputs[i] == reader.output)
                    readers.push_back({node, static_cast<int>(i)});
        const std::string input =
            readers.empty() ? graph.value(reader.output).name : m_editor.valueRead(readers[0]);
        const std::string sum =
            m_editor.insert("Add", input, Tensor::fromValues<float>(shape, values), reader);
        m_editor.noteOffset(reader.id);
        for (const InputSlot &slotOfReader : readers)
            m_editor.rewire(slotOfReader, sum);
    }

    template <typename Function>
    static Tensor combined(const Tensor &tensor, Function function) {
        Tensor result = Tensor::allocate(DType::Float32, tensor.shape());
        const auto src = tensor.values<float>();
        for (std::size_t i = 0; i < src.size(); ++i)
            result.mutableValues<float>()[i] = static_cast<float>(function(i, static_cast<double>(src[i])));
        return result;
    }

    void changeConstant(const std::optional<InputSlot> &slot, bool isShift) {
        if (slot)
            m_editor.setConstant(*slot, combined(m_editor.constant(*slot), [&](std::size_t i, double value) {
                return (value - (isShift ? m_shift[i] : 0.0)) / m_scale[i];
            }));
    }

    void foldIntoSource() {
        const SiteSource &source = m_site.source;
        changeConstant(source.gain, false);
        changeConstant(source.shift, true);
        if (source.layer != kNoLayer && !source.gain)
            foldIntoLayer(layer(source.layer));
    }

    void foldIntoLayer(const Layer &maker) {
        m_editor.changeOffsets(maker, [&](std::size_t i, double value) { return value / m_scale[i]; });
        const auto weight = m_editor.weight(maker);
        if (weight)
            m_editor.setWeight(maker, combined(*weight, [&](std::size_t i, double value) {
                                   return value / m_scale[i / static_cast<std::size_t>(maker.inPerOut)];
                               }));
    }

    void insertOperators() {
        const bool spatial = layer(m_site.layers.front()).kind == LayerKind::Conv;
        const Shape shape = spatial ? Shape{m_site.channels, 1, 1} : Shape{m_site.channels};
        const auto constantOf = [&](auto function) {
            std::vector<float> values;
            for (std::size_t i = 0; i < m_channels; ++i)
                values.push_back(static_cast<float>(function(i)));
            return Tensor::fromValues<float>(shape, values);
        };
        const Layer &first = layer(m_site.layers.front());
        std::string value = m_editor.valueRead({first.node, first.inputIndex});
        if (m_shifts)
            value =
                m_editor.insert("Sub", value, constantOf([&](std::size_t i) { return m_shift[i]; }), first);
        value =
            m_editor.insert("Mul", value, constantOf([&](std::size_t i) { return 1.0 / m_scale[i]; }), first);
        for (const LayerId id : m_site.layers)
            m_editor.rewire({layer(id).node, layer(id).inputIndex}, value);
    }

    const Site &m_site;
    ModelEditor &m_editor;
    std::size_t m_channels;
    std::vector<double> m_scale, m_shift;
    bool m_shifts = false;
};

/// x' = x R in front of the layers, W' = W R^-T.
Status applyMatrix(const Site &site, const Tensor &rotation, ModelEditor &editor) {
    const Eigen::Map<const Matrix> r(rotation.values<double>().data(), site.channels, site.channels);
    const Eigen::FullPivLU<Matrix> factors(r);
    if (!factors.isInvertible())
        return fail(ErrorCode::Unsupported, "the matrix of the transform cannot be inverted");
    const Matrix inverse = factors.inverse();
    std::string value;
    for (const LayerId id : site.layers) {
        const Layer &layer = editor.model().layers[static_cast<std::size_t>(id)];
        if (layer.kind != LayerKind::Linear)
            return fail(ErrorCode::Unsupported, "only linear layers can read a rotated activation",
                        layer.name);
        if (value.empty()) {
            Tensor constant = Tensor::allocate(DType::Float32, Shape{site.channels, site.channels});
            Eigen::Map<FloatMatrix>(constant.mutableValues<float>().data(), site.channels, site.channels) =
                r.cast<float>();
            value =
                editor.insert("MatMul", editor.valueRead({layer.node, layer.inputIndex}), constant, layer);
        }
        QS_TRY(const Tensor weight, editor.weight(layer));
        Tensor changed = Tensor::allocate(DType::Float32, weight.shape());
        const Eigen::Map<const FloatMatrix> w(weight.values<float>().data(), layer.outChannels,
                                              layer.inPerOut);
        const Matrix product = w.cast<double>() * inverse.transpose();
        Eigen::Map<FloatMatrix>(changed.mutableValues<float>().data(), layer.outChannels, layer.inPerOut) =
            product.cast<float>();
        editor.setWeight(layer, changed);
        editor.rewire({layer.node, layer.inputIndex}, value);
    }
    return {};
}

} // namespace

Status applyChange(const Site &site, const SiteChange &change, ModelEditor &editor) {
    const auto differs = [](float neutral) { return [neutral](float value) { return value != neutral; }; };
    if (std::any_of(change.scale.begin(), change.scale.end(), differs(1.0f)) ||
        std::any_of(change.shift.begin(), change.shift.end(), differs(0.0f)))
        QS_CHECK_OK(Folding(site, change, editor).run());
    return change.matrix.empty() ? Status{} : applyMatrix(site, change.matrix, editor);
}

void moveClip(const Site &site, const std::vector<double> &scale, ModelEditor &editor) {
    const NodeId clip = site.source.clip;
    const ModelGraph &graph = editor.graph();
    const double bound = static_cast<double>(editor.constant({clip, 2}).values<float>()[0]);
    std::vector<float> bounds;
    for (const double factor : scale)
        bounds.push_back(static_cast<float>(bound / factor));
    const Layer &first = editor.model().layers[static_cast<std::size_t>(site.layers.front())];
    const Shape shape = first.kind == LayerKind::Conv ? Shape{site.channels, 1, 1} : Shape{site.channels};
    // Clip itself takes one bound for all channels.
    std::string value =
        editor.insert("Max", editor.valueRead({clip, 0}), Tensor::zeros(DType::Float32, Shape{1}), first);
    value = editor.insert("Min", value, Tensor::fromValues<float>(shape, bounds), first);
    const ValueId clipped = graph.node(clip).outputs[0];
    for (const NodeId node : graph.consumers(clipped))
        for (std::size_t i = 0; i < graph.node(node).inputs.size(); ++i)
            if (graph.node(node).inputs[i] == clipped)
                editor.rewire({node, static_cast<int>(i)}, value);
}

namespace {

/// Rows of a weight times gain / sqrt(variance + epsilon) of the batch norm behind it.
Tensor withBatchNorm(const Tensor &weights, InputSlot gain, const ModelEditor &editor) {
    const Tensor gains = editor.constant(gain), variances = editor.constant({gain.node, 4});
    if (variances.numel() != gains.numel())
        return weights;
    const double epsilon = editor.graph().node(gain.node).floatAttribute("epsilon", 1e-5);
    Tensor scaled = Tensor::allocate(DType::Float32, weights.shape());
    const float *src = weights.values<float>().data();
    float *dst = scaled.mutableValues<float>().data();
    for (std::size_t row = 0; row < static_cast<std::size_t>(weights.shape()[0]); ++row) {
        const double factor =
            gains.values<float>()[row] / std::sqrt(variances.values<float>()[row] + epsilon);
        for (std::int64_t col = 0; col < weights.shape()[1]; ++col)
            *dst++ = static_cast<float>(*src++ * factor);
    }
    return scaled;
}

} // namespace

Result<TransformSite> describeSite(const Site &site, const ModelEditor &editor) {
    TransformSite described;
    described.name = editor.graph().value(site.value).name;
    described.channels = site.channels;
    described.producer = site.source.kind;
    described.canShift = site.source.canShift;
    for (const LayerId id : site.layers) {
        const Layer &layer = editor.model().layers[static_cast<std::size_t>(id)];
        SiteConsumer consumer;
        consumer.layerName = layer.name;
        consumer.depthwise = isDepthwise(layer);
        consumer.taps = tapsOf(layer, site.channels);
        QS_TRY(const Tensor weight, editor.weight(layer));
        consumer.weights =
            weight.reshaped(Shape{consumer.depthwise ? 1 : layer.outChannels, site.channels, consumer.taps});
        described.consumers.push_back(std::move(consumer));
    }
    if (site.source.layer != kNoLayer) {
        const Layer &maker = editor.model().layers[static_cast<std::size_t>(site.source.layer)];
        QS_TRY(described.producerWeights, editor.weight(maker));
        if (site.source.gain)
            described.producerWeights = withBatchNorm(described.producerWeights, *site.source.gain, editor);
        if (site.source.shift) {
            const Tensor bias = editor.constant(*site.source.shift);
            described.producerBias.assign(bias.values<float>().begin(), bias.values<float>().end());
        }
    }
    return described;
}

} // namespace qs
