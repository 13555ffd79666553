#pragma once

#include "core/session/run_history.h"

#include <QString>

namespace qs::views {

/// Where a run's numbers come from and what it changed against the run that it was edited from, as HTML.
/// \param parent  may be null
QString runDetails(const RunEntry &entry, const RunEntry *parent);

/// The same as plain lines, for the clipboard.
QString provenanceText(const Run &run);

} // namespace qs::views
