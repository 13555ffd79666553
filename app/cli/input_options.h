#pragma once

#include "app/cli/command.h"
#include "core/exec/calibration_cost.h"
#include "core/exec/capture.h"
#include "core/io/calibration_set.h"

#include <filesystem>

namespace qs {
struct Provenance;
}

namespace qs::app {

/// --memory-limit: how much calibration may take.
class MemoryLimitOption {
public:
    CLI::Option *add(CLI::App &app, const std::string &help);
    /// 0: no limit.
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_mebibytes * 1024 * 1024); }

private:
    static constexpr double kMostMib = 1 << 30; ///< a pebibyte
    double m_mebibytes = 0;
};

/// The files a command reads. Every file is told by content, not by suffix.
class InputOptions {
public:
    void addModel(CLI::App &app);
    void addCalibration(CLI::App &app, bool required);
    void addEvaluation(CLI::App &app, bool required);
    /// Activations that were captured elsewhere, in place of a pass through the model.
    void addCaptured(CLI::App &app);

    Result<std::shared_ptr<const Model>> openModel(const CommandContext &context) const;
    /// Null when the option was not given. \error CorruptFile  the set does not fit the model
    Result<std::shared_ptr<const CalibrationSet>> openCalibration(const Model &model,
                                                                  const CommandContext &context) const;
    Result<std::shared_ptr<const CalibrationSet>> openEvaluation(const Model &model,
                                                                 const CommandContext &context) const;

    /// What enters the layers: read from --captured, else made by running the model on the set. Null when
    /// neither was given. \param provenance  receives the source of the activations; may be null
    Result<std::shared_ptr<const Capture>> capture(const std::shared_ptr<const Model> &model,
                                                   const CommandContext &context,
                                                   Provenance *provenance = nullptr) const;

    const std::filesystem::path &modelFile() const { return m_model; }
    std::int64_t memoryLimit() const { return m_memoryLimit.bytes(); }
    /// Of one pass over --calib. Nothing when activations came from a file.
    void addCost(const Capture &capture, CommandOutput &output) const;
    /// Of --captured, else of --calib.
    const std::filesystem::path &activationsFile() const {
        return m_captured.empty() ? m_calibration : m_captured;
    }
    std::int64_t calibrationSamples() const { return m_calibrationSamples; }
    std::int64_t evaluationSamples() const { return m_evaluationSamples; }
    bool hasSets() const { return hasActivations() || !m_evaluation.empty(); }
    bool hasActivations() const { return !m_calibration.empty() || !m_captured.empty(); }

private:
    std::filesystem::path m_model, m_calibration, m_evaluation, m_captured;
    std::int64_t m_calibrationSamples = 0, m_evaluationSamples = 0;
    MemoryLimitOption m_memoryLimit;
};

/// Says how a limit in bytes was kept: "calibration_memory" of the document, and a line. Nothing without one.
void addCost(const CalibrationCost &cost, std::int64_t limit, CommandOutput &output);

/// \error NotFound  no such file, or a folder where none is allowed
enum class Folders { Refused, Allowed };
Status checkExists(const std::filesystem::path &file, Folders folders = Folders::Refused);

/// A model by path. \error NotFound, Unsupported, CorruptFile, IoError
Result<std::shared_ptr<const Model>> openModelFile(const std::filesystem::path &file,
                                                   const CommandContext &context);

/// An executor when `needed`, else only when every operator is there: null then, with a warning that names
/// the missing ones. \error Unsupported  needed, and operators are missing
Result<std::shared_ptr<const Executor>> openExecutor(const std::shared_ptr<const Model> &model, bool needed,
                                                     const CommandContext &context);

/// The layer of that name. \error InvalidArgument  there is none; proposes the closest names
Result<const Layer *> findLayer(const Model &model, const std::string &name);

} // namespace qs::app
