#include "core/base/json_object_reader.h"
#include "core/io/file_kind.h"
#include "core/session/project_arrays.h"
#include "core/session/project_file.h"
#include "core/session/project_json.h"

#include <fmt/format.h>

// Layout, version 1, behind a user block of 512 bytes that begins with kProjectSignature:
//   /                    attributes quantoscope_project ("1"), program
//   /head                JSON as uint8: sources, recipe, numbers of runs, what the window keeps
//   /runs/<number>       head (JSON), layers/<index>/{codes, scales, zero_points, group_of_column}
//   /capture             head (JSON), layers/<index>/{histogram, channel_min, channel_max, …, sample}
//   /sensitivity         JSON

namespace qs {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::int64_t kLargestCapture = std::int64_t(256) << 20;

std::string compactText(const OrderedJson &document) {
    return document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

/// Paths are stored as UTF-8; the relative one finds sources that moved together with the project.
OrderedJson sourceToJson(const SourceReference &source, const std::filesystem::path &projectFolder) {
    std::error_code error;
    const std::filesystem::path relative = std::filesystem::proximate(source.file, projectFolder, error);
    return {{"file", source.file.string()},
            {"relative", error || relative.is_absolute() ? std::string() : relative.string()},
            {"sha256", source.sha256}};
}

OrderedJson headToJson(const ProjectHead &head, const std::filesystem::path &file, const RunHistory &runs) {
    const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    OrderedJson json{{"recipe", head.recipe.toJson()},
                     {"shownRun", head.shownRun},
                     {"lastRun", runs.lastNumber()},
                     {"window", head.window}};
    const std::optional<SourceReference> *sources[] = {&head.model, &head.calibration, &head.evaluation};
    for (std::size_t i = 0; i < 3; ++i)
        if (*sources[i])
            json[kProjectSourceNames[i]] = sourceToJson(**sources[i], folder);
    json["runs"] = OrderedJson::array();
    for (const RunEntry &entry : runs.entries())
        if (!entry.run->prepared)
            json["runs"].push_back(
                {{"number", entry.number}, {"parent", entry.parent}, {"name", entry.run->name}});
    return json;
}

Status writeRun(Hdf5Writer &writer, const RunEntry &entry, const RunContext &ctx) {
    const std::string group = fmt::format("/runs/{}", entry.number);
    QS_CHECK_OK(writer.writeText(group + "/head", compactText(runToJson(entry))));
    std::size_t index = 0; // of the layers that the head lists
    for (const auto &layer : entry.run->layers) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        if (!layer)
            continue;
        if (layer->quantized.weight)
            QS_CHECK_OK(
                writeMatrix(writer, fmt::format("{}/layers/{}", group, index), *layer->quantized.weight));
        ++index;
    }
    return {};
}

Status writeCapture(Hdf5Writer &writer, const Capture &capture, const Model &model, FindingList &findings) {
    std::int64_t bytes = 0;
    for (const auto &layer : capture.layers)
        bytes += layer ? storedBytes(*layer) : 0;
    if (bytes > kLargestCapture) {
        findings.add(
            Severity::Info,
            fmt::format("The activations of calibration ({} MiB) are not kept in the project", bytes >> 20),
            {}, "Calibrate again (F6) after opening it.");
        return {};
    }
    OrderedJson head{{"calibrationSha256", capture.calibrationSha256},
                     {"samples", capture.samples},
                     {"layers", OrderedJson::array()}};
    for (std::size_t id = 0; id < capture.layers.size(); ++id)
        if (const auto &layer = capture.layers[id]) {
            QS_CHECK_OK(
                writeLayerCapture(writer, fmt::format("/capture/layers/{}", head["layers"].size()), *layer));
            head["layers"].push_back(layerCaptureToJson(*layer, model.layers[id].name));
        }
    return writer.writeText("/capture/head", compactText(head));
}

} // namespace

Status writeProject(const Project &project, const std::filesystem::path &file, FindingList &findings,
                    const RunContext &ctx) {
    QS_TRY(Hdf5Writer writer,
           Hdf5Writer::create(file, fmt::format("{} {}\n", kProjectSignature, kProjectVersion)));
    QS_CHECK_OK(writer.setAttribute("/", kProjectVersionAttribute, std::to_string(kProjectVersion)));
    QS_CHECK_OK(writer.setAttribute("/", "program", QS_PROGRAM_VERSION));
    QS_CHECK_OK(writer.writeText("/head", compactText(headToJson(project.head, file, project.runs))));
    const auto &runs = project.runs.entries();
    for (std::size_t i = 0; i < runs.size(); ++i) {
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(runs.size()),
                 "saving run " + runs[i].title());
        if (runs[i].run->prepared)
            findings.add(Severity::Info,
                         fmt::format("The run {} transforms the model and is not kept in the project",
                                     runs[i].title()),
                         {}, "Its recipe makes it again; save the recipe (Ctrl+Alt+R).");
        else
            QS_CHECK_OK(writeRun(writer, runs[i], ctx));
    }
    if (project.capture)
        QS_CHECK_OK(writeCapture(writer, *project.capture, *project.model, findings));
    if (project.sensitivity)
        QS_CHECK_OK(writer.writeText("/sensitivity",
                                     compactText(sensitivityToJson(*project.sensitivity, *project.model))));
    if (ctx.cancelled())
        return RunContext::cancelledError();
    return writer.commit();
}

} // namespace qs
