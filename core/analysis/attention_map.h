#pragma once

#include "core/analysis/attention_survey.h"

namespace qs {

/// Which map: one head, the mean over the heads of a block (head −1), or the mean over the heads of all
/// blocks (block −1).
struct AttentionMapChoice {
    int block = 0;
    int head = -1;
    bool operator==(const AttentionMapChoice &) const = default;
};

struct AttentionMap {
    Tensor reference; ///< float32 [queries, keys]
    Tensor quantized; ///< the same; empty without a quantized model
};

/// One map in full: at 4,096 tokens 64 MiB each for float and quantized (twice that while a mean is taken),
/// beside what AttentionPass needs. \error InvalidArgument  there is no such block or head;  Unsupported  the
/// mean of blocks whose sizes differ;
///        as AttentionPass
Result<AttentionMap> captureAttentionMap(const AttentionSurveyRequest &request,
                                         const AttentionMapChoice &choice, const RunContext &ctx);

/// quantized − reference, entry by entry.
Tensor difference(const Tensor &reference, const Tensor &quantized);

} // namespace qs
