#pragma once

#include "core/exec/capture.h"
#include "core/io/hdf5_file.h"
#include "core/io/hdf5_writer.h"

namespace qs {

/// What calibration learned, below one group of a project file; without Hessians. More than 256 MiB are left
/// out. \param model  whose activations were captured
/// \return whether it was written
Result<bool> writeCapture(Hdf5Writer &writer, const std::string &group, const Capture &capture,
                          const Model &model);

/// \error CorruptFile;  NotFound  the model has no layer of that name;  Cancelled
Result<std::shared_ptr<const Capture>> readCapture(const Hdf5File &file, const std::string &group,
                                                   const Model &model, const RunContext &ctx);

} // namespace qs
