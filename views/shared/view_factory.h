#pragma once

#include <QString>
#include <Qt>
#include <functional>
#include <vector>

namespace qs::views {

class ViewDock;
class WorkbenchContext;

/// One kind of view: menus, default layout and screenshot mode are made from the list of these.
struct ViewFactory {
    QString id;    ///< "distribution"
    QString title; ///< "Distribution"
    Qt::DockWidgetArea area = Qt::RightDockWidgetArea;
    QString shortcut; ///< raises the view: "Ctrl+2"
    bool needsOpenGl = false;
    std::function<ViewDock *(WorkbenchContext &)> create;
};

/// Every view of the program, in menu order. Adding a view is one line in builtin_views.cpp.
const std::vector<ViewFactory> &builtinViews();

} // namespace qs::views
