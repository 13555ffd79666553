#pragma once

#include "core/base/finding.h"

#include <QIcon>

namespace qs::views {

/// Shape and colour both tell the severity: a circled i, a triangle, an octagon with a cross.
QIcon severityIcon(Severity severity);

} // namespace qs::views
