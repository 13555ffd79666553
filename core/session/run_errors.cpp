#include "core/session/run_errors.h"

#include "core/session/recipe_network.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Transforms keep every node under its name, and add operators.
ErrorPropagation onOpenedGraph(const ErrorPropagation &errors, const Run &run) {
    std::unordered_map<std::string, std::size_t> byName;
    const std::vector<Node> &nodes = run.prepared->model->graph.nodes();
    for (std::size_t id = 0; id < nodes.size(); ++id)
        byName[nodes[id].name] = id;
    ErrorPropagation opened;
    opened.samples = errors.samples;
    for (const Node &node : run.model->graph.nodes()) {
        const auto found = byName.find(node.name);
        opened.nodes.push_back(found == byName.end() ? std::nullopt : errors.nodes[found->second]);
    }
    return opened;
}

int addedNodes(const Run &run) {
    std::size_t added = 0;
    for (const GraphEdit &edit : run.prepared->edits)
        added += edit.nodes.size();
    return static_cast<int>(added);
}

} // namespace

Result<RunErrors> measureRunErrors(const Run &run, const Executor &executor, const CalibrationSet &set,
                                   std::int64_t samples, const RunContext &ctx) {
    if (!run.hasOriginal())
        return fail(ErrorCode::InvalidArgument, kNoOriginalText, run.name);
    if (run.prepared && !run.prepared->executor)
        return fail(ErrorCode::Unsupported, "the transformed model has operators that cannot run here");
    RunErrors errors;
    QS_TRY(errors.nodes, measureErrorPropagation(run.prepared ? *run.prepared->executor : executor, set,
                                                 run.quantizedLayers(), samples, ctx));
    errors.opened = errors.nodes;
    if (!run.prepared)
        return errors;
    errors.opened = std::make_shared<const ErrorPropagation>(onOpenedGraph(*errors.nodes, run));
    errors.added = addedNodes(run);
    errors.note =
        fmt::format("Compared with the float model after the transforms of the run ({}): activations "
                    "that they change are changed on both sides.",
                    transformNames(run.recipe));
    return errors;
}

} // namespace qs
