#pragma once

#include "core/quant/transform_method.h"
#include "core/transform/model_editor.h"

namespace qs {

/// Where the inverse of a change at a site goes.
struct SiteSource {
    SiteProducer kind = SiteProducer::None;
    std::optional<InputSlot> gain;  ///< Norm: constant per channel that multiplies
    std::optional<InputSlot> shift; ///< constant per channel that is added behind the gain or the layer
    LayerId layer = kNoLayer; ///< Layer: its output channels; with a gain, a batch norm stands behind it
    NodeId clip = kNoNode;    ///< a ReLU6 on the way, whose bound must follow
    bool canShift = false;
    std::string text; ///< for people: "input_layernorm", "layer up_proj"
};

/// An activation that enters layers, and nothing else that a change would harm.
struct Site {
    ValueId value = kNoValue;
    std::int64_t channels = 0;
    std::vector<LayerId> layers;
    SiteSource source;
};

/// All activations of linear layers and convolutions, in graph order. A value that something besides layers
/// reads has no source: its change becomes an operator in front of the layers.
std::vector<Site> findSites(const Model &model);

} // namespace qs
