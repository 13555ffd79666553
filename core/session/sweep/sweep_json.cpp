#include "core/base/json_object_reader.h"
#include "core/base/json_text.h"
#include "core/io/file_kind.h"
#include "core/session/measurement_json.h"
#include "core/session/sweep/sweep_results.h"

#include <set>

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char *kVersionKey = "quantoscope-sweep";
constexpr int kVersion = 1;

// ---------------------------------------------------------------- writing

OrderedJson setToJson(const SweepSet &set) {
    return {{"file", set.file}, {"sha256", set.sha256}, {"samples", set.samples}};
}

OrderedJson figuresToJson(const std::map<std::string, double> &figures) {
    OrderedJson json = OrderedJson::object();
    for (const RunFigure &figure : runFigures())
        if (const auto found = figures.find(figure.id); found != figures.end())
            json[figure.id] = jsonReal(found->second);
    return json;
}

OrderedJson modelToJson(const SweepModel &model) {
    return {{"name", model.name},
            {"file", model.file},
            {"sha256", model.sha256},
            {"calibration", setToJson(model.calibration)},
            {"evaluation", setToJson(model.evaluation)},
            {"layers", model.layers},
            {"weights", model.weights},
            {"task_metric", model.taskMetric},
            {"float", figuresToJson(model.baseline)}};
}

OrderedJson recordToJson(const SweepRecord &record) {
    return {{"model", record.job.model},
            {"method", record.job.method},
            {"state", sweepStateName(record.state)},
            {"reason", record.reason},
            {"layers", record.layers},
            {"float_layers", record.floatLayers},
            {"values", figuresToJson(record.values)},
            {"wall_seconds", jsonReal(record.wallSeconds)},
            {"program", record.program},
            {"method_versions", record.methodVersions},
            {"notes", record.notes},
            {"recipe", record.job.recipe.toJson()}};
}

// ---------------------------------------------------------------- reading

Status readSet(const Json &json, const std::string &path, SweepSet &set) {
    JsonObjectReader reader(json, path);
    reader.text("file", set.file, JsonObjectReader::Required);
    reader.text("sha256", set.sha256, JsonObjectReader::Required);
    reader.integer("samples", std::int64_t{0}, kAnyCount, set.samples, JsonObjectReader::Required);
    return reader.finish();
}

Status readFigures(const Json &json, const std::string &path, std::map<std::string, double> &figures) {
    JsonObjectReader reader(json, path);
    for (const RunFigure &figure : runFigures())
        if (json.is_object() && json.contains(figure.id))
            reader.real(figure.id, figures[figure.id]);
    return reader.finish();
}

Status readModel(const Json &json, const std::string &path, SweepModel &model) {
    constexpr auto kRequired = JsonObjectReader::Required;
    JsonObjectReader reader(json, path);
    reader.text("name", model.name, kRequired);
    reader.text("file", model.file, kRequired);
    reader.text("sha256", model.sha256, kRequired);
    if (const Json *set = reader.member("calibration", kRequired))
        reader.take(readSet(*set, reader.pathOf("calibration"), model.calibration));
    if (const Json *set = reader.member("evaluation", kRequired))
        reader.take(readSet(*set, reader.pathOf("evaluation"), model.evaluation));
    reader.integer("layers", std::int64_t{0}, kAnyCount, model.layers, kRequired);
    reader.integer("weights", std::int64_t{0}, kAnyCount, model.weights, kRequired);
    reader.text("task_metric", model.taskMetric, kRequired);
    if (!model.taskMetric.empty() && !findMetric(model.taskMetric))
        reader.refuse(reader.pathOf("task_metric"), "is no metric: '" + model.taskMetric + "'");
    if (const Json *figures = reader.member("float", kRequired))
        reader.take(readFigures(*figures, reader.pathOf("float"), model.baseline));
    return reader.finish();
}

Status readNotes(const Json &json, const std::string &path, std::vector<std::string> &notes) {
    for (const Json &note : json) {
        if (!note.is_string())
            return fail(ErrorCode::InvalidArgument, "must hold texts", path);
        notes.push_back(note.get<std::string>());
    }
    return {};
}

Status readRecipe(const Json &json, const std::string &path, Recipe &recipe) {
    auto read = Recipe::fromJson(json);
    if (!read)
        return fail(std::move(read).error().withContext(path));
    if (read->rules.size() != 1 || !read->rules.front().choice.weight)
        return fail(ErrorCode::InvalidArgument, "must have one rule, with a choice for weights", path);
    recipe = std::move(*read);
    return {};
}

