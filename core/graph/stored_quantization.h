#pragma once

#include "core/quant/quantized_matrix.h"

#include <map>
#include <memory>

namespace qs {

/// How the file of a quantized model holds the weight of a layer, and the grid of the activation that enters
/// it. Importers of every format bring this beside the graph; \see storedRun() for how it is shown.
struct StoredQuantization {
    std::shared_ptr<const QuantizedMatrix> weight; ///< codes and scales as the file has them; not null
    std::string form;                              ///< "MatMulNBits, uint4, 32 neighbours a scale"
    std::optional<ScaleZero> activation;           ///< of the Q/DQ pair in front of the layer
    GridScheme activationScheme;                   ///< meant only with `activation`
};

} // namespace qs
