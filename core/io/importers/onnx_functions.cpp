#include "core/io/importers/onnx_functions.h"

#include "core/io/importers/onnx_function_table.h"
#include "core/io/importers/onnx_graph.h"
#include "core/io/safe_text.h"

#include <deque>
#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <set>

namespace qs {
namespace {

constexpr std::size_t kMostParts = 300'000;                ///< nodes, and attributes that they take over
constexpr std::size_t kMostBytes = std::size_t{256} << 20; ///< of all nodes that take the place of calls
constexpr int kMostDepth = 64;                             ///< of subgraphs

/// New names by those of a body; those of a subgraph inside of it come before those around it.
struct NewNames {
    std::map<std::string, std::string> own;
    const NewNames *outer = nullptr;

    const std::string *find(const std::string &name) const {
        for (const NewNames *names = this; names; names = names->outer)
            if (const auto found = names->own.find(name); found != names->own.end())
                return &found->second;
        return nullptr;
    }
};
using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// Takes calls out of node lists.
class Inliner {
public:
    Inliner(OnnxFunctionTable &functions, const RunContext &ctx) : m_functions(functions), m_ctx(ctx) {}

    /// Notes the names that a graph already has, so that new ones clash with none.
    void reserveNames(const onnx::GraphProto &graph) {
        const auto add = [this](const auto &names) { m_names.insert(names.begin(), names.end()); };
        for (const auto &input : graph.input())
            m_names.insert(input.name());
        for (const auto &tensor : graph.initializer())
            m_names.insert(tensor.name());
        for (const auto &tensor : graph.sparse_initializer())
            m_names.insert(tensor.values().name());
        forEachOnnxNode(graph.node(), [&](const onnx::NodeProto &node) {
            add(node.input());
            add(node.output());
        });
    }

    Status expandGraph(onnx::GraphProto &graph, int depth) {
        if (depth > kMostDepth)
            return fail(ErrorCode::CorruptFile,
                        fmt::format("functions nest subgraphs deeper than {}", kMostDepth));
        std::deque<onnx::NodeProto> waiting;
        for (auto &node : *graph.mutable_node())
            waiting.push_back(std::move(node));
        graph.clear_node();
        while (!waiting.empty()) {
            if (m_ctx.cancelled())
                return RunContext::cancelledError();
            onnx::NodeProto node = std::move(waiting.front());
            waiting.pop_front();
            OnnxFunction *function = m_functions.find(node);
            if (function && canInline(*function, node)) {
                QS_TRY(std::vector<onnx::NodeProto> body, bodyOf(*function, node));
                waiting.insert(waiting.begin(), std::make_move_iterator(body.begin()),
                               std::make_move_iterator(body.end()));
                continue;
            }
            for (auto &attribute : *node.mutable_attribute())
                if (attribute.has_g())
                    QS_CHECK_OK(expandGraph(*attribute.mutable_g(), depth + 1));
            *graph.add_node() = std::move(node);
        }
        return {};
    }

private:
    /// Counts the calls that must stay.
    static bool canInline(OnnxFunction &function, const onnx::NodeProto &call) {
        if (function.refusal.empty() && (call.input_size() > function.message->input_size() ||
                                         call.output_size() > function.message->output_size()))
            function.refusal = "has fewer operands than its calls";
        function.callsLeft += !function.refusal.empty();
        return function.refusal.empty();
    }

    /// The name of the call, numbered from its second use on: many calls of one name must not search for
    /// free names.
    std::string freshPrefix(const onnx::NodeProto &call) {
        // Names grow with every level, so their length is limited here.
        const std::string name = safeName(call.name().empty() ? call.op_type() : call.name());
        const int uses = ++m_prefixUses[name];
        return uses == 1 ? name : name + "_" + std::to_string(uses);
    }

    /// Costs memory before charge() sees the node: beyond the limit, which bodyOf() reports, names are empty.
    std::string freshName(const std::string &prefix, const std::string &name) {
        if (m_bytes > kMostBytes)
            return {};
        std::string fresh = prefix + "/" + name;
        while (!m_names.insert(fresh).second)
            fresh += "_";
        m_bytes += fresh.size();
        return fresh;
    }

    /// The nodes that stand for one call.
    Result<std::vector<onnx::NodeProto>> bodyOf(const OnnxFunction &function, const onnx::NodeProto &call) {
        const onnx::FunctionProto &message = *function.message;
        const std::string prefix = freshPrefix(call);
        std::vector<onnx::NodeProto> body;
        NewNames names;
        for (int i = 0; i < message.input_size(); ++i)
            names.own[message.input(i)] = i < call.input_size() ? call.input(i) : "";
        for (int i = 0; i < call.output_size(); ++i) {
            if (call.output(i).empty() || names.own.try_emplace(message.output(i), call.output(i)).second)
                continue;
            // It passes an operand on, or yields one value twice.
            onnx::NodeProto &copy = body.emplace_back();
            copy.set_op_type("Identity");
            copy.set_name(prefix + "/" + message.output(i));
            copy.add_input(names.own[message.output(i)]);
            copy.add_output(call.output(i));
        }
        defineOutputs(message.node(), prefix, names);
        for (const auto &node : message.node()) {
            onnx::NodeProto &copy = body.emplace_back(node);
            copy.set_name(prefix + "/" + (node.name().empty() ? node.op_type() : node.name()));
            rename(copy, prefix, names);
            QS_CHECK_OK(resolveAttributes(copy, function, call));
            QS_CHECK_OK(charge(copy.ByteSizeLong()));
        }
        return body;
    }

