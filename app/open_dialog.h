#pragma once

#include <QStringList>

class QWidget;

namespace qs::app {

enum class OpenPurpose { Any, Folder, Calibration, Evaluation, Recipe, Quantized };

/// Lets the user choose files; the filters come from the importers. Empty when cancelled.
QStringList askFilesToOpen(QWidget *parent, OpenPurpose purpose);

} // namespace qs::app
