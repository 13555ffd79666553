#pragma once

#include <QString>
#include <functional>
#include <vector>

namespace qs::views {

class ViewDock;
class WorkbenchContext;

/// Where a view stands in the default layout. Views of one place are tabs, but Tables stand above Charts.
enum class ViewPlace { Left, Tables, Charts, Right, Bottom };

/// One kind of view: menus, default layout and screenshot mode are made from the list of these.
struct ViewFactory {
    QString id;    ///< "distribution"
    QString title; ///< "Distribution"
    ViewPlace place = ViewPlace::Charts;
    QString shortcut; ///< raises the view: "Ctrl+2"
    bool needsOpenGl = false;
    std::function<ViewDock *(WorkbenchContext &)> create;
};

/// Every view of the program, in menu order. Adding a view is one line in builtin_views.cpp.
const std::vector<ViewFactory> &builtinViews();

} // namespace qs::views
