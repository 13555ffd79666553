#pragma once

#include "core/session/run_comparison.h"
#include "core/session/sweep/sweep_plan.h"

namespace qs {

/// A file that results depend on.
struct SweepSet {
    std::string file, sha256; ///< empty: none
    std::int64_t samples = 0; ///< used

    bool operator==(const SweepSet &) const = default;
};

/// A model of a sweep: all results of one model are measured on the same data.
struct SweepModel {
    std::string name;
    std::string file, sha256;
    SweepSet calibration, evaluation; ///< evaluation: where outputs are compared, maybe the calibration set
    std::int64_t layers = 0, weights = 0;
    std::string taskMetric;                 ///< id of the metric of its task; empty before it was measured
    std::map<std::string, double> baseline; ///< id → figure of the float model, display units

    /// Whether results of both may stand beside each other: the same files and samples.
    bool sameData(const SweepModel &other) const;
};

/// What one job found out.
struct SweepRecord {
    enum class State {
        Done,
        Partial,       ///< some layers stayed in float
        NotApplicable, ///< the methods refuse every layer
        Failed,
    };
    SweepJob job;
    State state = State::Done;
    std::string reason;                       ///< why it is not Done
    std::int64_t layers = 0, floatLayers = 0; ///< that the recipe chooses; of these stayed in float
    std::map<std::string, double> values;     ///< id of runFigures() → figure; empty unless Done or Partial
    double wallSeconds = 0;                   ///< of the whole job, shared calibration not counted
    std::string program;                      ///< "quantoscope 0.1.0"
    std::map<std::string, std::string> methodVersions;
    std::vector<std::string> notes; ///< what the methods had to say, cut after a few

    bool isMeasured() const { return state == State::Done || state == State::Partial; }
    std::optional<double> value(const std::string &id) const;
};
std::string_view sweepStateName(SweepRecord::State state); ///< "done", "partial", "not applicable", "failed"
Result<SweepRecord::State> sweepStateFromName(std::string_view name);

/// All that a result file holds. Records are of models that are listed.
struct SweepResults {
    std::vector<SweepModel> models;
    std::vector<SweepRecord> records;

    /// nullptr when there is none of that name.
    const SweepModel *findModel(const std::string &name) const;
    const SweepRecord *findRecord(const SweepJob &job) const;
};

nlohmann::ordered_json sweepToJson(const SweepResults &results);
/// Strict. \error InvalidArgument  unknown, missing or doubtful members; `where` is the path
Result<SweepResults> sweepFromJson(const nlohmann::json &json);
/// Whether a file begins like one. Quick: for file dialogs and drops.
bool isSweepFile(const std::filesystem::path &file);

/// \error NotFound, IoError; CorruptFile  not JSON, or not a result file; names the path in it
Result<SweepResults> readSweep(const std::filesystem::path &file);

} // namespace qs
