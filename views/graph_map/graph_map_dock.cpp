#include "views/graph_map/graph_map_dock.h"

#include "views/canvas/graph_canvas.h"
#include "views/graph_map/graph_map_text.h"
#include "views/graph_map/graph_map_toolbar.h"
#include "views/graph_map/node_measurements.h"
#include "views/shared/figure_export.h"
#include "views/shared/format_text.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLabel>
#include <QMenu>
#include <QPointer>
#include <QShortcut>
#include <QVBoxLayout>

namespace qs::views {

namespace {

const QString kLoadTag = QStringLiteral("graph-map");

constexpr double kWideCanvas = 1.6; ///< width over height from which edges lead to the right at first

QLabel *line() {
    auto *label = new QLabel;
    label->setMargin(4);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return label;
}

} // namespace

GraphMapDock::GraphMapDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("graph_map"), tr("Graph map"), context), m_toolbar(new GraphMapToolbar),
      m_canvas(new GraphCanvas), m_divergence(line()), m_summary(line()),
      m_measured(new NodeMeasurements(context, this)) {
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_toolbar);
    layout->addWidget(m_canvas, 1);
    layout->addWidget(m_divergence);
    layout->addWidget(m_summary);
    m_divergence->hide();
    setContent(content);
    m_canvas->setProbe([this](int item) {
        return m_canvas->scene() ? describeItem(*m_canvas->scene(), sources(), item) : QString();
    });
    connectParts();
}

void GraphMapDock::connectParts() {
    connect(m_canvas, &GraphCanvas::itemPicked, this, &GraphMapDock::pick);
    connect(m_canvas, &GraphCanvas::toggleWanted, this, &GraphMapDock::toggle);
    connect(m_canvas, &GraphCanvas::menuWanted, this, &GraphMapDock::showMenu);
    connect(m_toolbar, &GraphMapToolbar::metricChanged, this, [this] { load(); });
    connect(m_toolbar, &GraphMapToolbar::compareWanted, this,
            [this] { m_measured->compare(m_toolbar->samples()); });
    connect(m_toolbar, &GraphMapToolbar::timeWanted, m_measured, &NodeMeasurements::measureTime);
    connect(m_measured, &NodeMeasurements::compared, this, [this] {
        load();
        m_toolbar->setMetric(NodeMetric::AccumulatedSqnr);
        showDivergence();
    });
    connect(m_measured, &NodeMeasurements::timed, this, [this] {
        load();
        m_toolbar->setMetric(NodeMetric::Time);
    });
    connect(m_toolbar, &GraphMapToolbar::thresholdChanged, this, &GraphMapDock::showDivergence);
    connect(m_toolbar, &GraphMapToolbar::patternChanged, this, &GraphMapDock::search);
    connect(m_toolbar, &GraphMapToolbar::stepWanted, this, &GraphMapDock::step);
    connect(m_toolbar, &GraphMapToolbar::allBlocksWanted, this, &GraphMapDock::openOrCloseAll);
    connect(m_toolbar, &GraphMapToolbar::directionChanged, this, [this] { changeBlocks(kWholeGraph); });
    connect(m_toolbar, &GraphMapToolbar::fitWanted, m_canvas, &GraphCanvas::fit);
    auto *find = new QShortcut(QKeySequence::Find, this);
    find->setContext(Qt::WidgetWithChildrenShortcut);
    connect(find, &QShortcut::activated, m_toolbar, &GraphMapToolbar::focusSearch);
}

NodeMetricSources GraphMapDock::sources() const {
    NodeMetricSources sources;
    sources.model = m_model;
    sources.run = context().run();
    sources.sensitivity = context().sensitivity();
    sources.sensitivityBits = m_toolbar->sensitivityBits();
    sources.capture = context().capture();
    sources.errors = m_measured->errors();
    sources.times = m_measured->times();
    return sources;
}

void GraphMapDock::modelChanged() {
    if (m_model == context().model())
        return;
    m_model = context().model();
    m_source = nullptr;
    m_map = nullptr;
    m_open.clear();
    m_current.reset();
    m_goTo = kNoNode;
    m_canvas->setScene(nullptr);
}

void GraphMapDock::runChanged() {
    m_measured->forgetStale();
    m_divergence->setVisible(m_measured->errors() != nullptr);
    load();
}

