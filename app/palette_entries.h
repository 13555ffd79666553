#pragma once

#include "app/command_palette.h"
#include "views/shared/workbench_context.h"

class QMainWindow;

namespace qs::app {

/// Everything that can be done in the window now: commands of menus and views, runs to show, layers to
/// select.
std::vector<PaletteEntry> paletteEntries(QMainWindow &window, views::WorkbenchContext &context);

} // namespace qs::app
