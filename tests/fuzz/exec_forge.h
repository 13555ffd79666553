#pragma once

#include "core/graph/model.h"

class FuzzedDataProvider;

namespace qs::fuzz {

/// A model that runs, or should be refused, with the inputs to run it on.
struct ForgedModel {
    std::shared_ptr<const Model> model;
    std::vector<Tensor> inputs; ///< one per graph input
};

/// Builds a small model from what the bytes choose: operators, attributes, operands, branches and loops.
/// Without any bytes it is an operator as real models use it; every further byte damages something or adds to
/// it. \error CorruptFile  the graph contradicts itself, as an importer would find
Result<ForgedModel> forgeModel(FuzzedDataProvider &bytes);

} // namespace qs::fuzz
