#pragma once

#include "core/export/exporter.h"

namespace qs {

/// Sources are never written to: neither the model, by whatever name, nor a file with the content of the
/// calibration or evaluation set (a run knows those by their hash). \error InvalidArgument  `file` is a
/// source of the run.  Cancelled
Status checkNoSource(const Run &run, const std::filesystem::path &file, const RunContext &ctx);

/// \error Unsupported      the model has no graph;  InvalidArgument  the run is not finished
Status checkFinished(const Run &run);

/// \error InvalidArgument  `file` is `source`, by whatever name
Status checkNotSame(const std::filesystem::path &file, const std::filesystem::path &source);

/// Writes a text file whole or not at all, after reading it back.
/// \error IoError, CorruptFile (what was read back is not what was written)
Status writeText(const std::filesystem::path &file, const std::string &text);

/// The report of an export: file, size, which layers are quantized in the run and which are not.
ExportReport describeExport(const Run &run, const std::filesystem::path &file, std::size_t bytes);

} // namespace qs
