#include "core/io/file_kind.h"
#include "core/session/project_arrays.h"
#include "core/session/project_capture.h"
#include "core/session/project_file.h"
#include "core/session/project_json.h"
#include "core/session/project_prepared.h"

#include <fmt/format.h>
#include <set>

// Layout, version 1, behind a user block of 512 bytes that begins with kProjectSignature:
//   /                    attributes quantoscope_project ("1"), program
//   /head                JSON as uint8: sources, recipe, numbers of runs, what the window keeps
//   /runs/<number>       head (JSON), layers/<index>/{codes, scales, zero_points, group_of_column, …}
//   /prepared/<SHA-256>  of runs with transforms: head (JSON), edits/<index>/<constant>, capture as below
//   /capture             head (JSON), layers/<index>/{histogram, channel_min, channel_max, …, sample}
//   /sensitivity         JSON

namespace qs {
namespace {

using OrderedJson = nlohmann::ordered_json;

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
        json["runs"].push_back(
            {{"number", entry.number}, {"parent", entry.parent}, {"name", entry.run->name}});
    return json;
}

/// The prepared models of the runs, each once: runs of the same transforms share theirs.
class PreparedWriter {
public:
    PreparedWriter(Hdf5Writer &writer, const RunContext &ctx) : m_writer(writer), m_ctx(ctx) {}

    /// \return the name under which runs refer to it
    Result<std::string> write(const Run &run) {
        const std::string name = preparedHash(*run.prepared, *run.model);
        const std::string group = preparedGroup(name);
        if (m_written.insert(name).second) {
            QS_CHECK_OK(writePrepared(m_writer, group, *run.prepared, *run.model, m_ctx));
            if (run.capture) {
                QS_TRY(const bool kept, writeCapture(m_writer, group + "/capture", *run.capture, *run.model));
                m_leftOut = m_leftOut || !kept;
            }
        }
        return name;
    }
    bool leftCaptureOut() const { return m_leftOut; }

private:
    Hdf5Writer &m_writer;
    const RunContext &m_ctx;
    std::set<std::string> m_written;
    bool m_leftOut = false;
};

Status writeRun(Hdf5Writer &writer, const RunEntry &entry, PreparedWriter &prepared, const RunContext &ctx) {
    const std::string group = fmt::format("/runs/{}", entry.number);
    OrderedJson head = runToJson(entry);
    if (entry.run->prepared) {
        QS_TRY(head["prepared"], prepared.write(*entry.run));
    }
    QS_CHECK_OK(writer.writeText(group + "/head", projectText(head)));
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

} // namespace

Status writeProject(const Project &project, const std::filesystem::path &file, FindingList &findings,
                    const RunContext &ctx) {
    QS_TRY(Hdf5Writer writer,
           Hdf5Writer::create(file, fmt::format("{} {}\n", kProjectSignature, kProjectVersion)));
    QS_CHECK_OK(writer.setAttribute("/", kProjectVersionAttribute, std::to_string(kProjectVersion)));
    QS_CHECK_OK(writer.setAttribute("/", "program", QS_PROGRAM_VERSION));
    QS_CHECK_OK(writer.writeText("/head", projectText(headToJson(project.head, file, project.runs))));
    const auto &runs = project.runs.entries();
    PreparedWriter prepared(writer, ctx);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(runs.size()),
                 "saving run " + runs[i].title());
        QS_CHECK_OK(writeRun(writer, runs[i], prepared, ctx));
    }
    bool leftOut = prepared.leftCaptureOut();
    if (project.capture) {
        QS_TRY(const bool kept, writeCapture(writer, "/capture", *project.capture, *project.model));
        leftOut = leftOut || !kept;
    }
    if (leftOut)
        findings.add(Severity::Info,
                     "Activations of calibration of more than 256 MiB are not kept in the project", {},
                     "Calibrate (F6) or quantize (F5) again after opening it to see them.");
    if (project.sensitivity)
        QS_CHECK_OK(writer.writeText("/sensitivity",
                                     projectText(sensitivityToJson(*project.sensitivity, *project.model))));
    if (ctx.cancelled())
        return RunContext::cancelledError();
    return writer.commit();
}

} // namespace qs
