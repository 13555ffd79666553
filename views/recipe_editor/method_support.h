#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QString>

namespace qs::views {

/// Which of some layers a choice cannot be applied to.
struct MethodSupport {
    int layers = 0;
    int refused = 0;
    QString reason; ///< of the first refusal, with the layer's name

    bool none() const { return refused == layers && refused > 0; }
};

/// Asks the method about every layer; without layers about a typical weight. An unknown method refuses all.
MethodSupport methodSupport(const WeightChoice &choice, const MethodRegistry &methods,
                            const std::vector<const Layer *> &layers);

} // namespace qs::views
