#include "app/dock_layout.h"

#include <QTimer>

namespace qs::app {

using views::ViewDock;
using views::ViewPlace;

DockLayout::DockLayout(QMainWindow &window, views::WorkbenchContext &context)
    : QObject(&window), m_window(window) {
    window.setDockOptions(QMainWindow::AllowNestedDocks | QMainWindow::AllowTabbedDocks |
                          QMainWindow::GroupedDragging);
    window.setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    for (const views::ViewFactory &factory : views::builtinViews()) {
        ViewDock *dock = factory.create(context);
        dock->setParent(&window);
        m_entries.push_back({&factory, dock});
        connect(dock, &QDockWidget::dockLocationChanged, this, &DockLayout::scheduleTitleBars);
        connect(dock, &QDockWidget::topLevelChanged, this, &DockLayout::scheduleTitleBars);
        connect(dock, &QDockWidget::visibilityChanged, this, &DockLayout::scheduleTitleBars);
    }
}

ViewDock *DockLayout::dock(const QString &id) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const Entry &entry) { return entry.factory->id == id; });
    return found == m_entries.end() ? nullptr : found->dock;
}

std::vector<ViewDock *> DockLayout::group(ViewPlace place) const {
    std::vector<ViewDock *> docks;
    for (const Entry &entry : m_entries) {
        if (entry.factory->place == place)
            docks.push_back(entry.dock);
    }
    return docks;
}

ViewDock *DockLayout::placeFirst(ViewPlace place, ViewDock *beside, Qt::Orientation orientation) {
    const std::vector<ViewDock *> docks = group(place);
    if (docks.empty())
        return beside;
    ViewDock *first = docks.front();
    first->setFloating(false);
    if (beside != nullptr)
        m_window.splitDockWidget(beside, first, orientation);
    else
        m_window.addDockWidget(Qt::TopDockWidgetArea, first);
    first->show();
    return first;
}

void DockLayout::stackBehind(ViewDock *front, ViewPlace place) {
    for (ViewDock *dock : group(place)) {
        if (dock == front)
            continue;
        dock->setFloating(false);
        m_window.addDockWidget(Qt::TopDockWidgetArea, dock);
        m_window.tabifyDockWidget(front, dock);
        dock->show();
    }
    front->raise();
}

void DockLayout::reset() {
    for (const Entry &entry : m_entries)
        m_window.removeDockWidget(entry.dock);
    // All in one area: without a central widget, areas beside each other do not share space as they are told.
    // Tabs come last: a dock split off from one of several tabs would become another tab.
    ViewDock *left = placeFirst(ViewPlace::Left, nullptr, Qt::Horizontal);
    ViewDock *tables = placeFirst(ViewPlace::Tables, left, Qt::Horizontal);
    ViewDock *right = placeFirst(ViewPlace::Right, tables, Qt::Horizontal);
    ViewDock *charts = placeFirst(ViewPlace::Charts, tables, Qt::Vertical);
    stackBehind(left, ViewPlace::Left);
    stackBehind(tables, ViewPlace::Tables);
    stackBehind(right, ViewPlace::Right);
    stackBehind(charts, ViewPlace::Charts);
    stackBehind(charts, ViewPlace::Bottom); // lists that are rarely read
    scheduleTitleBars();
    // Sizes hold only once the window has laid the docks out.
    if (m_window.isVisible())
        QTimer::singleShot(0, this, &DockLayout::applyDefaultSizes);
}

void DockLayout::applyDefaultSizes() {
    const int width = m_window.width(), height = m_window.height();
    auto resize = [this](const std::vector<std::pair<ViewPlace, int>> &sizes, Qt::Orientation orientation) {
        QList<QDockWidget *> docks;
        QList<int> extents;
        for (const auto &[place, extent] : sizes) {
            if (const auto members = group(place); !members.empty()) {
                docks << members.front();
                extents << extent;
            }
        }
        m_window.resizeDocks(docks, extents, orientation);
    };
    const int left = std::clamp(width / 6, 200, 290), right = std::clamp(width / 5, 280, 340);
    resize({{ViewPlace::Left, left}, {ViewPlace::Tables, width - left - right}, {ViewPlace::Right, right}},
           Qt::Horizontal);
    resize({{ViewPlace::Tables, height / 2}, {ViewPlace::Charts, height / 2}}, Qt::Vertical);
}

bool DockLayout::isInFront(const ViewDock *dock) const {
    return !dock->isHidden() && !dock->visibleRegion().isEmpty();
}

void DockLayout::raise(ViewDock *dock) {
    dock->show();
    dock->raise();
    if (dock->isFloating())
        dock->activateWindow();
    dock->setFocus(Qt::OtherFocusReason);
}

void DockLayout::scheduleTitleBars() {
    if (m_titleBarsScheduled)
        return;
    // Not from within the signal: a title bar must not vanish while it is being dragged.
    m_titleBarsScheduled = true;
    QTimer::singleShot(0, this, [this] {
        m_titleBarsScheduled = false;
        updateTitleBars();
    });
}

void DockLayout::updateTitleBars() {
    for (const Entry &entry : m_entries) {
        // A tab already says the name; the bar below it would say it again.
        const bool wanted = entry.dock->isFloating() || m_window.tabifiedDockWidgets(entry.dock).isEmpty();
        const bool shown = entry.dock->titleBarWidget() == nullptr;
        if (wanted == shown)
            continue;
        QWidget *old = entry.dock->titleBarWidget();
        entry.dock->setTitleBarWidget(wanted ? nullptr : new QWidget(entry.dock));
        delete old;
    }
}

} // namespace qs::app
