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
    // Left and right take the full height, so that tree and recipe are long and the middle is wide.
    window.setCorner(Qt::TopLeftCorner, Qt::LeftDockWidgetArea);
    window.setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
    window.setCorner(Qt::TopRightCorner, Qt::RightDockWidgetArea);
    window.setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
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

void DockLayout::placeGroup(ViewPlace place, Qt::DockWidgetArea area) {
    ViewDock *first = nullptr;
    for (ViewDock *dock : group(place)) {
        dock->setFloating(false);
        if (first == nullptr) {
            first = dock;
            // Charts share an area with the tables, below them.
            const auto tables = group(ViewPlace::Tables);
            if (place == ViewPlace::Charts && !tables.empty())
                m_window.splitDockWidget(tables.front(), dock, Qt::Vertical);
            else
                m_window.addDockWidget(area, dock);
        } else {
            m_window.tabifyDockWidget(first, dock);
        }
        dock->show();
    }
    if (first != nullptr)
        first->raise();
}

void DockLayout::reset() {
    for (const Entry &entry : m_entries)
        m_window.removeDockWidget(entry.dock);
    placeGroup(ViewPlace::Left, Qt::LeftDockWidgetArea);
    placeGroup(ViewPlace::Tables, Qt::TopDockWidgetArea);
    placeGroup(ViewPlace::Charts, Qt::TopDockWidgetArea);
    placeGroup(ViewPlace::Bottom, Qt::BottomDockWidgetArea);
    placeGroup(ViewPlace::Right, Qt::RightDockWidgetArea);

    const int width = m_window.width(), height = m_window.height();
    auto resize = [this](ViewPlace place, int size, Qt::Orientation orientation) {
        if (const auto docks = group(place); !docks.empty())
            m_window.resizeDocks({docks.front()}, {size}, orientation);
    };
    resize(ViewPlace::Left, std::clamp(width / 6, 200, 300), Qt::Horizontal);
    resize(ViewPlace::Right, std::clamp(width / 5, 270, 340), Qt::Horizontal);
    resize(ViewPlace::Bottom, height / 7, Qt::Vertical);
    const auto tables = group(ViewPlace::Tables), charts = group(ViewPlace::Charts);
    if (!tables.empty() && !charts.empty())
        m_window.resizeDocks({tables.front(), charts.front()}, {height * 2 / 5, height * 2 / 5},
                             Qt::Vertical);
    scheduleTitleBars();
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
