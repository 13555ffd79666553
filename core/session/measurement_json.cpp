#include "core/session/measurement_json.h"

#include "core/base/json_object_reader.h"

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;
using Reader = JsonObjectReader;

} // namespace

OrderedJson errorToJson(const ErrorMetrics &error) {
    return {{"count", error.count},
            {"sumSquaredError", jsonReal(error.sumSquaredError)},
            {"sumSquares", jsonReal(error.sumSquares)},
            {"sumSquaresOther", jsonReal(error.sumSquaresOther)},
            {"sumProducts", jsonReal(error.sumProducts)},
            {"maxAbsError", jsonReal(error.maxAbsError)}};
}

Status readError(const Json &json, const std::string &path, ErrorMetrics &error) {
    Reader reader(json, path);
    reader.integer("count", std::int64_t{0}, kAnyCount, error.count, Reader::Required);
    reader.real("sumSquaredError", error.sumSquaredError, Reader::Required);
    reader.real("sumSquares", error.sumSquares, Reader::Required);
    reader.real("sumSquaresOther", error.sumSquaresOther, Reader::Required);
    reader.real("sumProducts", error.sumProducts, Reader::Required);
    reader.real("maxAbsError", error.maxAbsError, Reader::Required);
    return reader.finish();
}

OrderedJson outputToJson(const OutputMetrics &metrics) {
    return {{"error", errorToJson(metrics.error)},
            {"hasLogits", metrics.hasLogits},
            {"predictions", metrics.predictions},
            {"sumKl", jsonReal(metrics.sumKl)},
            {"agreements", metrics.agreements},
            {"labelled", metrics.labelled},
            {"correct", metrics.correct},
            {"targets", metrics.targets},
            {"sumNegativeLogLikelihood", jsonReal(metrics.sumNegativeLogLikelihood)}};
}

Status readOutput(const Json &json, const std::string &path, OutputMetrics &metrics) {
    Reader reader(json, path);
    if (const Json *error = reader.member("error", Reader::Required))
        reader.take(readError(*error, reader.pathOf("error"), metrics.error));
    reader.boolean("hasLogits", metrics.hasLogits);
    const std::pair<const char *, std::int64_t *> counts[] = {{"predictions", &metrics.predictions},
                                                              {"agreements", &metrics.agreements},
                                                              {"labelled", &metrics.labelled},
                                                              {"correct", &metrics.correct},
                                                              {"targets", &metrics.targets}};
    for (const auto &[key, count] : counts)
        reader.integer(key, std::int64_t{0}, kAnyCount, *count, Reader::Required);
    reader.real("sumKl", metrics.sumKl, Reader::Required);
    reader.real("sumNegativeLogLikelihood", metrics.sumNegativeLogLikelihood, Reader::Required);
    return reader.finish();
}

OrderedJson statsToJson(const TensorStats &stats) {
    return {{"count", stats.count},
            {"nanCount", stats.nanCount},
            {"infCount", stats.infCount},
            {"zeroCount", stats.zeroCount},
            {"firstNonFinite", stats.firstNonFinite},
            {"min", jsonReal(stats.min)},
            {"max", jsonReal(stats.max)},
            {"mean", jsonReal(stats.mean)},
            {"m2", jsonReal(stats.m2)},
            {"m3", jsonReal(stats.m3)},
            {"m4", jsonReal(stats.m4)}};
}

Status readStats(const Json &json, const std::string &path, TensorStats &stats) {
    Reader reader(json, path);
    const std::pair<const char *, std::int64_t *> counts[] = {{"count", &stats.count},
                                                              {"nanCount", &stats.nanCount},
                                                              {"infCount", &stats.infCount},
                                                              {"zeroCount", &stats.zeroCount}};
    for (const auto &[key, count] : counts)
        reader.integer(key, std::int64_t{0}, kAnyCount, *count, Reader::Required);
    reader.integer("firstNonFinite", std::int64_t{-1}, kAnyCount, stats.firstNonFinite, Reader::Required);
    const std::pair<const char *, double *> reals[] = {{"min", &stats.min},   {"max", &stats.max},
                                                       {"mean", &stats.mean}, {"m2", &stats.m2},
                                                       {"m3", &stats.m3},     {"m4", &stats.m4}};
    for (const auto &[key, value] : reals)
        reader.real(key, *value, Reader::Required);
    return reader.finish();
}

Status readTexts(const Json &json, const std::string &path, std::map<std::string, std::string> &texts) {
    if (!json.is_object())
        return fail(ErrorCode::InvalidArgument, "must be an object", path);
    for (const auto &[key, value] : json.items()) {
        if (!value.is_string())
            return fail(ErrorCode::InvalidArgument, "must be a text", path + "." + key);
        texts[key] = value.get<std::string>();
    }
    return {};
}

} // namespace qs
