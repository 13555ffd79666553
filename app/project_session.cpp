#include "app/project_session.h"

#include "views/shared/file_path.h"

#include <QFileInfo>

namespace qs::app {

using views::toPath;
using views::WorkbenchContext;

namespace {

const QString kOpenTag = QStringLiteral("open-project");
const QString kSaveTag = QStringLiteral("save-project");

/// Layers are named, as their numbers need not mean the same after a change of the program.
nlohmann::json selectionToJson(const views::Selection &selection, const Model *model) {
    nlohmann::json json = {{"channel", selection.channel},
                           {"token", selection.token},
                           {"head", selection.head},
                           {"output", selection.output}};
    if (model && selection.layer >= 0)
        json["layer"] = model->layers[static_cast<std::size_t>(selection.layer)].name;
    json["layers"] = nlohmann::json::array();
    for (const LayerId layer : selection.layers)
        json["layers"].push_back(model->layers[static_cast<std::size_t>(layer)].name);
    return json;
}

/// What does not fit the model is left out: a selection is a convenience.
views::Selection selectionFromJson(const nlohmann::json &window, const Model *model) {
    views::Selection selection;
    const auto found = window.is_object() ? window.find("selection") : window.end();
    if (!model || found == window.end() || !found->is_object())
        return selection;
    const auto layerOf = [&](const nlohmann::json &name) {
        const Layer *layer = name.is_string() ? model->findLayer(name.get<std::string>()) : nullptr;
        return layer ? layer->id : kNoLayer;
    };
    const auto number = [&](const char *key) {
        const auto value = found->find(key);
        return value != found->end() && value->is_number_integer() ? value->get<std::int64_t>() : -1;
    };
    selection.layer = layerOf(found->value("layer", nlohmann::json()));
    if (selection.layer == kNoLayer)
        return model->layers.empty() ? selection : views::Selection::ofLayer(0);
    for (const nlohmann::json &name : found->value("layers", nlohmann::json::array()))
        if (const LayerId layer = layerOf(name); layer != kNoLayer)
            selection.layers.insert(layer);
    selection.layers.insert(selection.layer);
    selection.channel = number("channel");
    selection.token = number("token");
    selection.head = number("head");
    selection.output = number("output");
    return selection;
}

/// What Autosave noted: the project that the session belonged to.
QString projectFileOf(const nlohmann::json &window) {
    const auto found = window.find("projectFile");
    return found != window.end() && found->is_string() ? QString::fromStdString(found->get<std::string>())
                                                       : QString();
}

} // namespace

QString runsText(int runs) {
    return runs == 1 ? ProjectSession::tr("1 run") : ProjectSession::tr("%1 runs").arg(runs);
}

const std::optional<SourceReference> &ProjectSession::Doubt::reference(std::size_t source) const {
    const ProjectHead &head = project->head();
    return source == 0 ? head.model : source == 1 ? head.calibration : head.evaluation;
}

ProjectSession::ProjectSession(WorkbenchContext &context, QObject *parent)
    : QObject(parent), m_context(context), m_saved(stampOf(context.project())) {
    for (auto signal : {&WorkbenchContext::calibrationChanged, &WorkbenchContext::runsChanged,
                        &WorkbenchContext::recipeChanged, &WorkbenchContext::sensitivityChanged})
        connect(&context, signal, this, &ProjectSession::changed);
    connect(&context, &WorkbenchContext::modelChanged, this, &ProjectSession::followModel);
    connect(&context, &WorkbenchContext::projectRequested, this, &ProjectSession::open);
}

ProjectSession::Stamp ProjectSession::stampOf(const Project &project) {
    Stamp stamp{project.head.recipe,
                {},
                {project.head.model, project.head.calibration, project.head.evaluation},
                project.sensitivity};
    for (const RunEntry &entry : project.runs.entries())
        stamp.runs.emplace_back(entry.number, entry.compared);
    return stamp;
}

bool ProjectSession::isModified() const {
    return !(stampOf(m_context.project()) == m_saved);
}

QString ProjectSession::whyNotSave() const {
    return m_context.model() ? QString() : tr("There is nothing to save yet: open a model first.");
}

QString ProjectSession::whyNotSaveInPlace() const {
    if (m_file.isEmpty())
        return tr("The session has no file yet.");
    if (!m_complete)
        return tr("Results of %1 were left out when it was opened and would be lost. Choose another name.")
            .arg(QFileInfo(m_file).fileName());
    return {};
}

void ProjectSession::followModel() {
    const auto model = m_context.model();
    const std::string sha256 = model ? model->sha256 : std::string();
    if (!m_restoring && sha256 != m_modelSha256) {
        m_file.clear();
        m_complete = true;
        m_saved = stampOf(m_context.project());
    }
    m_modelSha256 = sha256;
    emit changed();
}

void ProjectSession::startJob(const QString &tag, const QString &title,
                              std::function<Status(const RunContext &)> work, std::function<void()> done) {
    m_context.jobs().start(tag, title, std::move(work), [this, done = std::move(done)](const Status &status) {
        if (status)
            done();
        else if (status.error().code != ErrorCode::Cancelled)
            m_context.addFinding(toFinding(status.error()));
    });
}

void ProjectSession::open(const QString &file) {
    auto doubt = std::make_shared<Doubt>();
    doubt->file = file;
    startJob(
        kOpenTag, tr("Opening %1").arg(QFileInfo(file).fileName()),
        [doubt, path = toPath(file)](const RunContext &ctx) -> Status {
            QS_TRY(doubt->project, ProjectFile::open(path, ctx));
            QS_TRY(doubt->states, doubt->project->locateSources(ctx));
            return {};
        },
        [this, doubt] {
            if (doubt->isDoubtful(0) || doubt->isDoubtful(1) || doubt->isDoubtful(2))
                emit sourcesInDoubt(*doubt);
            else
                openWith(*doubt, ProjectSources::from(doubt->states));
        });
}

void ProjectSession::openWith(const Doubt &doubt, const ProjectSources &sources) {
    auto opened = std::make_shared<OpenedProject>();
    auto findings = std::make_shared<FindingList>();
    startJob(
        kOpenTag, tr("Opening %1").arg(QFileInfo(doubt.file).fileName()),
        [opened, findings, sources, project = doubt.project](const RunContext &ctx) -> Status {
            QS_TRY(*opened, openProject(*project, sources, *findings, ctx));
            return {};
        },
        [this, opened, findings, file = doubt.file] { adopt(file, std::move(*opened), findings); });
}

void ProjectSession::adopt(const QString &file, OpenedProject opened,
                           const std::shared_ptr<FindingList> &findings) {
    const nlohmann::json window = opened.project.head.window;
    const views::Selection selection = selectionFromJson(window, opened.project.model.get());
    // An autosaved session names the project that it belonged to, and is newer than that.
    const bool autosaved = QFileInfo(file).isDir();
    m_complete = opened.complete;
    m_file = autosaved ? projectFileOf(window) : file;
    m_restoring = true;
    m_context.restore(std::move(opened), findings, selection);
    m_restoring = false;
    m_saved = autosaved ? Stamp{} : stampOf(m_context.project());
    if (m_window.restore)
        m_window.restore(window);
    emit changed();
    emit this->opened(file);
}

Project ProjectSession::snapshot() const {
    Project project = m_context.project();
    if (m_window.save)
        project.head.window = m_window.save();
    project.head.window["projectFile"] = m_file.toStdString();
    project.head.window["selection"] = selectionToJson(m_context.selection(), project.model.get());
    return project;
}

void ProjectSession::saveAs(const QString &file, std::function<void()> then) {
    const Project project = snapshot();
    startJob(
        kSaveTag, tr("Saving %1").arg(QFileInfo(file).fileName()),
        [project, path = toPath(file), findings = m_context.findings()](const RunContext &ctx) {
            return writeProject(project, path, *findings, ctx);
        },
        [this, file, then = std::move(then), stamp = stampOf(project)] {
            m_file = file;
            m_saved = stamp;
            m_complete = true;
            emit changed();
            emit saved(file);
            if (then)
                then();
        });
}

} // namespace qs::app
