#pragma once

#include "views/shared/view_dock.h"
#include "views/shared/view_factory.h"

#include <QMainWindow>

namespace qs::app {

/// The docks of a window: makes one for every view, arranges them, brings one to the front.
class DockLayout : public QObject {
    Q_OBJECT
public:
    DockLayout(QMainWindow &window, views::WorkbenchContext &context);

    struct Entry {
        const views::ViewFactory *factory = nullptr;
        views::ViewDock *dock = nullptr;
    };
    const std::vector<Entry> &entries() const { return m_entries; }
    views::ViewDock *dock(const QString &id) const; ///< nullptr when there is none

    /// Model left; tables above charts in the middle, findings and jobs below them; recipe right.
    void reset();
    /// Gives the docks of the default layout their sizes; the window must be visible.
    void applyDefaultSizes();
    void raise(views::ViewDock *dock);
    /// Whether the dock is shown and not behind another tab.
    bool isInFront(const views::ViewDock *dock) const;

private:
    /// Puts the first view of a place beside another dock; returns it, or `beside` when the place is empty.
    views::ViewDock *placeFirst(views::ViewPlace place, views::ViewDock *beside, Qt::Orientation orientation);
    /// The other views of a place as tabs behind `front`.
    void stackBehind(views::ViewDock *front, views::ViewPlace place);
    void scheduleTitleBars();
    void updateTitleBars();
    std::vector<views::ViewDock *> group(views::ViewPlace place) const;

    QMainWindow &m_window;
    std::vector<Entry> m_entries;
    bool m_titleBarsScheduled = false;
};

} // namespace qs::app
