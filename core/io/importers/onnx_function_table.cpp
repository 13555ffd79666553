#include "core/io/importers/onnx_function_table.h"

#include "core/io/importers/onnx_graph.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <set>

namespace qs {
namespace {

// Fields that newer files have and this version of the message does not know.
constexpr int kNodeOverload = 8, kFunctionDefaults = 11, kFunctionOverload = 13;

/// The strings of an unknown field of a message, in order.
template <typename Message>
std::vector<std::string> unknownStrings(const Message &message, int number) {
    std::vector<std::string> values;
    const auto &fields = message.unknown_fields();
    for (int i = 0; i < fields.field_count(); ++i)
        if (fields.field(i).number() == number &&
            fields.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
            values.push_back(fields.field(i).length_delimited());
    return values;
}

template <typename Message>
std::string overloadOf(const Message &message, int number) {
    const auto values = unknownStrings(message, number);
    return values.empty() ? "" : values.back();
}

} // namespace

OnnxFunctionTable::OnnxFunctionTable(const onnx::ModelProto &model) {
    std::map<std::string, std::int64_t> opsets;
    for (const auto &import : model.opset_import())
        opsets[normalOnnxDomain(import.domain())] = import.version();
    for (const auto &message : model.functions())
        add(message, opsets);
    refuseRecursion();
}

OnnxFunction *OnnxFunctionTable::find(const onnx::NodeProto &node) {
    const auto found =
        m_functions.find({normalOnnxDomain(node.domain()), node.op_type(), overloadOf(node, kNodeOverload)});
    return found == m_functions.end() ? nullptr : &found->second;
}

void OnnxFunctionTable::add(const onnx::FunctionProto &message,
                            const std::map<std::string, std::int64_t> &opsets) {
    OnnxFunction function{&message, {}, {}, 0};
    for (const std::string &bytes : unknownStrings(message, kFunctionDefaults)) {
        auto attribute = std::make_shared<onnx::AttributeProto>();
        if (attribute->ParseFromString(bytes))
            function.defaults[attribute->name()] = attribute;
    }
    std::set<std::string> used;
    forEachOnnxNode(message.node(),
                    [&](const onnx::NodeProto &node) { used.insert(normalOnnxDomain(node.domain())); });
    for (const auto &import : message.opset_import()) {
        const std::string domain = normalOnnxDomain(import.domain());
        const auto own = opsets.find(domain);
        if (used.contains(domain) && own != opsets.end() && own->second != import.version())
            function.refusal =
                fmt::format("follows opset {} of '{}' and the model opset {}", import.version(),
                            domain.empty() ? "ai.onnx" : safeName(domain), own->second);
    }
    m_functions.insert_or_assign(
        {normalOnnxDomain(message.domain()), message.name(), overloadOf(message, kFunctionOverload)},
        std::move(function));
}

/// Removes functions whose callees are all removed; what is left leads back to itself.
void OnnxFunctionTable::refuseRecursion() {
    std::map<const OnnxFunction *, std::set<OnnxFunction *>> callers;
    std::map<const OnnxFunction *, std::size_t> waiting;
    std::vector<const OnnxFunction *> ready;
    for (auto &[key, function] : m_functions) {
        std::set<OnnxFunction *> callees;
        forEachOnnxNode(function.message->node(), [&](const onnx::NodeProto &node) {
            if (OnnxFunction *callee = find(node))
                callees.insert(callee);
        });
        for (OnnxFunction *callee : callees)
            callers[callee].insert(&function);
        waiting[&function] = callees.size();
        if (callees.empty())
            ready.push_back(&function);
    }
    while (!ready.empty()) {
        const OnnxFunction *done = ready.back();
        ready.pop_back();
        for (OnnxFunction *caller : callers[done])
            if (--waiting[caller] == 0)
                ready.push_back(caller);
    }
    for (auto &[key, function] : m_functions)
        if (waiting[&function] > 0)
            function.refusal = "calls itself";
}

} // namespace qs
