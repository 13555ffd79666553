#include "core/graph/model.h"

#include <algorithm>

namespace qs {

const Layer *Model::findLayer(std::string_view name) const {
    const auto found =
        std::find_if(layers.begin(), layers.end(), [&](const Layer &layer) { return layer.name == name; });
    return found == layers.end() ? nullptr : &*found;
}

} // namespace qs
