#pragma once

#include "views/graph_map/graph_map_loader.h"
#include "views/graph_map/graph_search.h"
#include "views/shared/view_dock.h"

class QLabel;

namespace qs::views {

class GraphCanvas;
class GraphMapToolbar;
class NodeMeasurements;

/// The whole graph of the model, blocks collapsed by name, coloured by a metric; finds the first divergence.
class GraphMapDock : public ViewDock {
    Q_OBJECT
public:
    explicit GraphMapDock(WorkbenchContext &context);

    GraphCanvas &canvas() { return *m_canvas; }
    GraphMapToolbar &toolbar() { return *m_toolbar; }
    /// Opens the blocks around a node and goes to it.
    void goTo(NodeId node);
    /// Opens the block of an item, or closes the one around it.
    void toggle(int item);

protected:
    void modelChanged() override;
    void selectionChanged() override;
    void runChanged() override;

private:
    void connectParts();
    NodeMetricSources sources() const;
    /// Shows blocks and numbers as they are wanted now; one job at a time, the newest wish last.
    void load(BlockId anchor = kWholeGraph);
    void adopt(const GraphMapRequest &request, std::shared_ptr<const GraphScene> scene);
    void changeBlocks(BlockId anchor);
    void openOrCloseAll(bool open);
    void pick(int item);
    void showMenu(int item, const QPoint &position);
    void showDivergence();
    void search();
    void step(int direction);
    void updateMarks();
    /// The item that stands for the same thing in the map that is shown now, -1 when none does.
    int itemFor(const MapItem &item) const;

    GraphMapToolbar *m_toolbar;
    GraphCanvas *m_canvas;
    QLabel *m_divergence, *m_summary;
    NodeMeasurements *m_measured;

    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const GraphMapSource> m_source;
    std::shared_ptr<const GraphMap> m_map; ///< with the blocks of m_open; null: to be laid out
    std::vector<bool> m_open;
    std::optional<MapItem> m_current;
    NodeId m_goTo = kNoNode; ///< when the map with it is there
    GraphMatches m_matches;
    int m_match = -1;
    bool m_loading = false;
    std::optional<BlockId> m_loadAgain; ///< with this anchor
};

} // namespace qs::views
