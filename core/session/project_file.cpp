#include "core/session/project_file.h"

#include "core/base/json_object_reader.h"
#include "core/io/file_kind.h"
#include "core/io/hdf5_file.h"
#include "core/session/project_arrays.h"
#include "core/session/project_capture.h"
#include "core/session/project_json.h"
#include "core/session/project_prepared.h"
#include "core/session/session_folder.h"

#include <array>
#include <charconv>
#include <fmt/format.h>

namespace qs {
namespace {

using Json = nlohmann::json;

constexpr int kAnyRun = 1 << 30;

Status readSource(const Json &json, const std::string &name, std::optional<SourceReference> &source,
                  std::filesystem::path &relative) {
    std::string file, beside;
    JsonObjectReader reader(json, name);
    reader.text("file", file, JsonObjectReader::Required);
    reader.text("relative", beside, JsonObjectReader::Required);
    reader.text("sha256", source.emplace().sha256, JsonObjectReader::Required);
    source->file = file;
    relative = beside;
    return reader.finish();
}

Status readRunHead(const Json &json, ProjectFile::RunHead &run) {
    JsonObjectReader reader(json, "runs");
    reader.integer("number", 1, kAnyRun, run.number, JsonObjectReader::Required);
    reader.integer("parent", 0, kAnyRun, run.parent, JsonObjectReader::Required);
    reader.text("name", run.name, JsonObjectReader::Required);
    return reader.finish();
}

Status readHead(const Json &json, ProjectHead &head, std::array<std::filesystem::path, 3> &relative,
                std::vector<ProjectFile::RunHead> &runs) {
    JsonObjectReader reader(json, "");
    std::optional<SourceReference> *sources[] = {&head.model, &head.calibration, &head.evaluation};
    for (std::size_t i = 0; i < 3; ++i)
        if (const Json *source = reader.member(kProjectSourceNames[i]))
            reader.take(readSource(*source, kProjectSourceNames[i], *sources[i], relative[i]));
    if (const Json *recipe = reader.member("recipe", JsonObjectReader::Required)) {
        QS_TRY(head.recipe, Recipe::fromJson(*recipe));
        QS_CHECK_OK(head.recipe.validate());
    }
    reader.integer("shownRun", 0, kAnyRun, head.shownRun, JsonObjectReader::Required);
    reader.integer("lastRun", 0, kAnyRun, head.lastRun, JsonObjectReader::Required);
    if (const Json *window = reader.member("window")) {
        if (window->is_object())
            head.window = *window;
        else
            reader.refuse("window", "must be an object");
    }
    if (const Json *list = reader.array("runs", JsonObjectReader::Required))
        for (const Json &run : *list)
            reader.take(readRunHead(run, runs.emplace_back()));
    return reader.finish();
}

Status checkVersion(const Hdf5File &file) {
    const auto version = file.textAttribute("/", kProjectVersionAttribute);
    if (!version)
        return fail(ErrorCode::CorruptFile,
                    "is an HDF5 file, but no Quantoscope project. Open it as calibration or evaluation set");
    int number = 0;
    const auto parsed = std::from_chars(version->data(), version->data() + version->size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != version->data() + version->size() || number < 1)
        return fail(ErrorCode::CorruptFile, fmt::format("has the project version '{}'", *version));
    if (number > kProjectVersion)
        return fail(ErrorCode::Unsupported,
                    fmt::format("was saved by a newer Quantoscope (project version {}; this one reads up to "
                                "{}). Open it with that one",
                                number, kProjectVersion));
    return {};
}

Result<SensitivityTable> sensitivityIn(const Hdf5File &file, const Model &model) {
    QS_TRY(const Json json, readProjectJson(file, "/sensitivity"));
    return sensitivityFromJson(json, model);
}

Result<RunEntry> readRun(const Hdf5File &file, int number, PreparedModels &prepared,
                         const std::shared_ptr<const Model> &model, const RunContext &ctx) {
    const std::string group = fmt::format("/runs/{}", number);
    QS_TRY(Json head, readProjectJson(file, group + "/head"));
    const Json preparedName = head.is_object() ? head.value("prepared", Json()) : Json();
    if (head.is_object())
        head.erase("prepared");
    const auto arrays = [&](std::size_t index, QuantizedMatrix &matrix) {
        return readMatrix(file, fmt::format("{}/layers/{}", group, index), matrix);
    };
    QS_TRY(RunEntry entry, runFromJson(head, model, arrays));
    if (entry.number != number)
        return fail(ErrorCode::CorruptFile, fmt::format("says that it is run {}", entry.number));
    if (preparedName.is_string()) {
        auto run = std::make_shared<Run>(*entry.run);
        QS_TRY(run->prepared, prepared.read(file, preparedName.get<std::string>(), ctx));
        entry.run = std::move(run);
    } else if (!entry.run->recipe.transforms.empty() || !preparedName.is_null()) {
        return fail(ErrorCode::CorruptFile, "transforms the model, and the transformed model is missing");
    }
    return entry;
}

void addLeftOut(FindingList &findings, const std::string &what, Error error,
                const std::filesystem::path &file) {
    findings.add(Severity::Warning, fmt::format("{} is left out: {}", what, error.text()), file.string(),
                 "The project file is not changed by opening it. Save under another name.");
}

/// Runs share the capture of their model when it is the one that they were made with.
std::shared_ptr<const Run> withCapture(const std::shared_ptr<const Run> &run,
                                       const std::shared_ptr<const Capture> &capture) {
    if (!capture || run->provenance.calibrationSha256 != capture->calibrationSha256 ||
        run->provenance.calibrationSamples != capture->samples)
        return run;
    auto copy = std::make_shared<Run>(*run);
    copy->capture = capture;
    return copy;
}

} // namespace

bool isProjectFile(const std::filesystem::path &file) {
    const std::vector<std::byte> head = readHead(file);
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    return text.starts_with(kProjectSignature);
}

Result<std::shared_ptr<ProjectFile>> ProjectFile::openFile(const std::filesystem::path &file,
                                                           const RunContext &ctx) {
    auto project = std::shared_ptr<ProjectFile>(new ProjectFile);
    project->m_path = std::filesystem::absolute(file);
    QS_TRY(project->m_file, Hdf5File::open(file, ctx));
    const auto inFile = [&](Error error) { return fail(std::move(error).withContext(file.string())); };
    if (Status version = checkVersion(*project->m_file); !version)
        return inFile(std::move(version).error());
    auto json = readProjectJson(*project->m_file, "/head");
    if (!json)
        return inFile(std::move(json).error());
    if (Status head = readHead(*json, project->m_head, project->m_relative, project->m_runs); !head)
        return inFile(std::move(head).error());
    if (const auto program = project->m_file->textAttribute("/", "program"))
        project->m_head.program = *program;
    project->m_ownRuns = project->m_runs.size();
    return project;
}

Result<std::shared_ptr<const ProjectFile>> ProjectFile::open(const std::filesystem::path &file,
                                                             const RunContext &ctx) {
    std::error_code ignored;
    const bool isFolder = std::filesystem::is_directory(file, ignored);
    QS_TRY(auto project, openFile(isFolder ? file / kSessionHead : file, ctx));
    if (isFolder)
        project->addParts(file, ctx);
    return project;
}

void ProjectFile::addParts(const std::filesystem::path &folder, const RunContext &ctx) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(folder, error))
        if (const std::string name = entry.path().filename().string();
            entry.path().extension() == ".qscope" &&
            (name.starts_with(kSessionRunPrefix) || name == kSessionCapture))
            files.push_back(entry.path());
    for (const std::filesystem::path &file : files) {
        auto part = openFile(file, ctx);
        if (!part) {
            m_damagedParts.push_back(part.error());
            continue;
        }
        m_runs.insert(m_runs.end(), (*part)->m_runs.begin(), (*part)->m_runs.end());
        m_parts.push_back(std::move(*part));
    }
}

