#pragma once

class QWidget;

namespace qs::app {

/// Shows the shortcuts of all actions of a window, each once.
void showShortcuts(QWidget &window);

} // namespace qs::app
