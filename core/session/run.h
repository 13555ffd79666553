#pragma once

#include "core/analysis/sensitivity.h"
#include "core/transform/prepare_model.h"

namespace qs {

/// Where a result comes from: enough to make it again.
struct Provenance {
    std::string program; ///< "quantoscope 0.1.0"
    std::string modelFile, modelSha256;
    std::string codesFile, codesSha256; ///< of the model file that the codes were read from; empty: made here
    std::string calibrationFile, calibrationSha256; ///< empty when none was used
    std::int64_t calibrationSamples = 0;
    std::string evaluationFile, evaluationSha256;
    std::int64_t evaluationSamples = 0;
    std::uint64_t seed = 0;
    std::map<std::string, std::string> methodVersions; ///< method id → version and origin
};

/// What one run found out about one layer. Immutable.
struct LayerResult {
    enum class State { Quantized, Float, Failed };
    LayerId layer = kNoLayer;
    State state = State::Float;
    LayerChoice choice;
    QuantizedLayer quantized;
    BitsBreakdown bits;                      ///< of the weight; codes = 32 when float
    std::optional<ErrorMetrics> weightError; ///< weight against its dequantized self
    std::optional<ErrorMetrics> outputError; ///< this layer's output, fed by the float network
    std::optional<OutputMetrics> network;    ///< model output with only this layer quantized
    bool hasOriginal = true;                 ///< false: there is no float weight to be in error against
    double seconds = 0;                      ///< spent in the method
    std::string failure;                     ///< why, when Failed

    std::optional<double> weightSqnrDb() const;
    std::optional<double> outputSqnrDb() const;
};

/// A recipe applied to a model: immutable, reproducible. While a job runs, ever fuller snapshots are handed
/// out (complete == false).
struct Run {
    std::string name;
    std::shared_ptr<const Model> model;
    /// After the recipe's transforms, with the same layers; null when it has none. This is what is quantized.
    std::shared_ptr<const PreparedModel> prepared;
    Recipe recipe;
    Provenance provenance;
    std::shared_ptr<const Capture> capture;                 ///< null when no calibration was needed or given
    std::vector<std::shared_ptr<const LayerResult>> layers; ///< by LayerId; null = not there yet
    std::optional<OutputMetrics> baseline;                  ///< float model on the evaluation set
    std::optional<OutputMetrics> total;                     ///< all layers quantized
    CalibrationCost calibrationCost;                        ///< of transforms and run; no project keeps it
    bool complete = false;

    /// False when the codes were read from the file of the model itself: its weights are their values.
    bool hasOriginal() const {
        return provenance.codesSha256.empty() || provenance.codesSha256 != provenance.modelSha256;
    }
    std::vector<QuantizedLayer> quantizedLayers() const;
    /// The float model whose weights the layers of this run stand for: transformed, or as it was opened.
    const std::shared_ptr<const Model> &quantizedModel() const { return prepared ? prepared->model : model; }
    /// How far the activation range of a layer may be off: \see activationRangeBound. Nothing without
    /// capture.
    std::optional<RangeBound> activationRangeBound(LayerId layer) const;
    double effectiveBits() const;     ///< per weight over all quantized and float layers so far
    std::int64_t weightBytes() const; ///< of the layers' weights at their effective bits
};

/// Said where errors of a run without an original would be shown.
inline constexpr const char *kNoOriginalText =
    "the codes come with the model: the float weights that they were made from are not in its file, so there "
    "is "
    "no error to show. Open the float model and read the codes of this file as a run of it";

/// What to run. Null evaluation: task metrics and in-network errors are measured on the calibration set.
struct RunRequest {
    std::string name;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;          ///< null: only what needs no execution
    std::shared_ptr<const CalibrationSet> calibration; ///< may be null
    std::shared_ptr<const CalibrationSet> evaluation;  ///< may be null
    std::shared_ptr<const Capture> capture; ///< of an earlier run on the same model and set; reused
    std::shared_ptr<const MethodRegistry> methods;
    Recipe recipe;
    std::int64_t calibrationSamples = 0; ///< 0 = all
    std::int64_t evaluationSamples = 0;  ///< 0 = all
    bool measureInNetwork = true;        ///< each layer's own effect on the output
    std::int64_t inNetworkSamples = 64;  ///< samples for that; 0 = all
    std::int64_t memoryLimit = 0;        ///< bytes that calibration may take; 0 = no limit
};

/// Called on the running thread each time there is more to see.
using RunObserver = std::function<void(std::shared_ptr<const Run>)>;

/// Calibrates (if needed and not given), quantizes layer by layer, measures each layer alone, in the network
/// and all together. A layer whose method fails keeps its float weight and gets a finding; the run goes on.
/// \error InvalidArgument  recipe or calibration does not fit;  Cancelled
Result<std::shared_ptr<const Run>> executeRun(const RunRequest &request, const RunObserver &observer,
                                              FindingList &findings, const RunContext &ctx);

/// The machine-readable report of a run: same bytes for the same run, whoever writes it (no times, no host).
nlohmann::ordered_json runReport(const Run &run);

/// JSON of output metrics as the report and `qscope evaluate --json` print them.
nlohmann::ordered_json metricsReport(const OutputMetrics &metrics);

} // namespace qs
