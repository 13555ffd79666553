// The part of WorkbenchContext that replaces what is open as a whole.
#include "core/exec/captured_activations.h"
#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/session/stored_run.h"
#include "views/shared/initial_recipe.h"
#include "views/shared/workbench_context.h"

#include <QFileInfo>

namespace qs::views {

void WorkbenchContext::adoptModel(std::shared_ptr<const Model> model, std::shared_ptr<FindingList> findings) {
    closeModel();
    m_model = std::move(model);
    m_findings = std::move(findings);
    m_selection = m_model->layers.empty() ? Selection{} : Selection::ofLayer(0);
    const bool canRun = !isWeightsOnly(m_model->graph);
    if (m_recipe == initialRecipe(!canRun)) // nobody chose it
        m_recipe = initialRecipe(canRun);
    if (m_calibration && !fits(*m_calibration, "calibration"))
        m_calibration = nullptr;
    if (m_evaluation && !fits(*m_evaluation, "evaluation"))
        m_evaluation = nullptr;
    showStoredRun();
    announceEverything();
    prepareExecutor();
    readActivations();
}

void WorkbenchContext::readActivations() {
    if (!m_model || !m_activations)
        return;
    auto capture = std::make_shared<std::shared_ptr<const Capture>>();
    startJob(
        kActivationsTag,
        tr("Reading activations of %1")
            .arg(QString::fromStdU16String(m_activations->file().filename().u16string())),
        [capture, model = m_model, file = m_activations,
         findings = m_findings](const RunContext &ctx) -> Status {
            QS_TRY(*capture, captureFromFile(*file, *model, {}, *findings, ctx));
            return {};
        },
        [this, capture, model = m_model] {
            if (model != m_model)
                return;
            m_fileCapture = *capture;
            emit captureChanged();
        });
}

void WorkbenchContext::setMemoryLimit(std::int64_t bytes) {
    m_memoryLimit = bytes;
}

void WorkbenchContext::showStoredRun() {
    if (const auto run = storedRun(m_model)) {
        m_runs.add(run);
        m_run = run;
    }
}

QString WorkbenchContext::whyNotReadStored() const {
    if (!m_model)
        return tr("Open the float model first.");
    if (m_jobs->isRunning(kRunTag) || m_jobs->isRunning(kPrepareTag))
        return tr("Wait until the model is prepared and no run is under way.");
    return {};
}

void WorkbenchContext::readStoredRun(const QString &file) {
    if (const QString reason = whyNotReadStored(); !reason.isEmpty())
        return addFinding({Severity::Warning, "Codes cannot be read", {}, reason.toStdString()});
    auto result = std::make_shared<std::shared_ptr<const Run>>();
    startJob(
        kRunTag, tr("Reading the codes of %1").arg(QFileInfo(file).fileName()),
        [result, request = runRequest(), path = std::filesystem::path(file.toStdU16String()),
         findings = m_findings](const RunContext &ctx) -> Status {
            QS_TRY(const auto quantized, qs::openModel(path, *findings, ctx));
            QS_TRY(*result, qs::readStoredRun(request, *quantized, {}, *findings, ctx));
            return {};
        },
        [this, result] {
            m_runs.add(*result);
            setShownRun(*result);
            emit runChanged();
            emit runsChanged();
        });
}

void WorkbenchContext::closeModel() {
    m_jobs->cancelAndJoin(
        {kPrepareTag, kActivationsTag, kCalibrateTag, kRunTag, kSensitivityTag, kExportTag});
    m_model = nullptr;
    m_executor = nullptr;
    m_capture = nullptr;
    if (m_fileCapture) // it was of the model that is closed
        m_activations = nullptr;
    m_fileCapture = nullptr;
    m_run = m_runBefore = nullptr;
    m_runs.clear();
    m_recipeOrigin = 0;
    m_sensitivity = nullptr;
    m_selection = {};
}

void WorkbenchContext::announceEverything() {
    emit modelChanged();
    emit selectionChanged();
    emit executorChanged();
    emit calibrationChanged();
    emit captureChanged();
    emit recipeChanged();
    emit runChanged();
    emit runsChanged();
    emit sensitivityChanged();
    emit findingsChanged();
}

Project WorkbenchContext::project() const {
    Project project;
    const auto reference = [](const std::filesystem::path &file, const std::string &sha256) {
        return SourceReference{std::filesystem::absolute(file), sha256};
    };
    if (m_model)
        project.head.model = reference(m_model->file, m_model->sha256);
    if (m_calibration)
        project.head.calibration = reference(m_calibration->file(), m_calibration->sha256());
    if (m_evaluation)
        project.head.evaluation = reference(m_evaluation->file(), m_evaluation->sha256());
    project.head.recipe = m_recipe;
    const RunEntry *shown = m_runs.find(m_run.get());
    project.head.shownRun = shown ? shown->number : 0;
    project.model = m_model;
    project.runs = m_runs;
    project.capture = m_capture;
    if (m_sensitivity && m_sensitivity->complete)
        project.sensitivity = m_sensitivity;
    return project;
}

void WorkbenchContext::restore(OpenedProject session, const std::shared_ptr<FindingList> &findings,
                               const Selection &selection) {
    closeModel();
    Project &project = session.project;
    m_model = project.model;
    m_findings = findings;
    m_calibration = std::move(session.calibration);
    m_activations = std::move(session.activations);
    m_evaluation = std::move(session.evaluation);
    m_capture = project.capture;
    m_sensitivity = project.sensitivity;
    m_recipe = project.head.recipe;
    m_runs = std::move(project.runs);
    if (const RunEntry *shown = m_runs.find(project.head.shownRun))
        m_run = shown->run;
    if (const RunEntry *origin = m_runs.findRecipe(m_recipe))
        m_recipeOrigin = origin->number;
    const bool fitting = m_model && selection.layer < static_cast<LayerId>(m_model->layers.size());
    m_selection = fitting ? selection : Selection{};
    m_undoStack->clear();
    announceEverything();
    if (m_model) {
        prepareExecutor();
        readActivations();
    }
}

} // namespace qs::views