    /// Of a node, or of an attribute that it takes over.
    Status charge(std::size_t bytes) {
        m_bytes += bytes;
        if (++m_parts > kMostParts || m_bytes > kMostBytes)
            return fail(ErrorCode::CorruptFile,
                        "the functions of the file call each other so often that their bodies do not fit "
                        "into memory");
        return {};
    }

    void defineOutputs(const NodeList &nodes, const std::string &prefix, NewNames &names) {
        for (const auto &node : nodes)
            for (const std::string &output : node.output())
                if (!output.empty() && !names.own.contains(output))
                    names.own[output] = freshName(prefix, output);
    }

    /// Names of a body: what it does not define itself is unknown there, whatever stands around the call.
    void rename(onnx::NodeProto &node, const std::string &prefix, const NewNames &names) {
        const auto renamed = [&](const std::string &name) {
            const std::string *found = names.find(name);
            return name.empty() ? name : found ? *found : freshName(prefix, name);
        };
        for (std::string &input : *node.mutable_input())
            input = renamed(input);
        for (std::string &output : *node.mutable_output())
            output = renamed(output);
        for (auto &attribute : *node.mutable_attribute())
            if (attribute.has_g())
                renameGraph(*attribute.mutable_g(), prefix, names);
    }

    void renameGraph(onnx::GraphProto &graph, const std::string &prefix, const NewNames &outer) {
        NewNames names{{}, &outer};
        const auto define = [&](const std::string &name) {
            if (!name.empty())
                names.own[name] = freshName(prefix, name);
            return name.empty() ? name : names.own[name];
        };
        graph.clear_value_info();
        for (auto &input : *graph.mutable_input())
            input.set_name(define(input.name()));
        for (auto &tensor : *graph.mutable_initializer())
            tensor.set_name(define(tensor.name()));
        for (auto &tensor : *graph.mutable_sparse_initializer())
            tensor.mutable_values()->set_name(define(tensor.values().name()));
        for (const auto &node : graph.node())
            for (const std::string &output : node.output())
                define(output);
        for (auto &node : *graph.mutable_node())
            rename(node, prefix, names);
        for (auto &output : *graph.mutable_output())
            if (const std::string *found = names.find(output.name()))
                output.set_name(*found);
    }

    /// Attributes that refer to those of the call: its value, else the default, else nothing.
    Status resolveAttributes(onnx::NodeProto &node, const OnnxFunction &function,
                             const onnx::NodeProto &call) {
        google::protobuf::RepeatedPtrField<onnx::AttributeProto> resolved;
        for (auto &attribute : *node.mutable_attribute()) {
            const onnx::AttributeProto *value = &attribute;
            if (!attribute.ref_attr_name().empty())
                value = attributeOf(attribute.ref_attr_name(), function, call);
            if (!value)
                continue;
            if (value != &attribute)
                QS_CHECK_OK(charge(value->ByteSizeLong()));
            onnx::AttributeProto &copy = *resolved.Add();
            copy = *value;
            copy.set_name(attribute.name());
            if (copy.has_g())
                for (auto &inner : *copy.mutable_g()->mutable_node())
                    QS_CHECK_OK(resolveAttributes(inner, function, call));
        }
        node.mutable_attribute()->Swap(&resolved);
        return {};
    }

    static const onnx::AttributeProto *attributeOf(const std::string &name, const OnnxFunction &function,
                                                   const onnx::NodeProto &call) {
        for (const auto &attribute : call.attribute())
            if (attribute.name() == name)
                return &attribute;
        const auto found = function.defaults.find(name);
        return found == function.defaults.end() ? nullptr : found->second.get();
    }

    OnnxFunctionTable &m_functions;
    const RunContext &m_ctx;
    std::set<std::string> m_names;
    std::map<std::string, int> m_prefixUses;
    std::size_t m_parts = 0, m_bytes = 0;
};

void report(const std::map<OnnxFunctionKey, OnnxFunction> &functions, FindingList &findings) {
    for (const auto &[key, function] : functions)
        if (function.callsLeft > 0)
            findings.add(
                Severity::Warning,
                fmt::format(
                    "'{}' is a function inside the file that {}; its {} call{} appear as one operator "
                    "each, which cannot run",
                    safeName(key.name), function.refusal, function.callsLeft,
                    function.callsLeft == 1 ? "" : "s"),
                safeName(key.name),
                "inline the functions before opening the model (onnx.inliner.inline_local_functions)");
}

/// Domains that only bodies of functions import.
void addImports(onnx::ModelProto &model) {
    std::set<std::string> known;
    for (const auto &import : model.opset_import())
        known.insert(normalOnnxDomain(import.domain()));
    for (const auto &function : model.functions())
        for (const auto &import : function.opset_import())
            if (known.insert(normalOnnxDomain(import.domain())).second)
                *model.add_opset_import() = import;
}

} // namespace

Status inlineOnnxFunctions(onnx::ModelProto &model, FindingList &findings, const RunContext &ctx) {
    OnnxFunctionTable functions(model);
    if (functions.empty())
        return {};
    addImports(model);
    Inliner inliner(functions, ctx);
    inliner.reserveNames(model.graph());
    QS_CHECK_OK(inliner.expandGraph(*model.mutable_graph(), 0));
    report(functions.all(), findings);
    if (std::ranges::all_of(functions.all(), [](const auto &entry) { return entry.second.callsLeft == 0; }))
        model.clear_functions();
    return {};
}

} // namespace qs
