#pragma once

#include "core/figure/axis.h"
#include "core/figure/color_map.h"
#include "core/graph/graph_map.h"
#include "core/session/node_metrics.h"

namespace qs {

/// A graph map with texts and numbers: what the view and the picture draw. Immutable.
struct GraphScene {
    struct Label {
        std::string title;    ///< "attn", "qkv"
        std::string subtitle; ///< "34 nodes, 4 layers", "MatMul 64 × 192"
        std::string badge; ///< how it is quantized: "w4 a8" by the run, "w int8" by Q/DQ pairs of the model
        double value = 0;  ///< of the metric; NaN = none
        std::string valueText;
    };
    std::shared_ptr<const Model> model;
    std::shared_ptr<const GraphMapSource> source;
    std::shared_ptr<const GraphMap> map;
    std::vector<Label> labels; ///< by item
    NodeMetric metric = NodeMetric::None;
    std::string legendTitle; ///< "Accumulated SQNR, dB"
    AxisScale scale;         ///< of the colours; exact matches lie outside
    bool hasValues = false;

    const Label &label(int item) const { return labels[static_cast<std::size_t>(item)]; }
    const MapItem &item(int index) const { return map->items[static_cast<std::size_t>(index)]; }
    /// Layers of the item: of the node, or of all nodes in the block.
    std::vector<LayerId> layersOf(int item) const;
    /// One line: boxes, nodes, what was folded, whether names made blocks.
    std::string summary() const;
};

/// \param sources  its model is that of the map
std::shared_ptr<const GraphScene> makeGraphScene(std::shared_ptr<const GraphMapSource> source,
                                                 std::shared_ptr<const GraphMap> map, NodeMetric metric,
                                                 const NodeMetricSources &sources);

/// The map source of a model; the graph lives as long as the model.
std::shared_ptr<const GraphMapSource> makeMapSource(std::shared_ptr<const Model> model);

/// Colours that leave the background as things get worse.
ColorMap graphColors(const NodeMetricInfo &info, bool darkBackground);
/// Where a value is on the colours: -infinity and values that stand for an exact match go to the ends.
double graphColorPosition(const GraphScene &scene, double value);

} // namespace qs
