#include "core/session/open_project.h"

#include "core/base/progress_window.h"
#include "core/io/importer.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// A set of the project; null when it is left out or cannot be opened.
std::shared_ptr<const CalibrationSet> openSet(const std::filesystem::path &file, FindingList &findings,
                                              const RunContext &ctx) {
    if (file.empty())
        return nullptr;
    auto set = CalibrationSet::open(file, ctx);
    if (set)
        return *set;
    findings.add(toFinding(set.error()));
    return nullptr;
}

void reportWithoutRuns(const ProjectFile &file, const std::string &reason, FindingList &findings) {
    findings.add(Severity::Warning,
                 fmt::format("The runs of the project ({}) are left out: {}", file.runHeads().size(), reason),
                 file.path().string(),
                 "The project file keeps them. Open it again with the model that they were made from.");
}

/// Results are shown beside the weights that they came from, or not at all.
Status readResults(const ProjectFile &file, std::shared_ptr<const Model> model, OpenedProject &opened,
                   FindingList &findings, const RunContext &ctx) {
    const auto &expected = file.head().model;
    const bool same = model && expected && model->sha256 == expected->sha256;
    if (same) {
        QS_TRY(opened.project, file.read(model, opened.complete, findings, ctx));
    } else {
        opened.project.head = file.head();
        opened.complete = file.runHeads().empty();
        if (!opened.complete)
            reportWithoutRuns(file, model ? "the model file has changed" : "there is no model", findings);
    }
    opened.project.model = std::move(model);
    return {};
}

} // namespace

ProjectSources ProjectSources::from(const std::array<std::optional<SourceState>, 3> &states) {
    const auto file = [&](std::size_t index) {
        return states[index] ? states[index]->file : std::filesystem::path();
    };
    return {file(0), file(1), file(2)};
}

Result<OpenedProject> openProject(const ProjectFile &file, const ProjectSources &sources,
                                  FindingList &findings, const RunContext &ctx) {
    OpenedProject opened;
    std::shared_ptr<const Model> model;
    if (!sources.model.empty()) {
        ProgressWindow window(ctx, 0.0, 0.5);
        QS_TRY(model, openModel(sources.model, findings, window.context()));
    }
    opened.calibration = openSet(sources.calibration, findings, ctx);
    opened.evaluation = openSet(sources.evaluation, findings, ctx);
    if (opened.calibration) {
        QS_TRY(opened.activations, openIfCaptured(sources.calibration, ctx));
    }
    ProgressWindow window(ctx, 0.5, 1.0);
    QS_CHECK_OK(readResults(file, std::move(model), opened, findings, window.context()));
    Project &project = opened.project;
    if (project.capture &&
        (!opened.calibration || opened.calibration->sha256() != project.capture->calibrationSha256))
        project.capture = nullptr;
    return opened;
}

} // namespace qs
