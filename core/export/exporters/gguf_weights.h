#pragma once

#include "core/session/run.h"
#include "core/tensor/blocks/block_type.h"

namespace qs {

/// How a weight got its form in a GGUF file.
enum class GgufForm {
    Blocks,   ///< of the method, or of the file that was opened: exactly what the run has
    Packed,   ///< an integer grid of another method, its scales rounded to float16
    Fallback, ///< blocks of another format, because rows are no whole number of blocks; not measured by the
              ///< run
    Values,   ///< quantized, but no block format can say how: its values as plain numbers
    Float,    ///< not quantized
};

struct GgufWeight {
    GgufForm form = GgufForm::Float;
    Tensor tensor;              ///< [outChannels, inPerOut], of a block type, float32, float16 or bfloat16
    double worstDifference = 0; ///< largest |value in the file - value in the run|; nothing of Fallback
};

struct GgufWeightOptions {
    DType floatType = DType::Undefined; ///< Undefined: the smallest that holds the values exactly
    bool fallback = false;              ///< GgufForm::Fallback where a format of 256 does not fit
};

/// A weight of the run as it goes into the file.
/// \param layer   of run.quantizedModel()  \param result  of that layer
/// \error Unsupported  a value that float16 cannot hold, with that type chosen;  Cancelled
Result<GgufWeight> ggufWeight(const Layer &layer, const ModelGraph &graph, const LayerResult &result,
                              const GgufWeightOptions &options, const RunContext &ctx);

/// A float32 tensor as float16, bfloat16 or float32, whichever is asked for or is the first to hold every
/// value.
/// \error Unsupported  a finite value becomes infinite
Result<Tensor> ggufFloats(const Tensor &values, DType type);

} // namespace qs
