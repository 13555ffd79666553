#pragma once

#include "core/base/result.h"
#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"

#include <span>
#include <vector>

namespace qs {

struct NormalFloatOptions {
    int bits = 4; ///< 2..8
    bool float16Scales = false;
    bool doubleQuantization = false; ///< scales themselves become codes; excludes float16Scales
    int scaleBits = 8;               ///< of such a code, 2..8
    std::int64_t scaleBlock = 256;   ///< slices that share one float32 scale of the scales
};

struct NormalFloatResult {
    std::vector<float> scales;       ///< [slices] largest magnitude of the slice, > 0, as it is stored
    std::vector<std::int16_t> codes; ///< [rows, cols] index of the level
    double scaleBits = 32;           ///< storage of a scale
};

/// The 2^bits levels of NormalFloat, ascending from -1 to 1 with an exact 0: quantiles of the normal
/// distribution, evenly spaced in probability on either side, one more above 0 than below.
/// \param bits  2..8
/// \source Dettmers et al. 2023, arXiv:2305.14314; methods A, A17
std::vector<float> normalFloatLevels(int bits);

/// Scales each slice by its largest magnitude and takes the nearest level.
///
/// Double quantization stores scale - smallest scale of the layer in scaleBits bits, with one float32 step
/// per scaleBlock slices. \param weights  [slices.rows, slices.cols], finite \error Cancelled \thread
/// parallel over slices; the result does not depend on the thread count
Result<NormalFloatResult> quantizeNormalFloat(std::span<const float> weights, const Slices &slices,
                                              const NormalFloatOptions &options,
                                              const SolverServices &services);

} // namespace qs