Result<std::array<std::optional<SourceState>, 3>> ProjectFile::locateSources(const RunContext &ctx) const {
    std::array<std::optional<SourceState>, 3> states;
    const std::optional<SourceReference> *sources[] = {&m_head.model, &m_head.calibration,
                                                       &m_head.evaluation};
    for (std::size_t i = 0; i < states.size(); ++i)
        if (*sources[i]) {
            QS_TRY(states[i], locateSource(**sources[i], m_relative[i], m_path, ctx));
        }
    return states;
}

std::vector<RunEntry> ProjectFile::readRuns(const std::shared_ptr<const Model> &model,
                                            PreparedModels &prepared, bool &complete, FindingList &findings,
                                            const RunContext &ctx) const {
    std::vector<RunEntry> runs;
    for (std::size_t i = 0; i < m_ownRuns && !ctx.cancelled(); ++i) {
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(m_ownRuns),
                 "reading run " + m_runs[i].name);
        auto entry = readRun(*m_file, m_runs[i].number, prepared, model, ctx);
        if (entry) {
            runs.push_back(std::move(*entry));
            continue;
        }
        complete = false;
        addLeftOut(findings, fmt::format("Run #{} {}", m_runs[i].number, m_runs[i].name),
                   std::move(entry).error(), m_path);
    }
    for (const auto &part : m_parts)
        std::ranges::move(part->readRuns(model, prepared, complete, findings, ctx), std::back_inserter(runs));
    std::ranges::sort(runs, {}, &RunEntry::number);
    return runs;
}

void ProjectFile::readCapture(Project &project, bool &complete, FindingList &findings,
                              const RunContext &ctx) const {
    for (const auto &part : m_parts)
        part->readCapture(project, complete, findings, ctx);
    if (!m_file->hasGroup("/capture"))
        return;
    auto capture = qs::readCapture(*m_file, "/capture", *project.model, ctx);
    if (capture) {
        project.capture = *capture;
        return;
    }
    complete = false;
    addLeftOut(findings, "The capture of calibration", std::move(capture).error(), m_path);
}

Result<Project> ProjectFile::read(std::shared_ptr<const Model> model, bool &complete, FindingList &findings,
                                  const RunContext &ctx) const {
    Project project;
    project.head = m_head;
    project.model = model;
    complete = m_damagedParts.empty();
    for (const Error &error : m_damagedParts)
        addLeftOut(findings, "A part of the session", error, m_path);
    readCapture(project, complete, findings, ctx);
    PreparedModels prepared(model);
    std::vector<RunEntry> runs = readRuns(model, prepared, complete, findings, ctx);
    if (ctx.cancelled())
        return RunContext::cancelledError();
    for (RunEntry &entry : runs)
        entry.run = withCapture(entry.run, entry.run->prepared ? prepared.captureOf(entry.run->prepared.get())
                                                               : project.capture);
    project.runs = RunHistory(std::move(runs), m_head.lastRun);
    if (!m_file->hasDataset("/sensitivity"))
        return project;
    auto table = sensitivityIn(*m_file, *model);
    if (table) {
        project.sensitivity = std::make_shared<const SensitivityTable>(std::move(*table));
    } else {
        complete = false;
        addLeftOut(findings, "The sensitivity table", std::move(table).error(), m_path);
    }
    return project;
}

} // namespace qs
