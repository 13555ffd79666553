#pragma once

#include "core/graph/attention.h"
#include "core/graph/model.h"
#include "core/io/weight_inspection.h"
#include "tests/fuzz/read_bytes.h"

#include <cstdlib>

namespace qs::fuzz {

/// What the program does with every model that opened: reads its weights, its layers and its stored codes.
inline void useModel(const Model &model) {
    unsigned sum = 0;
    for (const auto &[id, tensor] : model.graph.constants())
        readBytes(tensor);
    for (const Layer &layer : model.layers) {
        if (layer.outChannels < 0 || layer.inPerOut < 0)
            std::abort();
        if (const auto matrix = weightMatrix(layer, model.graph))
            sum += static_cast<unsigned>(matrix->numel());
    }
    for (const auto &[layer, stored] : model.stored)
        sum += static_cast<unsigned>(stored->weight->dequantize().numel());
    (void)findAttention(model);
    FindingList findings;
    (void)inspectWeights(model, findings, {});
    [[maybe_unused]] static volatile unsigned kept = 0; // so that no read is optimised away
    kept = sum;
}

} // namespace qs::fuzz
