#pragma once

#include "core/analysis/fake_quantizer.h"
#include "core/quant/block_method.h"
#include "plugins/block/block_solver.h"

namespace qs::test {

/// A layer of a request as the solver sees it.
inline SolverLayer solverLayer(const BlockLayer &layer) {
    SolverLayer result;
    const QuantizedMatrix &nearest = layer.nearest;
    const CodeRange range = codeRange(nearest.bits, nearest.convention);
    result.weights = layer.weights.data;
    result.rows = nearest.rows;
    result.cols = nearest.cols;
    result.lowest = range.lowest;
    result.highest = range.highest;
    result.convention = nearest.convention;
    result.scaleAsFloat16 = nearest.scaleAsFloat16;
    result.scales = nearest.scales;
    result.zeroPoints = nearest.zeroPoints;
    result.slicesPerRow =
        nearest.layout.granularity == Granularity::PerTensor ? 0 : nearest.layout.groupsPerRow();
    result.sliceLength =
        nearest.layout.granularity == Granularity::PerGroup ? nearest.layout.groupSize : nearest.cols;
    result.nearest = nearest.codes;
    result.activationScale = layer.activation ? layer.activation->grid.scale : 0.0f;
    return result;
}

/// Services of the core as those of the solver, without the ABI between them.
inline BlockSolverServices solverServices(BlockServices &services, const RunContext &ctx,
                                          std::uint64_t seed = 1) {
    BlockSolverServices result;
    result.run = [&services, ctx](SolverPass &pass) {
        BlockPass run;
        run.allSamples = pass.allSamples;
        run.seed = pass.seed;
        run.weights = pass.weights;
        run.activationScales = pass.activationScales;
        run.activationShare = pass.activationShare;
        run.inputShare = pass.inputShare;
        run.weightGradients = pass.weightGradients;
        run.activationScaleGradients = pass.activationScaleGradients;
        run.termWeights = pass.termWeights;
        run.sameInputTarget = pass.sameInputTarget;
        run.terms = &pass.terms;
        return services.run(run, ctx);
    };
    for (std::size_t term = 0; term < kBlockTerms; ++term)
        if (services.has(static_cast<BlockTerm>(term)))
            result.terms |= 1U << term;
    result.randomBits = [seed](std::uint64_t index) { return randomBitsAt(seed, index); };
    result.cancelled = [ctx] { return ctx.cancelled(); };
    result.maxThreads = ctx.maxThreads;
    return result;
}

} // namespace qs::test
