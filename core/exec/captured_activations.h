#pragma once

#include "core/exec/capture.h"
#include "core/io/activation_file.h"

namespace qs {

/// Which layer each tap belongs to, kNoLayer for none. Names agree when they are equal as nameParts(), or
/// when one ends in the other and no second layer or tap does so as well. Linear layers must read as many
/// channels as the tap has.
/// \param findings  receives channels that do not fit and names that fit twice
std::vector<LayerId> matchTaps(const std::vector<ActivationTap> &taps, const Model &model,
                               FindingList &findings);

/// What captureActivations() makes by running the model, from a file of inputs of modules. Only statistics
/// and raw samples: options.hessians are left out.
/// \param options  maxSamples counts rows of a tap; batchSize is ignored
/// \error NotFound  no tap is the input of a layer;  CorruptFile, Cancelled
Result<std::shared_ptr<const Capture>> captureFromFile(const ActivationFile &file, const Model &model,
                                                       const CaptureOptions &options, FindingList &findings,
                                                       const RunContext &ctx);

/// The statistics of one tap, with layer = kNoLayer.
Result<LayerCapture> captureTap(const ActivationFile &file, const ActivationTap &tap,
                                const CaptureOptions &options, const RunContext &ctx);

} // namespace qs