void GraphMapDock::load(BlockId anchor) {
    if (!m_model)
        return showEmptyState(tr("Open a model to see its graph."));
    if (m_model->graph.nodes().empty())
        return showEmptyState(tr("This model has no nodes."));
    showEmptyState({});
    m_toolbar->showSources(sources());
    m_toolbar->setReasons(m_measured->whyNotCompare(), m_measured->whyNotTime());
    // Runs publish many times a second: a job that is under way is let finish, else none ever would.
    if (m_loading) {
        m_loadAgain = anchor;
        return;
    }
    m_loading = true;
    if (!m_source) // a new model
        m_toolbar->setDirection(m_canvas->width() > kWideCanvas * m_canvas->height() ? MapDirection::Right
                                                                                     : MapDirection::Down);
    auto request = std::make_shared<GraphMapRequest>(GraphMapRequest{
        sources(), m_toolbar->metric(), m_open, m_source, m_map, m_toolbar->direction(), anchor});
    auto scene = std::make_shared<std::shared_ptr<const GraphScene>>();
    context().jobs().start(
        kLoadTag, tr("Laying out the graph"),
        [request, scene](const RunContext &ctx) -> Status {
            QS_TRY(*scene, loadGraphMap(*request, ctx));
            return {};
        },
        [self = QPointer(this), request, scene](const Status &status) {
            if (!self)
                return;
            self->m_loading = false;
            if (status && request->sources.model == self->m_model)
                self->adopt(*request, *scene);
            else if (!status && status.error().code != ErrorCode::Cancelled)
                self->showEmptyState(QString::fromStdString(status.error().text()));
            else if (!status && !self->m_map)
                self->showEmptyState(
                    tr("The layout was cancelled. Press F5 or open the model again to see the graph."));
            if (const auto again = std::exchange(self->m_loadAgain, std::nullopt))
                self->load(*again);
        });
}

void GraphMapDock::adopt(const GraphMapRequest &request, std::shared_ptr<const GraphScene> scene) {
    m_source = request.source;
    if (m_open.empty())
        m_open = request.open;
    const bool current = m_open == request.open && m_toolbar->direction() == request.direction;
    if (current)
        m_map = request.map;
    m_summary->setText(QString::fromStdString(scene->summary()));
    m_canvas->setScene(std::move(scene), request.anchor);
    if (!m_current)
        selectionChanged();
    updateMarks();
    if (m_goTo != kNoNode && current)
        goTo(std::exchange(m_goTo, kNoNode));
}

int GraphMapDock::itemFor(const MapItem &item) const {
    const GraphMap &map = *m_canvas->scene()->map;
    if (item.kind == MapItem::Kind::Node)
        return map.itemOfNode[static_cast<std::size_t>(item.node)];
    if (item.kind == MapItem::Kind::Block || item.kind == MapItem::Kind::Frame)
        return map.itemOfBlock[static_cast<std::size_t>(item.block)];
    for (std::size_t i = 0; i < map.items.size(); ++i)
        if (map.items[i].kind == item.kind && map.items[i].value == item.value)
            return static_cast<int>(i);
    return -1;
}

void GraphMapDock::updateMarks() {
    if (!m_canvas->scene())
        return;
    const GraphMap &map = *m_canvas->scene()->map;
    const auto itemsOf = [&map](const auto &nodes) {
        std::set<int> items;
        for (const NodeId node : nodes)
            if (const int item = map.itemOfNode[static_cast<std::size_t>(node)]; item >= 0)
                items.insert(item);
        return std::vector<int>(items.begin(), items.end());
    };
    std::vector<NodeId> selected;
    for (const LayerId layer : context().selection().layers)
        selected.push_back(m_model->layers[static_cast<std::size_t>(layer)].node);
    m_canvas->setSelected(itemsOf(selected));
    m_canvas->setMatches(itemsOf(m_matches.nodes));
    m_canvas->setCurrent(m_current ? itemFor(*m_current) : -1);
    const auto errors = m_measured->errors();
    const NodeId first = errors ? firstDivergence(*errors, m_toolbar->thresholdDb()) : kNoNode;
    m_canvas->setFlagged(first == kNoNode ? -1 : map.itemOfNode[static_cast<std::size_t>(first)]);
}

void GraphMapDock::selectionChanged() {
    if (!m_canvas->scene() || m_canvas->scene()->model != m_model)
        return;
    const LayerId layer = context().selection().layer;
    const std::vector<LayerId> shown =
        m_canvas->current() >= 0 ? m_canvas->scene()->layersOf(m_canvas->current()) : std::vector<LayerId>{};
    const bool isOurs = std::find(shown.begin(), shown.end(), layer) != shown.end();
    if (layer != kNoLayer && !isOurs) {
        MapItem item;
        item.node = m_model->layers[static_cast<std::size_t>(layer)].node;
        m_current = item;
    }
    updateMarks();
    if (layer != kNoLayer && !isOurs)
        m_canvas->centerOn(m_canvas->current());
}

void GraphMapDock::pick(int item) {
    const auto &scene = m_canvas->scene();
    if (!scene || static_cast<std::size_t>(item) >= scene->map->items.size())
        return;
    m_current = scene->item(item);
    m_canvas->setCurrent(item);
    const std::vector<LayerId> layers = scene->layersOf(item);
    if (!layers.empty())
        context().select({layers.front(), {layers.begin(), layers.end()}, -1, -1});
}

