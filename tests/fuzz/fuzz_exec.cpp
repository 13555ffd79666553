#include "core/base/deadline.h"
#include "core/exec/executor.h"
#include "core/exec/shape_trace.h"
#include "tests/fuzz/exec_forge.h"
#include "tests/fuzz/read_bytes.h"

#include <fuzzer/FuzzedDataProvider.h>

// Models that open and then run: shape rules, constant folding, kernels of both backends, branches and loops.
// The bytes describe a graph (exec_forge.h), since most of what mutated files hold does not get past the
// importer.

namespace {

using namespace qs;

constexpr std::size_t kMemory = std::size_t{64} << 20; ///< what intermediate tensors may take together
constexpr auto kPatience = std::chrono::milliseconds(500);

/// Errors are answers, too.
void traceShapesOf(const fuzz::ForgedModel &forged, const RunContext &ctx) {
    std::vector<Shape> shapes;
    for (const Tensor &input : forged.inputs)
        shapes.push_back(input.shape());
    (void)traceShapes(forged.model->graph, shapes, ctx);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    FuzzedDataProvider bytes(data, size);
    const bool useOneDnn = bytes.ConsumeBool();
    auto forged = fuzz::forgeModel(bytes);
    if (!forged)
        return 0;
    const Deadline deadline(kPatience);
    RunContext ctx;
    ctx.stop = deadline.token();
    ctx.maxThreads = 1;
    const ModelGraph &graph = forged->model->graph;
    traceShapesOf(*forged, ctx);
    const auto executor =
        Executor::create(forged->model, {.useOneDnn = useOneDnn, .pool = BufferPool::create(kMemory)});
    if (!executor)
        return 0;
    PassOptions options;
    for (std::size_t id = 0; id < graph.values().size(); ++id)
        options.taps[static_cast<ValueId>(id)] = fuzz::readBytes;
    (void)(*executor)->run(forged->inputs, options, ctx);
    return 0;
}
