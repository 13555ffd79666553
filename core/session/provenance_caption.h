#pragma once

#include "core/session/run.h"

namespace qs {

/// "quantoscope 0.1.0", as provenances name the program.
std::string programVersion();

/// Where a result comes from, for captions: program, model and calibration set with the start of their
/// SHA-256, and, on a second line, what else it depends on.
std::string provenanceCaption(const Provenance &provenance);

} // namespace qs
