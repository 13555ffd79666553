#include "views/shared/workbench_context.h"

#include "core/analysis/quantize_layer.h"
#include "core/export/exporter.h"
#include "core/graph/weights_only.h"
#include "core/io/mapped_file.h"
#include "core/session/sensitivity_run.h"
#include "views/commands/recipe_commands.h"
#include "views/shared/file_path.h"
#include "views/shared/format_text.h"
#include "views/shared/initial_recipe.h"
#include "views/shared/latest_value.h"
#include "views/shared/recipe_file.h"

#include <fmt/format.h>

namespace qs::views {
WorkbenchContext::WorkbenchContext(std::shared_ptr<const MethodRegistry> methods, QObject *parent)
    : QObject(parent), m_methods(std::move(methods)), m_findings(std::make_shared<FindingList>()),
      m_recipe(initialRecipe(true)), m_jobs(new JobList(this)), m_undoStack(new QUndoStack(this)) {}

WorkbenchContext::~WorkbenchContext() {
    blockSignals(true);
    m_jobs->cancelAndJoin();
}

QString WorkbenchContext::whyNotCalibrate() const {
    if (!m_model)
        return tr("Open a model first.");
    if (m_jobs->isRunning(kPrepareTag))
        return tr("The model is being prepared.");
    if (isWeightsOnly(m_model->graph))
        return tr(kNoGraphText);
    if (!m_executor)
        return tr("This model cannot be run: see Findings for the operators that are missing.");
    if (!m_calibration)
        return tr("Open a calibration set (HDF5 file) that fits the model.");
    return {};
}

QString WorkbenchContext::whyNotRun() const {
    if (!m_model)
        return tr("Open a model first.");
    if (m_model->layers.empty())
        return tr("This model has no layer with a constant weight to quantize.");
    if (m_jobs->isRunning(kPrepareTag))
        return tr("The model is being prepared.");
    if (const Status valid = m_recipe.validate(); !valid)
        return QString::fromStdString(valid.error().text());
    const bool calibrated = m_capture || (m_executor && m_calibration);
    if (!calibrated && needsCalibration(m_recipe, *m_methods))
        return m_executor ? tr("The recipe needs calibration: open a calibration set that fits the model, or "
                               "choose a method that needs only weights and leave activations in float.")
                          : tr("The recipe needs calibration, which needs a model that runs: choose a method "
                               "that needs only weights and leave activations in float.");
    return {};
}

QString WorkbenchContext::whyNotSensitivity() const {
    return whyNotCalibrate();
}

QString WorkbenchContext::whyNotExport() const {
    if (!m_run)
        return tr("Quantize the model first (F5).");
    if (!m_run->complete)
        return tr("The run is not complete: wait for it, or start it again (F5).");
    return {};
}

QString WorkbenchContext::whyNotFlip() const {
    if (m_jobs->isRunning(kRunTag))
        return tr("A run is under way.");
    return m_runs.find(m_runBefore.get()) ? QString()
                                          : tr("Finish two runs first: this key shows one, then the other.");
}

void WorkbenchContext::reportDamagedFiles() {
    for (const std::filesystem::path &file : damagedMappedFiles())
        if (m_damagedFiles.insert(file).second)
            m_findings->add(damagedFileFinding(file));
}

void WorkbenchContext::startJob(const QString &tag, const QString &title,
                                std::function<Status(const RunContext &)> work, std::function<void()> done) {
    m_jobs->start(tag, title, std::move(work), [this, done = std::move(done)](const Status &status) {
        if (status)
            done();
        else if (status.error().code != ErrorCode::Cancelled)
            m_findings->add(toFinding(status.error()));
        reportDamagedFiles();
        emit findingsChanged();
    });
}

void WorkbenchContext::forgetStaleCapture() {
    if (!m_capture || (m_calibration && m_capture->calibrationSha256 == m_calibration->sha256()))
        return;
    m_capture = nullptr;
    emit captureChanged();
}

void WorkbenchContext::calibrate() {
    if (const QString reason = whyNotCalibrate(); !reason.isEmpty())
        return addFinding({Severity::Warning, "Calibration cannot start", {}, reason.toStdString()});
    CaptureOptions options;
    options.hessians = neededHessians(*m_model, m_recipe, *m_methods);
    options.memoryLimit = m_memoryLimit;
    auto capture = std::make_shared<std::shared_ptr<const Capture>>();
    startJob(
        kCalibrateTag, tr("Calibrating %1").arg(nameOf(m_model->file)),
        [capture, options, executor = m_executor, set = m_calibration,
         findings = m_findings](const RunContext &ctx) -> Status {
            QS_TRY(const auto source, CaptureSource::open({executor, set, options}, *findings, ctx));
            *capture = source->capture();
            return {};
        },
        [this, capture, set = m_calibration] {
            if (set != m_calibration)
                return;
            m_capture = *capture;
            emit captureChanged();
        });
}

RunRequest WorkbenchContext::runRequest() const {
    RunRequest request;
    request.name = m_recipe.name;
    request.model = m_model;
    request.executor = m_executor;
    request.calibration = m_executor ? m_calibration : nullptr;
    request.evaluation = m_executor ? m_evaluation : nullptr;
    request.capture = m_capture;
    request.methods = m_methods;
    request.recipe = m_recipe;
    request.memoryLimit = m_memoryLimit;
    return request;
}

void WorkbenchContext::startRun() {
    if (const QString reason = whyNotRun(); !reason.isEmpty())
        return addFinding({Severity::Warning, "Quantization cannot start", {}, reason.toStdString()});
    using Snapshot = std::shared_ptr<const Run>;
    auto show = [this, set = m_calibration](Snapshot run) {
        setShownRun(std::move(run));
        // That of a transformed model is not that of the open one.
        if (m_run->capture && !m_run->prepared && m_run->capture != m_capture && set == m_calibration) {
            m_capture = m_run->capture;
            emit captureChanged();
        }
        emit runChanged();
        emit findingsChanged();
    };
    auto partial = std::make_shared<LatestValue<Snapshot>>(*m_jobs, show);
    auto result = std::make_shared<Snapshot>();
    startJob(
        kRunTag,
        tr("Quantizing %1 with %2").arg(nameOf(m_model->file), QString::fromStdString(m_recipe.name)),
        [partial, result, request = runRequest(), findings = m_findings](const RunContext &ctx) -> Status {
            auto observer = [&](Snapshot run) { partial->put(std::move(run), ctx.stop); };
            QS_TRY(*result, executeRun(request, observer, *findings, ctx));
            return {};
        },
        [this, partial, result, show, parent = m_recipeOrigin] {
            partial->close();
            const int number = m_runs.add(*result, parent);
            if (m_recipe == (*result)->recipe)
                m_recipeOrigin = number;
            show(*result);
            emit runsChanged();
        });
}

void WorkbenchContext::setShownRun(std::shared_ptr<const Run> run) {
    // Snapshots of the run that is under way replace each other: only finished runs are worth coming back to.
    if (m_run != run && m_runs.find(m_run.get()))
        m_runBefore = m_run;
    m_run = std::move(run);
}

void WorkbenchContext::showRun(int number) {
    const RunEntry *entry = m_runs.find(number);
    if (!entry || entry->run == m_run || m_jobs->isRunning(kRunTag))
        return;
    setShownRun(entry->run);
    emit runChanged();
}

void WorkbenchContext::flipRuns() {
    if (const RunEntry *entry = m_runs.find(m_runBefore.get()))
        showRun(entry->number);
}

void WorkbenchContext::setCompared(int number, bool compared) {
    m_runs.setCompared(number, compared);
    emit runsChanged();
}

void WorkbenchContext::forgetRun(int number) {
    const RunEntry *entry = m_runs.find(number);
    if (!entry)
        return;
    if (m_runBefore == entry->run)
        m_runBefore = nullptr;
    m_runs.remove(number);
    emit runsChanged();
}

void WorkbenchContext::adoptRecipeOf(int number) {
    const RunEntry *entry = m_runs.find(number);
    if (entry && !entry->run->provenance.codesSha256.empty())
        return addFinding({Severity::Warning, "A run that was read from a file has no recipe to run again",
                           entry->title(),
                           "Write a recipe of its bits and groups, with a method of this program."});
    if (entry)
        m_undoStack->push(new ChangeRecipeCommand(
            *this, entry->run->recipe, tr("recipe of run %1").arg(QString::fromStdString(entry->title()))));
}

void WorkbenchContext::startSensitivity(SensitivityOptions options) {
    if (const QString reason = whyNotSensitivity(); !reason.isEmpty())
        return addFinding({Severity::Warning, "Sensitivity cannot be measured", {}, reason.toStdString()});
    using Snapshot = std::shared_ptr<const SensitivityTable>;
    auto show = [this](Snapshot table) {
        m_sensitivity = std::move(table);
        emit sensitivityChanged();
        emit findingsChanged();
    };
    SensitivityRequest request{
        m_model,   m_executor, m_calibration,     m_evaluation ? m_evaluation : m_calibration,
        m_capture, m_methods,  std::move(options)};
    request.memoryLimit = m_memoryLimit;
    auto partial = std::make_shared<LatestValue<Snapshot>>(*m_jobs, show);
    auto result = std::make_shared<Snapshot>();
    startJob(
        kSensitivityTag, tr("Measuring sensitivity of %1").arg(nameOf(m_model->file)),
        [partial, result, request = std::move(request),
         findings = m_findings](const RunContext &ctx) -> Status {
            auto rowFinished = [&](Snapshot table) { partial->put(std::move(table), ctx.stop); };
            QS_TRY(*result, runSensitivity(request, rowFinished, *findings, ctx));
            return {};
        },
        [partial, result, show] {
            partial->close();
            show(*result);
        });
}

void WorkbenchContext::exportRun(const QString &file, const QString &exporterId,
                                 const nlohmann::json &options) {
    const Exporter *exporter = findExporter(exporterId.toStdString());
    const QString reason = exporter ? whyNotExport() : tr("There is no exporter '%1'.").arg(exporterId);
    if (!reason.isEmpty())
        return addFinding({Severity::Warning, "Export cannot start", {}, reason.toStdString()});
    auto report = std::make_shared<ExportReport>();
    startJob(
        kExportTag, tr("Exporting %1").arg(nameOf(toPath(file))),
        [report, exporter, options, run = m_run, path = toPath(file),
         findings = m_findings](const RunContext &ctx) -> Status {
            QS_TRY(*report, exporter->write(*run, path, options, *findings, ctx));
            return {};
        },
        [this, report, file] {
            m_findings->add(
                Severity::Info,
                fmt::format("Exported and read back: {} layers quantized, {} left in float, {}; largest "
                            "difference of a weight {:g}",
                            report->quantizedLayers.size(), report->floatLayers.size(),
                            formatBytes(report->bytes).toStdString(), report->worstWeightDifference),
                report->file.string());
            emit exported(file);
        });
}

void WorkbenchContext::loadRecipe(const QString &file) {
    auto recipe = readRecipe(toPath(file));
    if (!recipe)
        return addFinding(toFinding(recipe.error()));
    m_undoStack->push(
        new ChangeRecipeCommand(*this, std::move(*recipe), tr("load recipe %1").arg(nameOf(toPath(file)))));
    emit fileOpened(file);
}

void WorkbenchContext::saveRecipe(const QString &file) {
    if (const Status status = writeRecipe(m_recipe, toPath(file)); !status)
        addFinding(toFinding(status.error()));
}

void WorkbenchContext::select(const Selection &selection) {
    if (selection == m_selection)
        return;
    m_selection = selection;
    emit selectionChanged();
}

void WorkbenchContext::setRecipe(const Recipe &recipe) {
    if (recipe == m_recipe)
        return;
    m_recipe = recipe;
    if (const RunEntry *same = m_runs.findRecipe(recipe))
        m_recipeOrigin = same->number;
    emit recipeChanged();
}

void WorkbenchContext::addFinding(const Finding &finding) {
    m_findings->add(finding);
    emit findingsChanged();
}

void WorkbenchContext::clearFindings() {
    m_findings->clear();
    emit findingsChanged();
}

} // namespace qs::views
