#pragma once

#include "core/base/result.h"

#include <QString>

class QCustomPlot;

namespace qs::views {

/// Writes a chart as .svg, .pdf or .png, or its data as .csv ("series,x,y"). The file is replaced as a whole
/// or not at all. \error Unsupported  another suffix;  IoError  says what the system said
Status exportPlot(QCustomPlot &plot, const QString &file);

} // namespace qs::views
