#include "core/session/sweep/sweep_results.h"

#include <algorithm>
#include <array>

namespace qs {
namespace {

constexpr std::array<std::string_view, 4> kStateNames{"done", "partial", "not applicable", "failed"};

} // namespace

bool SweepModel::sameData(const SweepModel &other) const {
    return sha256 == other.sha256 && calibration.sha256 == other.calibration.sha256 &&
           calibration.samples == other.calibration.samples && evaluation.sha256 == other.evaluation.sha256 &&
           evaluation.samples == other.evaluation.samples;
}

std::optional<double> SweepRecord::value(const std::string &id) const {
    const auto found = values.find(id);
    return found == values.end() ? std::nullopt : std::optional(found->second);
}

std::string_view sweepStateName(SweepRecord::State state) {
    return kStateNames[static_cast<std::size_t>(state)];
}

Result<SweepRecord::State> sweepStateFromName(std::string_view name) {
    const auto found = std::find(kStateNames.begin(), kStateNames.end(), name);
    if (found == kStateNames.end())
        return fail(ErrorCode::InvalidArgument,
                    "'" + std::string(name) + "' is not a state: done, partial, not applicable or failed");
    return static_cast<SweepRecord::State>(found - kStateNames.begin());
}

const SweepModel *SweepResults::findModel(const std::string &name) const {
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const SweepModel &model) { return model.name == name; });
    return found == models.end() ? nullptr : &*found;
}

const SweepRecord *SweepResults::findRecord(const SweepJob &job) const {
    const auto found = std::find_if(records.begin(), records.end(),
                                    [&](const SweepRecord &record) { return record.job == job; });
    return found == records.end() ? nullptr : &*found;
}

} // namespace qs
