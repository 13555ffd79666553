#pragma once

#include "core/hardware/cost_model.h"

#include <nlohmann/json.hpp>

namespace qs {

/// What to compare: one network and device, several precisions.
struct StudyRequest {
    WorkloadRequest base; ///< its plan is replaced by each of `plans`
    std::vector<PrecisionPlan> plans;
    DeviceUse use;
};

/// One precision of a study.
struct PrecisionStudy {
    Roofline line; ///< without operators when it failed
    std::optional<LargestFit>
        batch; ///< that fits with the other dimension as asked for; absent: not applicable
    std::optional<LargestFit> sequence;
    std::optional<Error> failure; ///< why this precision cannot be modelled

    /// Tokens per second of all sequences (decode), of the prompt (prefill), or passes per second × batch.
    double throughput = 0;
};

/// What qscope prints and the roofline view shows.
struct RooflineStudy {
    std::string source;                             ///< name of the model
    bool takesBatch = false, takesSequence = false; ///< else the source fixes them
    bool isDecoder = false;                         ///< has stages with a cache
    HardwareProfile hardware;
    StudyRequest request;
    std::vector<PrecisionStudy> precisions; ///< one per plan, in order
    std::string throughputUnit;             ///< "tokens/s"
};

/// Models every plan. A plan that cannot be modelled says why; the others are there.
/// \error InvalidArgument  the request or the use of the device is out of range;  Cancelled
Result<RooflineStudy> studyRoofline(const CostSource &source, const HardwareProfile &hardware,
                                    StudyRequest request, const RunContext &ctx);

/// "decode, batch 8, sequence 2048, fused attention": what of the request matters to the source.
std::string settingsText(const RooflineStudy &study);
/// How operators were counted, as a sentence; empty where no other way is known.
std::string countingText(const RooflineStudy &study);

/// "fits up to batch 20 or sequence 3,598", "does not fit"; empty when the device gives no memory size.
std::string fitText(const PrecisionStudy &precision);

/// The machine-readable report: same bytes for the same study. Times in seconds, sizes in bytes, rates per
/// second.
nlohmann::ordered_json rooflineReport(const RooflineStudy &study);

/// What LLM-Viewer counts wrongly or not at all, one sentence each: compatible mode reproduces it, the
/// default does not. \source roofline specification A.7
const std::vector<std::string> &llmViewerDefects();

} // namespace qs
