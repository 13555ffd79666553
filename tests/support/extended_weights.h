#pragma once

#include "core/session/run.h"

namespace qs {

/// What makes a quantized layer more than an integer grid; for tests of what reads runs.
enum class Extension { RealZeroPoints, Levels, Kept, Branch, Offset };

/// The layer with the extension made up from its own numbers: zero points moved by a part of a step, levels
/// that bend, every 7th weight kept, a branch of rank 2, offsets of some hundredths. Branches and offsets are
/// left out of embeddings and of convolutions with groups, as no run has them.
QuantizedLayer extended(const QuantizedLayer &quantized, const Layer &layer, Extension extension);

/// The run with all of these in all of its layers.
Run extendedRun(Run run, const std::vector<Extension> &extensions);

} // namespace qs
