#include "core/transform/model_editor.h"

#include "core/graph/model_edit.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

ValueId valueIn(const ModelGraph &graph, InputSlot slot) {
    const Node &node = graph.node(slot.node);
    const auto index = static_cast<std::size_t>(slot.index);
    return index < node.inputs.size() ? node.inputs[index] : kNoValue;
}

/// Slots of the main graph that read a value; more than one, or a subgraph, keeps a constant from being
/// changed.
std::int64_t readersOf(const ModelGraph &graph, ValueId value) {
    std::int64_t count = 0;
    for (const NodeId reader : graph.consumers(value)) {
        const auto &inputs = graph.node(reader).inputs;
        const auto direct = std::count(inputs.begin(), inputs.end(), value);
        count += direct > 0 ? direct : 2;
    }
    return count + std::count(graph.outputs().begin(), graph.outputs().end(), value);
}

/// Float values in the type of what they stand beside or replace; anything but floats runs as float32.
Tensor inTypeOf(const Tensor &model, const Tensor &values) {
    const DType type = model.dtype();
    if (type != DType::Float16 && type != DType::BFloat16 && type != DType::Float64)
        return values;
    auto cast = castTensor(values, type);
    return cast ? std::move(*cast) : values;
}

} // namespace

Tensor ModelEditor::constant(InputSlot slot) const {
    if (const auto changed = m_constants.find(slot); changed != m_constants.end())
        return changed->second;
    const ValueId value = valueIn(graph(), slot);
    const Tensor *tensor = value == kNoValue ? nullptr : graph().constant(value);
    if (!tensor)
        return {};
    auto converted = toFloat32(*tensor);
    return converted ? std::move(*converted) : Tensor{};
}

void ModelEditor::setConstant(InputSlot slot, Tensor value) {
    const ValueId id = valueIn(graph(), slot);
    if (!m_ownNames.contains(slot)) {
        const std::string &name = graph().value(id).name;
        const bool shared = readersOf(graph(), id) > 1;
        m_ownNames[slot] = shared ? uniqueName(name) : name;
        if (shared)
            m_rewired[slot] = m_ownNames[slot];
    }
    m_constants[slot] = std::move(value);
}

Result<Tensor> ModelEditor::weight(const Layer &layer) const {
    const auto changed = m_constants.find({layer.node, layer.weightIndex});
    if (changed == m_constants.end())
        return weightMatrix(layer, graph());
    if (!layer.transposed)
        return changed->second.reshaped(Shape{layer.outChannels, layer.inPerOut});
    // The stored layout is the transposed matrix, and transposing twice gives it back.
    Layer turned = layer;
    turned.outChannels = layer.inPerOut;
    turned.inPerOut = layer.outChannels;
    return toStoredLayout(turned, changed->second).reshaped(Shape{layer.outChannels, layer.inPerOut});
}

void ModelEditor::setWeight(const Layer &layer, const Tensor &matrix) {
    setConstant({layer.node, layer.weightIndex}, toStoredLayout(layer, matrix));
}

std::string ModelEditor::insert(const std::string &opType, const std::string &input, const Tensor &constant,
                                const Layer &beside) {
    const std::string output = uniqueName(input);
    const std::string operand = uniqueName(input + "." + opType);
    m_edit.constants.push_back({operand, inTypeOf(*graph().constant(beside.weight), constant)});
    m_edit.nodes.push_back({uniqueName(opType), opType, {input, operand}, output});
    return output;
}

void ModelEditor::changeOffsets(const Layer &layer,
                                const std::function<double(std::size_t, double)> &change) {
    for (const std::size_t index : m_offsets[layer.id]) {
        Tensor &offset = m_edit.constants[index].value;
        const auto values = toFloat32(offset);
        if (!values)
            continue;
        Tensor changed = Tensor::allocate(DType::Float32, offset.shape());
        for (std::size_t i = 0; i < values->values<float>().size(); ++i)
            changed.mutableValues<float>()[i] = static_cast<float>(change(i, values->values<float>()[i]));
        offset = inTypeOf(offset, changed);
    }
}

std::string ModelEditor::valueRead(InputSlot slot) const {
    const auto changed = m_rewired.find(slot);
    return changed != m_rewired.end() ? changed->second : graph().value(valueIn(graph(), slot)).name;
}

void ModelEditor::rewire(InputSlot slot, const std::string &value) {
    m_rewired[slot] = value;
}

std::string ModelEditor::uniqueName(const std::string &wish) {
    std::string name;
    do
        name = fmt::format("{}/qs{}", wish, ++m_count);
    while (graph().findValue(name) != kNoValue);
    return name;
}

GraphEdit ModelEditor::edit() const {
    GraphEdit edit = m_edit;
    for (const auto &[slot, tensor] : m_constants)
        edit.constants.push_back(
            {m_ownNames.at(slot), inTypeOf(*graph().constant(valueIn(graph(), slot)), tensor)});
    for (const auto &[slot, value] : m_rewired)
        edit.inputs.push_back({graph().value(graph().node(slot.node).outputs[0]).name, slot.index, value});
    return edit;
}

Result<std::shared_ptr<const Model>> ModelEditor::finish() const {
    return applyEdit(model(), edit());
}

} // namespace qs
