#pragma once

#include "core/hardware/network_description.h"
#include "core/session/open_project.h"
#include "views/shared/job_list.h"
#include "views/shared/selection.h"

#include <QObject>
#include <QUndoStack>

namespace qs {
class ActivationFile;
}

namespace qs::views {

/// The document of the window: what is open, what was computed, what is selected. Views read snapshots from
/// here and follow its signals; they never know each other. Everything that takes time is started as a job.
/// GUI thread only.
class WorkbenchContext : public QObject {
    Q_OBJECT
public:
    WorkbenchContext(std::shared_ptr<const MethodRegistry> methods, QObject *parent = nullptr);
    ~WorkbenchContext() override;

    // Snapshots; null or empty when there is nothing yet.
    std::shared_ptr<const Model> model() const { return m_model; }
    std::shared_ptr<const Executor> executor() const { return m_executor; } ///< null: the model cannot run
    std::shared_ptr<const CalibrationSet> calibration() const { return m_calibration; }
    std::shared_ptr<const CalibrationSet> evaluation() const { return m_evaluation; }
    /// Of a calibration here, else read from a file of captured activations.
    std::shared_ptr<const Capture> capture() const { return m_capture ? m_capture : m_fileCapture; }
    std::shared_ptr<const ActivationFile> activations() const { return m_activations; }
    std::shared_ptr<const Run> run() const { return m_run; }
    const RunHistory &runs() const { return m_runs; } ///< the finished ones
    std::shared_ptr<const SensitivityTable> sensitivity() const { return m_sensitivity; }
    std::shared_ptr<const NetworkDescription> networkConfig() const {
        return m_networkConfig;
    } ///< of a config.json
    const MethodRegistry &methods() const { return *m_methods; }
    std::shared_ptr<const MethodRegistry> sharedMethods() const { return m_methods; }
    const Recipe &recipe() const { return m_recipe; }
    const Selection &selection() const { return m_selection; }
    const std::shared_ptr<FindingList> &findings() const { return m_findings; }
    JobList &jobs() { return *m_jobs; }
    QUndoStack &undoStack() { return *m_undoStack; }

    // Why a wish cannot be fulfilled now, as a sentence that says what to do; empty when it can.
    QString whyNotCalibrate() const;
    QString whyNotRun() const;
    QString whyNotSensitivity() const;
    QString whyNotExport() const;
    QString whyNotFlip() const;
    QString whyNotReadStored() const;

    // Wishes. Each returns at once; results arrive by signal, failures as findings.
    /// Model, calibration or evaluation set, recipe, config.json or project, told apart by content.
    void openFile(const QString &file);
    void openModel(const QString &file);
    void openNetworkConfig(const QString &file); ///< for the roofline: no weights needed
    void openCalibration(const QString &file);
    void openEvaluation(const QString &file);
    std::int64_t memoryLimit() const { return m_memoryLimit; }
    void setMemoryLimit(std::int64_t bytes); ///< of calibration, from the next one on; 0 = none
    void calibrate();                        ///< capture only, no quantization
    void startRun();                         ///< the current recipe
    /// The codes of a quantized version of the open model, as a run that is measured against it.
    void readStoredRun(const QString &file);
    void showRun(int number); ///< makes a finished run the one that views show
    void flipRuns();          ///< back to the run that was shown before, and forth again
    void setCompared(int number, bool compared);
    void forgetRun(int number);
    void adoptRecipeOf(int number); ///< undoable
    void startSensitivity(SensitivityOptions options);
    void exportRun(const QString &file, const QString &exporterId, const nlohmann::json &options);
    void loadRecipe(const QString &file); ///< undoable
    void saveRecipe(const QString &file);
    void select(const Selection &selection);
    void setRecipe(const Recipe &recipe); ///< called by undo commands; others push a command
    /// The session as a project holds it, but for what the window keeps. Snapshots only: cheap.
    Project project() const;
    /// Replaces everything by a session that was read. What was open is closed, undo starts anew.
    void restore(OpenedProject session, const std::shared_ptr<FindingList> &findings,
                 const Selection &selection);
    void addFinding(const Finding &finding);
    void clearFindings();
    void reveal(const QString &viewId) { emit revealRequested(viewId); } ///< brings another view to the front

signals:
    void modelChanged();
    void executorChanged();
    void calibrationChanged(); ///< calibration or evaluation set
    void captureChanged();
    void runChanged();  ///< also for partial runs, at most 20 times a second
    void runsChanged(); ///< the list of finished runs, or which of them are compared
    void sensitivityChanged();
    void networkConfigChanged();
    void selectionChanged();
    void recipeChanged();
    void findingsChanged();
    void projectRequested(const QString &file); ///< openFile() met one; whoever keeps projects opens it
    /// A file that was dropped as data holds weights, while a model is open: whoever keeps runs asks first.
    void modelRequested(const QString &file);
    void fileOpened(const QString &file); ///< for the list of recent files
    void exported(const QString &file);
    void revealRequested(const QString &viewId);

private:
    enum class SetRole { ByName, Calibration, Evaluation };
    void adoptModel(std::shared_ptr<const Model> model, std::shared_ptr<FindingList> findings);
    void prepareExecutor();
    void reportMissingOperators(const Error &error);
    void openSet(const QString &file, SetRole role);
    void adoptSet(std::shared_ptr<const CalibrationSet> set, SetRole role);
    void readActivations();
    void reportDamagedFiles();
    bool fits(const CalibrationSet &set, const char *role);
    void forgetStaleCapture();
    void setShownRun(std::shared_ptr<const Run> run);
    void showStoredRun();
    void closeModel();
    void announceEverything();
    RunRequest runRequest() const;
    /// Starts a job whose failure becomes a finding; `done` is called on success only.
    void startJob(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
                  std::function<void()> done);

    std::shared_ptr<const MethodRegistry> m_methods;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const CalibrationSet> m_calibration, m_evaluation;
    std::shared_ptr<const Capture> m_capture; ///< of a pass through the model
    std::shared_ptr<const ActivationFile> m_activations;
    std::shared_ptr<const Capture> m_fileCapture;  ///< of m_activations, for the open model
    std::shared_ptr<const Run> m_run, m_runBefore; ///< shown now, shown before
    RunHistory m_runs;
    std::shared_ptr<const SensitivityTable> m_sensitivity;
    std::shared_ptr<const NetworkDescription> m_networkConfig;
    std::shared_ptr<FindingList> m_findings;
    Recipe m_recipe;
    int m_recipeOrigin = 0; ///< number of the last run whose recipe m_recipe was
    Selection m_selection;
    std::set<std::filesystem::path> m_damagedFiles; ///< told already
    JobList *m_jobs = nullptr;
    QUndoStack *m_undoStack = nullptr;
    std::int64_t m_memoryLimit = 0;
};

/// Tags of the jobs that the context starts.
inline const QString kOpenModelTag = QStringLiteral("open-model");
inline const QString kPrepareTag = QStringLiteral("prepare");
inline const QString kCalibrateTag = QStringLiteral("calibrate");
inline const QString kActivationsTag = QStringLiteral("activations");
inline const QString kRunTag = QStringLiteral("run");
inline const QString kSensitivityTag = QStringLiteral("sensitivity");
inline const QString kExportTag = QStringLiteral("export");

} // namespace qs::views