Status readRecord(const Json &json, const std::string &path, SweepRecord &record) {
    constexpr auto kRequired = JsonObjectReader::Required;
    JsonObjectReader reader(json, path);
    reader.text("model", record.job.model, kRequired);
    reader.text("method", record.job.method, kRequired);
    reader.member("state", kRequired);
    reader.choice("state", sweepStateFromName, record.state);
    reader.text("reason", record.reason, kRequired);
    reader.integer("layers", std::int64_t{0}, kAnyCount, record.layers, kRequired);
    reader.integer("float_layers", std::int64_t{0}, kAnyCount, record.floatLayers, kRequired);
    if (const Json *values = reader.member("values", kRequired))
        reader.take(readFigures(*values, reader.pathOf("values"), record.values));
    reader.real("wall_seconds", record.wallSeconds, kRequired);
    reader.text("program", record.program, kRequired);
    if (const Json *versions = reader.member("method_versions", kRequired))
        reader.take(readTexts(*versions, reader.pathOf("method_versions"), record.methodVersions));
    if (const Json *notes = reader.array("notes", kRequired))
        reader.take(readNotes(*notes, reader.pathOf("notes"), record.notes));
    if (const Json *recipe = reader.member("recipe", kRequired))
        reader.take(readRecipe(*recipe, reader.pathOf("recipe"), record.job.recipe));
    return reader.finish();
}

/// What no single member tells.
Status checkWhole(const SweepResults &results) {
    for (std::size_t i = 0; i < results.models.size(); ++i)
        if (results.findModel(results.models[i].name) != &results.models[i])
            return fail(ErrorCode::InvalidArgument, "is the second model of that name",
                        fmt::format("models[{}].name", i));
    std::set<std::string> seen; // a file of a hundred thousand results must not take minutes
    for (std::size_t i = 0; i < results.records.size(); ++i) {
        const SweepJob &job = results.records[i].job;
        if (!results.findModel(job.model))
            return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not among the models", job.model),
                        fmt::format("results[{}].model", i));
        if (!seen.insert(fmt::format("{}\n{}\n{}", job.model, job.method, job.recipe.toJson().dump())).second)
            return fail(ErrorCode::InvalidArgument, "is the second result of the same job",
                        fmt::format("results[{}]", i));
    }
    return {};
}

} // namespace

OrderedJson sweepToJson(const SweepResults &results) {
    OrderedJson json{
        {kVersionKey, kVersion}, {"models", OrderedJson::array()}, {"results", OrderedJson::array()}};
    for (const SweepModel &model : results.models)
        json["models"].push_back(modelToJson(model));
    for (const SweepRecord &record : results.records)
        json["results"].push_back(recordToJson(record));
    return json;
}

bool isSweepFile(const std::filesystem::path &file) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) // a pipe would block
        return false;
    const std::vector<std::byte> head = readHead(file);
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{' &&
           text.find(fmt::format("\"{}\"", kVersionKey)) != std::string_view::npos;
}

Result<SweepResults> sweepFromJson(const Json &json) {
    SweepResults results;
    JsonObjectReader reader(json, "");
    int version = kVersion;
    reader.integer(kVersionKey, 1, kVersion, version, JsonObjectReader::Required);
    if (const Json *models = reader.array("models", JsonObjectReader::Required))
        for (std::size_t i = 0; i < models->size(); ++i)
            reader.take(readModel((*models)[i], fmt::format("models[{}]", i), results.models.emplace_back()));
    if (const Json *records = reader.array("results", JsonObjectReader::Required))
        for (std::size_t i = 0; i < records->size(); ++i)
            reader.take(
                readRecord((*records)[i], fmt::format("results[{}]", i), results.records.emplace_back()));
    QS_CHECK_OK(reader.finish());
    QS_CHECK_OK(checkWhole(results));
    return results;
}

Result<SweepResults> readSweep(const std::filesystem::path &file) {
    QS_TRY(const Json document, readJsonFile(file));
    auto results = sweepFromJson(document);
    if (results)
        return results;
    Error error = std::move(results).error().withContext(file.string());
    error.code = ErrorCode::CorruptFile;
    return fail(std::move(error));
}

} // namespace qs
