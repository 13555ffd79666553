#include "views/shared/view_dock.h"
#include "views/shared/view_factory.h"

namespace qs::views {
namespace {

template <typename Dock>
ViewDock *make(WorkbenchContext &context) {
    return new Dock(context);
}

} // namespace

const std::vector<ViewFactory> &builtinViews() {
    // id, title, place, shortcut, needsOpenGl, create
    static const std::vector<ViewFactory> views = {};
    return views;
}

} // namespace qs::views
