#include "core/export/exporters/gguf_exporter.h"

#include "core/export/exporters/export_target.h"
#include "core/export/exporters/gguf_check.h"
#include "core/export/exporters/gguf_contents.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr const char *kSchema = R"({"type": "object", "properties": {
    "float_type": {"type": "string", "enum": ["auto", "f32", "f16", "bf16"], "default": "auto", "title": "Type of the rest",
        "description": "Of layers that are not quantized: auto takes the smallest of f16, bf16 and f32 that holds every value"},
    "fallback": {"type": "boolean", "default": false, "title": "Other format where rows do not fit",
        "description": "Layers whose rows are no whole number of super-blocks take the format that llama.cpp takes (q4_k: q5_0, q6_k: q8_0); the run has not measured them. Off: they stay in float"}
}})";

DType floatTypeOf(const std::string &name) {
    return name == "f32"    ? DType::Float32
           : name == "f16"  ? DType::Float16
           : name == "bf16" ? DType::BFloat16
                            : DType::Undefined;
}

Status checkRun(const Run &run) {
    QS_CHECK_OK(checkFinished(run));
    if (!run.prepared)
        return {};
    for (const GraphEdit &edit : run.prepared->edits)
        if (!edit.nodes.empty())
            return fail(ErrorCode::Unsupported,
                        fmt::format("a transform puts the operator {} into the network, which GGUF files "
                                    "have no place for; use transforms that fold into the weights",
                                    edit.nodes.front().opType),
                        edit.nodes.front().name);
    return {};
}

