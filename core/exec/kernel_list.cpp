#include "core/exec/kernel_list.h"

#include "core/exec/reference/transformer_families.h"
#include "core/graph/weights_only.h"

#include <fmt/format.h>
#include <new>
#include <stdexcept>

namespace qs {
namespace {

// clang-format off: one family a line
constexpr KernelFamily (*kFamilies[])() = {
    unaryKernels,
    activationKernels,
    binaryKernels,
    comparisonKernels,
    castKernels,
    reductionKernels,
    shapeKernels,
    movementKernels,
    indexingKernels,
    padKernels,
    rearrangementKernels,
    scatterKernels,
    sortingKernels,
    selectionKernels,
    generatorKernels,
    matmulKernels,
    convolutionKernels,
    poolingKernels,
    normalizationKernels,
    softmaxKernels,
    quantizationKernels,
    lossKernels,
    recurrentKernels,
    signalKernels,
    signalWindowKernels,
    resizeKernels,
    integerKernels,
    bitwiseKernels,
    unpoolingKernels,
    gridSampleKernels,
    transposedConvolutionKernels,
    statisticsNormalizationKernels,
    roiKernels,
    einsumKernels,
    tfIdfKernels,
    imageKernels,
    rmsNormalizationKernels,
    skipNormalizationKernels,
    gateKernels,
    rotaryKernels,
    attentionKernels,
    contribAttentionKernels,
    contribMatmulKernels,
};
// clang-format on

} // namespace

const std::vector<KernelEntry> &referenceKernels() {
    static const std::vector<KernelEntry> kEntries = [] {
        std::vector<KernelEntry> entries;
        for (const auto family : kFamilies)
            entries.insert(entries.end(), family().begin(), family().end());
        return entries;
    }();
    return kEntries;
}

namespace {

/// Tensors of this program hold numbers; a node that reads or writes anything else cannot run.
Status requireNumbers(const Node &node, const ModelGraph &graph) {
    for (const auto *ids : {&node.inputs, &node.outputs})
        for (const ValueId id : *ids)
            if (id != kNoValue && graph.value(id).dtype == DType::String)
                return fail(ErrorCode::Unsupported, "strings");
    return {};
}

} // namespace

Status checkRunnable(const Node &node, const ModelGraph &graph) {
    if (node.domain == kWeightsOnlyDomain)
        return fail(ErrorCode::Unsupported, "it stands for a weight of a file without a graph");
    if (graph.opset(node.domain) > kNewestOpset)
        return fail(ErrorCode::Unsupported,
                    fmt::format("opset {} is newer than {}, the newest that this version knows",
                                graph.opset(node.domain), kNewestOpset));
    return requireNumbers(node, graph);
}

Outputs applyKernel(const Kernel &kernel, KernelCall &call) {
    try {
        return kernel(call);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "not enough memory");
    } catch (const std::length_error &) {
        return fail(ErrorCode::OutOfMemory, "not enough memory");
    }
}

Result<Kernel> createKernel(const std::vector<KernelEntry> &entries, const Node &node,
                            const ModelGraph &graph) {
    QS_CHECK_OK(checkRunnable(node, graph));
    NodeReader reader(node, graph);
    const KernelEntry *best = nullptr;
    for (const KernelEntry &entry : entries)
        if (node.opType == entry.opType && node.domain == entry.domain &&
            entry.sinceVersion <= reader.opset() && (!best || entry.sinceVersion > best->sinceVersion))
            best = &entry;
    if (!best)
        return fail(ErrorCode::Unsupported, "not implemented");
    auto kernel = best->create(reader);
    if (kernel)
        QS_CHECK_OK(reader.checkAttributes());
    return kernel;
}

} // namespace qs
