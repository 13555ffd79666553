#include "plugins/block/block_call.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// The solver counts a missing step as 0; the host wants them all positive.
std::vector<float> hostScales(const SolverPass &pass) {
    std::vector<float> scales = pass.activationScales;
    for (float &scale : scales)
        scale = scale > 0 ? scale : 1.0f;
    return scales;
}

double runPass(const BlockCall &call, SolverPass &pass) {
    const std::vector<float> scales = hostScales(pass);
    qs_block_pass run{};
    run.all_samples = pass.allSamples ? 1 : 0;
    run.seed = pass.seed;
    run.weights = pass.weights.data();
    run.activation_scales = scales.empty() ? nullptr : scales.data();
    run.activation_share = pass.activationShare;
    run.input_share = pass.inputShare;
    run.weight_gradients = pass.weightGradients.empty() ? nullptr : pass.weightGradients.data();
    run.activation_scale_gradients =
        pass.activationScaleGradients.empty() ? nullptr : pass.activationScaleGradients.data();
    run.term_count = QS_BLOCK_TERMS;
    run.term_weights = pass.termWeights.data();
    run.terms = pass.terms.data();
    run.same_input_target = pass.sameInputTarget;
    call.run(run); // throws, and the border catches
    return run.loss;
}

} // namespace

std::vector<SolverLayer> layersOf(const qs_block_request &request) {
    std::vector<SolverLayer> layers;
    for (std::int32_t i = 0; i < request.layer_count; ++i) {
        const qs_block_layer &source = *request.layers[i];
        SolverLayer layer;
        layer.weights = source.weights;
        layer.rows = source.rows;
        layer.cols = source.cols;
        layer.lowest = source.lowest_code;
        layer.highest = source.highest_code;
        layer.convention = static_cast<GridConvention>(source.convention);
        layer.scaleAsFloat16 = source.scale_as_float16 != 0;
        layer.scales.assign(source.scales, source.scales + source.slices);
        layer.zeroPoints.assign(source.zero_points, source.zero_points + source.slices);
        layer.slicesPerRow = source.slices_per_row;
        layer.sliceLength = source.slice_length;
        layer.nearest.assign(source.nearest, source.nearest + layer.size());
        layer.activationScale = source.quantizes_activation ? source.activation_scale : 0.0f;
        layers.push_back(std::move(layer));
    }
    return layers;
}

BlockSolverServices blockServicesOf(const BlockCall &call, const char *name) {
    BlockSolverServices services;
    services.run = [&call](SolverPass &pass) -> Result<double> { return runPass(call, pass); };
    services.terms = call.request().terms;
    services.randomBits = [&call](std::uint64_t index) { return call.randomBits(index); };
    services.cancelled = [&call] { return call.cancelled(); };
    services.progress = [&call](std::int64_t done, std::int64_t total, const std::string &stage) {
        call.progress(done, total, fmt::format("{}: {}", call.request().block_name, stage).c_str());
    };
    services.warn = [&call, name](const std::string &text) {
        call.log(QS_LOG_WARNING, fmt::format("{}: {}", name, text));
    };
    services.maxThreads = call.maxThreads();
    return services;
}

void store(const BlockCall &call, const char *name, const Result<BlockSolution> &solution) {
    call.throwIfCancelled();
    if (!solution)
        throw PluginError(QS_FAILED, solution.error().message);
    for (std::size_t l = 0; l < solution->layers.size(); ++l) {
        const SolvedLayer &layer = solution->layers[l];
        std::ranges::copy(layer.codes, call.result().codes[l]);
        std::ranges::copy(layer.scales, call.result().scales[l]);
        std::ranges::copy(layer.zeroPoints, call.result().zero_points[l]);
        if (call.request().layers[l]->quantizes_activation)
            call.result().activation_scales[l] = solution->activationScales[l];
    }
    call.log(QS_LOG_INFO,
             solution->keptNearest
                 ? fmt::format("{}: the start stays, loss {:.4g} (learned {:.4g})", name,
                               solution->nearestLoss, solution->learnedLoss)
                 : fmt::format("{}: loss {:.4g}, at the start {:.4g}; {:.0f} % of the weights decided", name,
                               solution->learnedLoss, solution->nearestLoss, 100 * solution->binaryShare));
}

} // namespace qs
