#include "core/transform/residual_rotation.h"

#include "core/transform/site_folding.h"

#include <Eigen/Core>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

tl::unexpected<Error> misfit(std::string what) {
    return fail(ErrorCode::Unsupported, "the residual stream cannot be rotated: " + std::move(what));
}

class StreamSearch {
public:
    explicit StreamSearch(const Model &model) : m_model(model), m_graph(model.graph) {}

    Result<ResidualStream> find() {
        for (const Layer &layer : m_model.layers)
            if (layer.kind == LayerKind::Embedding && isNormalized(layer.output))
                start(layer);
        if (m_stream.embeddings.empty())
            return misfit("no embedding starts it; the method is for language models of the LLaMA family");
        for (const Node &node : m_graph.nodes())
            if (node.opType == "Add")
                QS_CHECK_OK(follow(node));
        QS_CHECK_OK(findReaders());
        return std::move(m_stream);
    }

private:
    /// Other tables hold positions or rotations, which no norm reads.
    bool isNormalized(ValueId value) const {
        const auto &readers = m_graph.consumers(value);
        return std::any_of(readers.begin(), readers.end(),
                           [&](NodeId reader) { return m_graph.node(reader).opType == "Pow"; });
    }

    void start(const Layer &table) {
        m_stream.embeddings.push_back(table.id);
        m_stream.width = table.inPerOut;
        m_values.insert(table.output);
    }

    const Layer *makerOf(ValueId value) const {
        const NodeId producer = m_graph.value(value).producer;
        const auto found = std::find_if(m_model.layers.begin(), m_model.layers.end(),
                                        [&](const Layer &layer) { return layer.node == producer; });
        return found == m_model.layers.end() || found->kind == LayerKind::Embedding ? nullptr : &*found;
    }

    Status follow(const Node &add) {
        const bool first = m_values.contains(add.inputs[0]), second = m_values.contains(add.inputs[1]);
        if (!first && !second)
            return {};
        if (!(first && second)) {
            const Layer *writer = makerOf(add.inputs[first ? 1 : 0]);
            if (!writer || writer->kind != LayerKind::Linear || writer->outChannels != m_stream.width)
                return misfit(fmt::format("'{}' adds something that no linear layer makes", add.name));
            if (writer->biasIndex >= 0)
                return misfit(fmt::format("layer '{}' has a bias", writer->name));
            m_stream.writers.push_back(writer->id);
        }
        m_values.insert(add.outputs[0]);
        return {};
    }

    /// Every other reader must be part of a norm x · r(x) · gain with r from the squares of x alone.
    Status findReaders() {
        std::set<ValueId> normalized;
        for (const ValueId value : m_values)
            for (const NodeId id : m_graph.consumers(value)) {
                const Node &node = m_graph.node(id);
                if (node.opType == "Pow" || node.opType == "Shape" ||
                    (node.opType == "Add" && m_values.contains(node.outputs[0])))
                    continue;
                if (node.opType != "Mul" && node.opType != "Div")
                    return misfit(fmt::format("'{}' ({}) reads it", node.name, node.opType));
                normalized.insert(node.outputs[0]);
            }
        for (Site &site : findSites(m_model)) {
            const auto &gain = site.source.gain;
            if (!gain || site.source.shift || site.channels != m_stream.width)
                continue;
            const auto &inputs = m_graph.node(gain->node).inputs;
            if (normalized.erase(inputs[static_cast<std::size_t>(1 - gain->index)]) > 0)
                m_stream.readers.push_back(std::move(site));
        }
        if (!normalized.empty())
            return misfit(fmt::format("what is read at '{}' does not pass a norm with a gain into layers",
                                      m_graph.value(*normalized.begin()).name));
        return {};
    }

    const Model &m_model;
    const ModelGraph &m_graph;
    ResidualStream m_stream;
    std::set<ValueId> m_values;
};

Matrix weightOf(const Tensor &weight) {
    return Eigen::Map<const FloatMatrix>(weight.values<float>().data(), weight.shape()[0], weight.shape()[1])
        .cast<double>();
}

void setWeight(ModelEditor &editor, const Layer &layer, const Matrix &matrix) {
    Tensor tensor = Tensor::allocate(DType::Float32, Shape{matrix.rows(), matrix.cols()});
    Eigen::Map<FloatMatrix>(tensor.mutableValues<float>().data(), matrix.rows(), matrix.cols()) =
        matrix.cast<float>();
    editor.setWeight(layer, tensor);
}

} // namespace

Result<ResidualStream> findResidualStream(const Model &model) {
    return StreamSearch(model).find();
}

Status rotateResidualStream(const ResidualStream &stream, const Tensor &rotation, ModelEditor &editor) {
    const Eigen::Map<const Matrix> r(rotation.values<double>().data(), stream.width, stream.width);
    if ((r * r.transpose() - Matrix::Identity(stream.width, stream.width)).cwiseAbs().maxCoeff() > 1e-9)
        return fail(ErrorCode::PluginFailure, "the matrix for the residual stream is not orthogonal");
    const auto layerOf = [&](LayerId id) -> const Layer & {
        return editor.model().layers[static_cast<std::size_t>(id)];
    };
    for (const Site &site : stream.readers) {
        const Tensor gain = editor.constant(*site.source.gain);
        SiteChange change; // x / gain in front of the layers, so that the norm's gain becomes 1
        change.scale.assign(gain.values<float>().begin(), gain.values<float>().end());
        if (std::any_of(change.scale.begin(), change.scale.end(), [](float value) { return value == 0.0f; }))
            return misfit("a gain of a norm is 0");
        QS_CHECK_OK(applyChange(site, change, editor));
        for (const LayerId id : site.layers) {
            QS_TRY(const Tensor weight, editor.weight(layerOf(id)));
            setWeight(editor, layerOf(id), weightOf(weight) * r);
        }
    }
    for (const LayerId id : stream.embeddings) {
        QS_TRY(const Tensor weight, editor.weight(layerOf(id)));
        setWeight(editor, layerOf(id), weightOf(weight) * r);
    }
    for (const LayerId id : stream.writers) {
        QS_TRY(const Tensor weight, editor.weight(layerOf(id)));
        setWeight(editor, layerOf(id), r.transpose() * weightOf(weight));
    }
    return {};
}

} // namespace qs
