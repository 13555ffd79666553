#include "core/export/exporters/export_target.h"

#include "core/base/atomic_file.h"
#include "core/base/content_hash.h"
#include "core/graph/weights_only.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace qs {

namespace fs = std::filesystem;

namespace {

tl::unexpected<Error> isSource(const fs::path &file) {
    return fail(ErrorCode::InvalidArgument,
                "is a source of this run and is never written to; choose another name", file.string());
}

} // namespace

Status checkFinished(const Run &run) {
    if (!run.model || isWeightsOnly(run.model->graph))
        return fail(ErrorCode::Unsupported, kNoGraphText);
    const bool all =
        run.complete && run.layers.size() == run.model->layers.size() &&
        std::all_of(run.layers.begin(), run.layers.end(), [](const auto &layer) { return layer != nullptr; });
    return all ? Status{}
               : fail(ErrorCode::InvalidArgument, "the run is not finished; wait for it, then export",
                      run.name);
}

Status checkNotSame(const fs::path &file, const fs::path &source) {
    std::error_code missing;
    return fs::equivalent(source, file, missing) && !missing ? Status(isSource(file)) : Status{};
}

Status checkNoSource(const Run &run, const fs::path &file, const RunContext &ctx) {
    if (run.model)
        QS_CHECK_OK(checkNotSame(file, run.model->file));
    std::error_code missing;
    if (!fs::is_regular_file(file, missing))
        return {};
    QS_TRY(const std::string hash, sourceHash(file, ctx));
    if (hash == run.provenance.calibrationSha256 || hash == run.provenance.evaluationSha256)
        return isSource(file);
    return {};
}

Status writeText(const fs::path &file, const std::string &text) {
    QS_TRY(AtomicFile atomic, AtomicFile::create(file));
    QS_CHECK_OK(atomic.append(text));
    std::ifstream stream(atomic.temporaryPath(), std::ios::binary);
    const std::string found{std::istreambuf_iterator<char>(stream), {}};
    if (found != text)
        return fail(ErrorCode::CorruptFile, "reading back did not give what was written; check the disk",
                    file.string());
    return atomic.commit();
}

ExportReport describeExport(const Run &run, const fs::path &file, std::size_t bytes) {
    ExportReport report;
    report.file = file;
    report.bytes = static_cast<std::int64_t>(bytes);
    for (const Layer &layer : run.model->layers) {
        const auto id = static_cast<std::size_t>(layer.id);
        const LayerResult *result = id < run.layers.size() ? run.layers[id].get() : nullptr;
        const bool quantized = result && result->state == LayerResult::State::Quantized;
        (quantized ? report.quantizedLayers : report.floatLayers).push_back(layer.name);
    }
    return report;
}

} // namespace qs
