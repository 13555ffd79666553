#pragma once

#include "app/cli/sensitivity_command.h"
#include "core/figure/graph_scene.h"
#include "core/session/run_errors.h"

namespace qs::app {

/// What `render graph` draws: the graph, and the numbers that its boxes are coloured by.
struct GraphPicture {
    const InputOptions &inputs;
    const RecipeOptions &recipe;
    std::string metric = "none"; ///< NodeMetricInfo::id
    int sensitivityBits = 0;     ///< 0 = the lowest that is measured
    MapDirection direction = MapDirection::Down;
    int boxes = 80; ///< blocks are open as long as at most so many boxes are seen

    struct Result {
        std::shared_ptr<const GraphScene> scene;
        Provenance provenance;
    };
    /// \error InvalidArgument  the metric needs a set that was not given
    qs::Result<Result> execute(const CommandContext &context) const;

private:
    /// Model and numbers. \error as the parts report
    Status collect(NodeMetricSources &sources, Provenance &provenance, const CommandContext &context) const;
    Status collectFromSet(NodeMetricSources &sources, Provenance &provenance,
                          const CommandContext &context) const;
};

/// The errors of a run node by node, on --eval or else --calib. \error InvalidArgument  neither was given
qs::Result<RunErrors> propagateErrors(const InputOptions &inputs, const qs::Run &run, std::int64_t samples,
                                      const CommandContext &context);

} // namespace qs::app
