#pragma once

#include "core/gradient/tape.h"

namespace qs {

/// What a batch normalization has learned of the values that enter it: what training data look like there.
struct BatchNormStatistics {
    NodeId node = kNoNode;
    ValueId input = kNoValue;
    std::vector<float> mean, deviation; ///< [channels]
};

/// All BatchNormalization nodes with constant running statistics, in topological order.
std::vector<BatchNormStatistics> findBatchNorms(const ModelGraph &graph);

/// What means and deviations are taken over.
enum class StatisticsOver {
    Sample, ///< the positions of each image (ZeroQ); the loss is the mean over images
    Batch   ///< positions and images together (GENIE)
};

/// Σ over channels of (mean of value - mean)² + (deviation of value - deviation)², and its gradient by the
/// value. Deviations are sqrt(unbiased variance + 1e-6); where there is a single position they do not count.
/// \param value  float32 [images, channels, ...]
/// \error Cancelled
/// \source Cai et al. 2020, arXiv:2001.00281, eq. 1; methods A, A32 and A34
Result<LossSeed> statisticsLoss(const Tensor &value, const std::vector<float> &mean,
                                const std::vector<float> &deviation, StatisticsOver over,
                                const RunContext &ctx);

} // namespace qs