/// The number that files carry for what most of their weights are; for display only.
std::uint32_t fileType(const std::vector<GgufOutput> &tensors) {
    std::map<DType, std::int64_t> elements;
    for (const GgufOutput &output : tensors)
        if (output.tensor.shape().rank() > 1)
            elements[output.tensor.dtype()] += output.tensor.numel();
    const auto most = std::max_element(elements.begin(), elements.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    if (most == elements.end() || most->first == DType::Float32)
        return 0;
    constexpr std::pair<DType, std::uint32_t> kNumbers[] = {{DType::Float16, 1},
                                                            {DType::BFloat16, 32},
                                                            {blockDType(BlockType::Q4_0), 2},
                                                            {blockDType(BlockType::Q4_1), 3},
                                                            {blockDType(BlockType::Q8_0), 7},
                                                            {blockDType(BlockType::Q5_0), 8},
                                                            {blockDType(BlockType::Q5_1), 9},
                                                            {blockDType(BlockType::Q2_K), 10},
                                                            {blockDType(BlockType::Q3_K), 12},
                                                            {blockDType(BlockType::Q4_K), 15},
                                                            {blockDType(BlockType::Q5_K), 17},
                                                            {blockDType(BlockType::Q6_K), 18},
                                                            {blockDType(BlockType::IQ4_NL), 25},
                                                            {blockDType(BlockType::IQ4_XS), 30},
                                                            {blockDType(BlockType::TQ2_0), 37},
                                                            {blockDType(BlockType::MXFP4), 38}};
    constexpr std::uint32_t kGuessed = 1024; // "the tensors tell"
    for (const auto &[type, number] : kNumbers)
        if (type == most->first)
            return number;
    return kGuessed;
}

void addProvenance(GgufMetadata &metadata, const Run &run, const nlohmann::json &options) {
    const auto set = [&](const char *key, const std::string &text) {
        metadata.set(std::string("quantoscope.") + key, text);
    };
    set("program", run.provenance.program);
    set("source_file", run.model->file.filename().string());
    set("source_sha256", run.model->sha256);
    set("recipe", run.recipe.toJson().dump());
    set("methods", nlohmann::json(run.provenance.methodVersions).dump());
    set("seed", std::to_string(run.provenance.seed));
    if (!run.provenance.calibrationSha256.empty())
        set("calibration_sha256", run.provenance.calibrationSha256);
    set("export_options", options.dump());
}

std::string layerList(const std::vector<std::string> &layers) {
    return layers.size() == 1 ? layers[0] : fmt::format("{} layers, first {}", layers.size(), layers.front());
}

/// "q4_0 and q8_0".
std::string formatList(const GgufContents &contents, GgufForm form) {
    std::set<std::string> names;
    for (const std::string &layer : contents.layers.at(form))
        names.insert(contents.formats.at(layer));
    return fmt::format("{}", fmt::join(names, " and "));
}

void reportForms(const GgufContents &contents, const Run &run, const std::string &where,
                 FindingList &findings) {
    const auto has = [&](GgufForm form) { return contents.layers.contains(form); };
    if (has(GgufForm::Packed))
        findings.add(
            Severity::Info,
            fmt::format("{}: their codes are written as {} blocks; scales and minima become float16, "
                        "which changes a weight by at most {:.3g}",
                        layerList(contents.layers.at(GgufForm::Packed)),
                        formatList(contents, GgufForm::Packed), contents.worstDifference),
            where);
    if (has(GgufForm::Values))
        findings.add(
            Severity::Warning,
            fmt::format("{}: no block format of GGUF holds their codes and scales, so their "
                        "quantized values are in the file as plain numbers: exact, but not smaller",
                        layerList(contents.layers.at(GgufForm::Values))),
            where,
            "Choose a method of the GGUF family (q4_k, q6_k, …), or groups of 32, 64 or 128 with 4, 5 "
            "or 8 bits and no branch, codebook or kept weights.");
    if (has(GgufForm::Fallback))
        findings.add(
            Severity::Warning,
            fmt::format("{}: rows are no whole number of super-blocks, so {} was taken, as llama.cpp "
                        "does; the run has them in float, and its errors do not count them",
                        layerList(contents.layers.at(GgufForm::Fallback)),
                        formatList(contents, GgufForm::Fallback)),
            where, "Give these layers that format in the recipe to measure it.");
    const bool activations = std::any_of(run.layers.begin(), run.layers.end(), [](const auto &layer) {
        return layer->quantized.quantizesActivation();
    });
    if (activations)
        findings.add(Severity::Warning,
                     "GGUF files hold no grids of activations: the file has the weights alone", where,
                     "llama.cpp quantizes activations itself, to 8 bits in blocks of 32 or 256.");
}

void reportFailed(const Run &run, const GgufContents &contents, const std::string &where,
                  FindingList &findings) {
    const auto fallback = contents.layers.find(GgufForm::Fallback);
    for (const auto &result : run.layers) {
        const std::string &name = run.model->layers[static_cast<std::size_t>(result->layer)].name;
        const bool replaced =
            fallback != contents.layers.end() &&
            std::find(fallback->second.begin(), fallback->second.end(), name) != fallback->second.end();
        if (result->state == LayerResult::State::Failed && !replaced)
            findings.add(Severity::Warning, name + " is in the file as plain numbers: " + result->failure,
                         where, "The option 'fallback' takes another block format where rows do not fit.");
    }
}

Result<ExportReport> exportRun(const Run &run, const fs::path &file, const nlohmann::json &options,
                               FindingList &findings, const RunContext &ctx) {
    ctx.step(0, 0, "describing the model");
    QS_TRY(GgufDescription description, describeForGguf(*run.model, findings, ctx));
    for (const GgufFile &part : description.source)
        QS_CHECK_OK(checkNotSame(file, part.file->path()));
    QS_TRY(const GgufContents contents,
           collectGguf(run, description,
                       {floatTypeOf(options["float_type"]), options["fallback"].get<bool>()}, ctx));
    GgufMetadata &metadata = description.metadata;
    constexpr std::uint32_t kQuantizationVersion = 2;
    metadata.set("general.file_type", fileType(contents.tensors));
    metadata.set("general.quantization_version", kQuantizationVersion);
    addProvenance(metadata, run, options);
    QS_TRY(AtomicFile target, AtomicFile::create(file));
    QS_TRY(const std::size_t bytes, writeGguf(target, metadata, contents.tensors, ctx));
    QS_CHECK_OK(checkGguf(run, target.temporaryPath(), description.positions, ctx));
    QS_CHECK_OK(target.commit());
    const std::string where = file.filename().string();
    reportForms(contents, run, where, findings);
    reportFailed(run, contents, where, findings);
    ExportReport report = describeExport(run, file, bytes);
    report.worstWeightDifference = contents.worstDifference;
    return report;
}

} // namespace

GgufExporter::GgufExporter() {
    auto schema = ParameterSchema::parse(kSchema);
    QS_CHECK(schema, "the exporter's own schema is valid");
    m_schema = std::move(*schema);
}

Result<ExportReport> GgufExporter::write(const Run &run, const fs::path &file, const nlohmann::json &options,
                                         FindingList &findings, const RunContext &ctx) const {
    QS_TRY(const nlohmann::json completed, m_schema.complete(options));
    QS_CHECK_OK(checkRun(run));
    QS_CHECK_OK(checkNoSource(run, file, ctx));
    try {
        return exportRun(run, file, completed, findings, ctx);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "the model does not fit into memory twice; close other programs",
                    file.string());
    }
}

} // namespace qs