void GraphMapDock::changeBlocks(BlockId anchor) {
    m_map = nullptr;
    load(anchor);
}

void GraphMapDock::toggle(int index) {
    const auto &scene = m_canvas->scene();
    if (!scene || m_open.empty() || static_cast<std::size_t>(index) >= scene->map->items.size())
        return;
    MapItem item = scene->item(index);
    const bool opens = item.kind == MapItem::Kind::Block;
    if (item.block == kWholeGraph || item.kind == MapItem::Kind::Input || item.kind == MapItem::Kind::Output)
        return;
    m_open[static_cast<std::size_t>(item.block)] = opens;
    item.kind = opens ? MapItem::Kind::Frame : MapItem::Kind::Block;
    m_current = item;
    changeBlocks(item.block);
}

void GraphMapDock::openOrCloseAll(bool open) {
    if (m_open.empty())
        return;
    m_open.assign(m_open.size(), open);
    m_open[kWholeGraph] = true;
    changeBlocks(kWholeGraph);
}

void GraphMapDock::goTo(NodeId node) {
    if (!m_source || m_open.empty())
        return;
    bool changed = false;
    for (BlockId block = m_source->blocks.blockOfNode[static_cast<std::size_t>(node)]; block != kWholeGraph;
         block = m_source->blocks.blocks[static_cast<std::size_t>(block)].parent) {
        changed |= !m_open[static_cast<std::size_t>(block)];
        m_open[static_cast<std::size_t>(block)] = true;
    }
    if (changed || !m_map) {
        m_goTo = node;
        return changeBlocks(kWholeGraph);
    }
    if (const int item = m_map->itemOfNode[static_cast<std::size_t>(node)]; item >= 0) {
        pick(item);
        m_canvas->centerOn(item);
    }
}

void GraphMapDock::search() {
    m_matches = m_model ? findNodes(m_model->graph, m_toolbar->pattern()) : GraphMatches{};
    m_match = -1;
    if (!m_matches.error.isEmpty())
        m_toolbar->showMatches(tr("no regular expression"), m_matches.error);
    else if (m_toolbar->pattern().isEmpty())
        m_toolbar->showMatches({});
    else
        m_toolbar->showMatches(m_matches.nodes.empty() ? tr("nothing found")
                                                       : tr("%1 found").arg(m_matches.nodes.size()));
    updateMarks();
}

void GraphMapDock::step(int direction) {
    const auto count = static_cast<int>(m_matches.nodes.size());
    if (count == 0)
        return;
    m_match = m_match < 0 ? (direction > 0 ? 0 : count - 1) : (m_match + direction + count) % count;
    m_toolbar->showMatches(tr("%1 of %2").arg(m_match + 1).arg(count));
    goTo(m_matches.nodes[static_cast<std::size_t>(m_match)]);
}

void GraphMapDock::showDivergence() {
    const auto errors = m_measured->errors();
    m_divergence->setVisible(errors != nullptr);
    if (!errors)
        return;
    const double threshold = m_toolbar->thresholdDb();
    QString text = describeDivergence(*m_model, *errors, threshold);
    if (const QString note = m_measured->errorsNote(); !note.isEmpty())
        text += QLatin1Char('\n') + note;
    m_divergence->setText(text);
    updateMarks();
    if (const NodeId first = firstDivergence(*errors, threshold); first != kNoNode)
        goTo(first);
}

void GraphMapDock::showMenu(int item, const QPoint &position) {
    auto *menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    const auto &scene = m_canvas->scene();
    if (scene && item >= 0) {
        const MapItem &shown = scene->item(item);
        const bool opens = shown.kind == MapItem::Kind::Block;
        QAction *action = menu->addAction(opens ? tr("Open block") : tr("Close block around"),
                                          QKeySequence(Qt::Key_Return), this, [this, item] { toggle(item); });
        action->setEnabled(shown.block != kWholeGraph);
        menu->addAction(tr("Copy what is known of it"), this, [text = describeItem(*scene, sources(), item)] {
            QGuiApplication::clipboard()->setText(text);
        });
        menu->addSeparator();
    }
    QAction *first = menu->addAction(tr("Go to the first divergence"), this, [this] {
        m_measured->errors() ? showDivergence() : m_measured->compare(m_toolbar->samples());
    });
    first->setEnabled(m_measured->errors() || m_measured->whyNotCompare().isEmpty());
    menu->addAction(tr("Open all blocks"), this, [this] { openOrCloseAll(true); });
    menu->addAction(tr("Close all blocks"), this, [this] { openOrCloseAll(false); });
    menu->addAction(tr("Fit to window"), QKeySequence(Qt::Key_F), m_canvas, &GraphCanvas::fit);
    FigureExporter::addTo(*menu, *m_canvas);
    menu->popup(position);
}

} // namespace qs::views
