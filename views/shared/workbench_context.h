#pragma once

#include "core/session/run.h"
#include "views/shared/job_list.h"
#include "views/shared/selection.h"

#include <QObject>
#include <QUndoStack>

namespace qs::views {

/// The document of the window: what is open, what was computed, what is selected. Views read snapshots from here and
/// follow its signals; they never know each other. Everything that takes time is started as a job. GUI thread only.
class WorkbenchContext : public QObject {
    Q_OBJECT
public:
    WorkbenchContext(std::shared_ptr<const QuantizerRegistry> methods, QObject *parent = nullptr);
    ~WorkbenchContext() override;

    // Snapshots; null or empty when there is nothing yet.
    std::shared_ptr<const Model> model() const { return m_model; }
    std::shared_ptr<const Executor> executor() const { return m_executor; } ///< null: the model cannot run
    std::shared_ptr<const CalibrationSet> calibration() const { return m_calibration; }
    std::shared_ptr<const CalibrationSet> evaluation() const { return m_evaluation; }
    std::shared_ptr<const Capture> capture() const { return m_capture; }
    std::shared_ptr<const Run> run() const { return m_run; }
    std::shared_ptr<const SensitivityTable> sensitivity() const { return m_sensitivity; }
    const QuantizerRegistry &methods() const { return *m_methods; }
    std::shared_ptr<const QuantizerRegistry> sharedMethods() const { return m_methods; }
    const Recipe &recipe() const { return m_recipe; }
    const Selection &selection() const { return m_selection; }
    const std::shared_ptr<FindingList> &findings() const { return m_findings; }
    JobList &jobs() { return *m_jobs; }
    QUndoStack &undoStack() { return *m_undoStack; }

    // Wishes. Each returns at once; results arrive by signal, failures as findings.
    void openFile(const QString &file);       ///< model or calibration, told apart by content
    void openModel(const QString &file);
    void openCalibration(const QString &file);
    void openEvaluation(const QString &file);
    void calibrate();                         ///< capture only, no quantization
    void startRun();                          ///< the current recipe
    void startSensitivity(SensitivityOptions options);
    void exportRun(const QString &file, const QString &exporterId);
    void select(const Selection &selection);
    void setRecipe(const Recipe &recipe);     ///< called by undo commands; others push a command
    void addFinding(const Finding &finding);

signals:
    void modelChanged();
    void calibrationChanged();
    void captureChanged();
    void runChanged();         ///< also for partial runs, at most 20 times a second
    void sensitivityChanged();
    void selectionChanged();
    void recipeChanged();
    void findingsChanged();
    void fileOpened(const QString &file); ///< for the list of recent files
    void exported(const QString &file);

private:
    std::shared_ptr<const QuantizerRegistry> m_methods;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const CalibrationSet> m_calibration, m_evaluation;
    std::shared_ptr<const Capture> m_capture;
    std::shared_ptr<const Run> m_run;
    std::shared_ptr<const SensitivityTable> m_sensitivity;
    std::shared_ptr<FindingList> m_findings;
    Recipe m_recipe;
    Selection m_selection;
    JobList *m_jobs = nullptr;
    QUndoStack *m_undoStack = nullptr;
};

} // namespace qs::views
