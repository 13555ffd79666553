#include "core/export/exporters/onnx_qdq_exporter.h"

#include "core/export/exporters/export_target.h"
#include "core/export/exporters/onnx_file.h"
#include "core/export/exporters/onnx_opset_upgrade.h"
#include "core/export/exporters/onnx_qdq_editor.h"
#include "core/export/exporters/onnx_transform_edit.h"
#include "core/export/exporters/qdq_read_back.h"

#include <fmt/format.h>
#include <new>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSchema = R"({"type": "object", "properties": {
    "activation_type": {"type": "string", "enum": ["uint8", "int8"], "default": "uint8", "title": "Integer type",
        "description": "Of activations and of the weights they meet: uint8 is exact in ONNX Runtime on every processor, int8 is what TensorRT expects"},
    "int32_bias": {"type": "boolean", "default": true, "title": "Integer bias",
        "description": "Store the bias of 8-bit layers as int32 on the grid of input and weight, as integer kernels need it"},
    "external_data": {"type": "string", "enum": ["auto", "always", "never"], "default": "auto",
        "title": "Weights in a second file", "description": "auto: above 1.5 GiB, as one ONNX file holds at most 2 GiB"}
}})";

DataPlacement externalDataFrom(const std::string &name) {
    return name == "always"  ? DataPlacement::Always
           : name == "never" ? DataPlacement::Never
                             : DataPlacement::Auto;
}

bool isQuantized(const LayerResult &result) {
    return result.state == LayerResult::State::Quantized;
}

Status checkRun(const Run &run) {
    QS_CHECK_OK(checkFinished(run));
    if (std::none_of(run.layers.begin(), run.layers.end(),
                     [](const auto &layer) { return isQuantized(*layer); }))
        return fail(ErrorCode::InvalidArgument,
                    "no layer of the run is quantized; there is nothing to export", run.name);
    for (const auto &result : run.layers)
        if (isQuantized(*result) && result->quantized.weight)
            if (auto valid = result->quantized.weight->validate(QuantizedMatrix::ScaleSign::Any); !valid)
                return fail(std::move(valid).error().withContext(
                    run.model->layers[static_cast<std::size_t>(result->layer)].name));
    return {};
}

/// Where a link leads, so that both files of an export land in one folder.
fs::path resolved(const fs::path &file) {
    std::error_code error;
    const fs::path real = fs::is_symlink(file, error) ? fs::weakly_canonical(file, error) : file;
    return error ? file : real;
}

Status quantizeLayers(QdqEditor &editor, const Run &run, const RunContext &ctx) {
    const auto total = static_cast<std::int64_t>(run.layers.size());
    for (const auto &result : run.layers) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::string &name = run.model->layers[static_cast<std::size_t>(result->layer)].name;
        ctx.step(result->layer, total, "exporting " + name);
        if (isQuantized(*result))
            QS_CHECK_OK(editor.quantize(result->quantized));
    }
    return {};
}

void setMetadata(onnx::ModelProto &proto, const std::string &key, const std::string &value) {
    auto &entries = *proto.mutable_metadata_props();
    entries.erase(
        std::remove_if(entries.begin(), entries.end(), [&](const auto &entry) { return entry.key() == key; }),
        entries.end());
    auto &entry = *entries.Add();
    entry.set_key(key);
    entry.set_value(value);
}

/// Enough to make the file again, and the same bytes whenever and wherever it is made.
void addProvenance(onnx::ModelProto &proto, const Run &run, const nlohmann::json &options) {
    const Provenance &from = run.provenance;
    const nlohmann::json methods = from.methodVersions;
    setMetadata(proto, "quantoscope.program", from.program);
    setMetadata(proto, "quantoscope.source_file", run.model->file.filename().string());
    setMetadata(proto, "quantoscope.source_sha256", run.model->sha256);
    setMetadata(proto, "quantoscope.recipe", run.recipe.toJson().dump());
    setMetadata(proto, "quantoscope.methods", methods.dump());
    setMetadata(proto, "quantoscope.seed", std::to_string(from.seed));
    if (!from.calibrationSha256.empty()) {
        setMetadata(proto, "quantoscope.calibration_sha256", from.calibrationSha256);
        setMetadata(proto, "quantoscope.calibration_samples", std::to_string(from.calibrationSamples));
    }
    setMetadata(proto, "quantoscope.export_options", options.dump());
}

Result<ExportReport> exportRun(const Run &run, const fs::path &file, const nlohmann::json &options,
                               FindingList &findings, const RunContext &ctx) {
    ctx.step(0, 0, "reading the source model");
    QS_TRY(const std::shared_ptr<onnx::ModelProto> proto, readOnnxSource(*run.model, ctx));
    for (const fs::path &data : externalDataFiles(*proto, *run.model))
        QS_CHECK_OK(checkNotSame(file, data));
    if (run.prepared)
        for (const GraphEdit &edit : run.prepared->edits)
            QS_CHECK_OK(applyToOnnx(edit, *proto->mutable_graph()));
    OnnxGraphEdit edit(*proto->mutable_graph());
    QdqEditor editor(*run.quantizedModel(), edit,
                     {options["activation_type"] == "int8", options["int32_bias"].get<bool>()}, findings);
    QS_CHECK_OK(quantizeLayers(editor, run, ctx));
    edit.finish();
    QS_CHECK_OK(embedExternalData(*proto, *run.model));
    if (auto upgraded = upgradeOpset(*proto, editor.neededOpset()); !upgraded)
        return fail(std::move(upgraded).error().withContext(run.model->file.filename().string()));
    addProvenance(*proto, run, options);

    ctx.step(0, 0, "writing");
    QS_TRY(PendingOnnxFile pending,
           PendingOnnxFile::write(*proto, file, externalDataFrom(options["external_data"]), ctx));
    ExportReport report = describeExport(run, file, pending.bytes());
    report.opset = defaultOpset(*proto);
    QS_TRY(report.worstWeightDifference, compareWithRun(run, pending.temporaryPath(), ctx));
    QS_CHECK_OK(pending.commit());
    for (const fs::path &other : pending.otherDataFiles())
        findings.add(Severity::Info, "holds weights of an earlier export to the same name", other.string(),
                     "delete it when no copy of that model is needed");
    return report;
}

} // namespace

OnnxQdqExporter::OnnxQdqExporter() {
    auto schema = ParameterSchema::parse(kSchema);
    QS_CHECK(schema, "the exporter's own schema is valid");
    m_schema = std::move(*schema);
}

Result<ExportReport> OnnxQdqExporter::write(const Run &run, const fs::path &file,
                                            const nlohmann::json &options, FindingList &findings,
                                            const RunContext &ctx) const {
    QS_TRY(const nlohmann::json completed, m_schema.complete(options));
    QS_CHECK_OK(checkRun(run));
    QS_CHECK_OK(checkNoSource(run, file, ctx));
    try {
        return exportRun(run, resolved(file), completed, findings, ctx);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "the model does not fit into memory twice; close other programs",
                    file.string());
    } catch (const google::protobuf::FatalException &error) {
        return fail(ErrorCode::CorruptFile, error.what(), run.model->file.string());
    }
}

} // namespace qs
