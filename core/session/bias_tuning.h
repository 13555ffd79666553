#pragma once

#include "core/analysis/layer_measure.h"
#include "core/io/calibration_set.h"

#include <set>

namespace qs {

/// What a training of biases needs.
struct BiasTuningRequest {
    std::shared_ptr<const Executor> executor; ///< of the network that is quantized
    const CalibrationSet *samples = nullptr;
    std::int64_t maxSamples = 0;        ///< 0 = all
    std::vector<QuantizedLayer> layers; ///< of the whole network
    std::set<LayerId> tuned;            ///< whose outputs get a trained offset; embeddings are skipped
    std::uint64_t seed = 0;
    int steps = 200;             ///< of Adam, one mini-batch each
    std::int64_t batchSize = 16; ///< samples
    double rate = 0.002;         ///< first step, in units of the root mean square of a layer's
                                 ///< output; falls to 0
};

/// Which loss was minimised.
enum class OutputLoss {
    Kl,           ///< KL(float ‖ quantized) of the softmax over the last axis: scores of classes or tokens
    SquaredError, ///< of everything else, in units of the mean square of the float output
};

struct TunedBiases {
    std::map<LayerId, std::vector<float>>
        offsets; ///< [outChannels] each, instead of the layer's outputOffset
    OutputLoss loss = OutputLoss::Kl;
    double before = 0, after = 0; ///< loss on all samples; after <= before
};

/// Trains one offset for every output channel of the layers until the first float32 output of the quantized
/// network that holds no chosen classes is close to that of the float network; codes, scales and activation
/// grids stay. Gradients pass straight through the quantization of activations, and not where a grid from
/// calibration clips. The best of several looks at all samples is kept, the start among them. \error
/// Unsupported  the network has no such output, an operator on the way has no gradient rule, a layer that
/// does not compute in float32,
///                     or a low-rank branch beside a quantized activation;  Cancelled
/// \thread pure; results do not depend on the thread count
/// \source Hubara et al. 2020, arXiv:2006.10518, bias tuning (schedule and units are ours); methods A, A30
Result<TunedBiases> tuneBiases(const BiasTuningRequest &request, const RunContext &ctx);

} // namespace qs
