#include "core/session/run_comparison.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

/// SQNR of all quantized weights as one signal, so that large layers count as much as they hold.
std::optional<double> weightSqnrDb(const Run &run) {
    ErrorMetrics all;
    for (const auto &layer : run.layers)
        if (layer && layer->weightError)
            all.merge(*layer->weightError);
    return all.count > 0 ? std::optional(all.sqnrDb()) : std::nullopt;
}

double methodSeconds(const Run &run) {
    double seconds = 0;
    for (const auto &layer : run.layers)
        seconds += layer ? layer->seconds : 0;
    return seconds;
}

std::vector<RunFigure> makeFigures() {
    std::vector<RunFigure> figures;
    figures.push_back({"effective_bits", "Effective bits", "bits/weight",
                       "bits stored per weight, all in: codes + scales + zero points + group indices; float "
                       "layers count with 32",
                       false, [](const Run &run) { return std::optional(run.effectiveBits()); }});
    figures.push_back({"weight_bytes", "Weights", "bytes", "effective bits x number of weights / 8", false,
                       [](const Run &run) { return std::optional(static_cast<double>(run.weightBytes())); }});
    figures.push_back({"weight_sqnr_db", "Weight SQNR", "dB",
                       "10 log10(sum w^2 / sum (w - w')^2) over all quantized weights", true, weightSqnrDb});
    for (const MetricInfo &info : allMetrics())
        figures.push_back({info.id, info.name, info.unit, info.formula, info.higherIsBetter,
                           [metric = info.metric](const Run &run) {
                               return run.total ? metricValue(*run.total, metric) : std::nullopt;
                           }});
    figures.push_back({"seconds", "Time in methods", "s",
                       "wall time that the methods took for all layers, calibration not counted", false,
                       [](const Run &run) { // codes that were read took no method
                           return run.provenance.codesSha256.empty() ? std::optional(methodSeconds(run))
                                                                     : std::nullopt;
                       }});
    return figures;
}

/// "rules[0].weight.bits" of the JSON pointer "/rules/0/weight/bits".
std::string readablePath(const std::string &pointer) {
    std::string path;
    for (std::size_t begin = 1; begin <= pointer.size();) {
        const std::size_t end = std::min(pointer.find('/', begin), pointer.size());
        const std::string part = pointer.substr(begin, end - begin);
        const bool isIndex = !part.empty() && std::all_of(part.begin(), part.end(),
                                                          [](char c) { return c >= '0' && c <= '9'; });
        path += isIndex ? "[" + part + "]" : (path.empty() ? part : "." + part);
        begin = end + 1;
    }
    return path;
}

} // namespace

bool ComparisonColumn::isBest(std::size_t run) const {
    std::optional<double> best, worst;
    for (const auto &value : values) {
        if (!value)
            continue;
        best = best ? (higherIsBetter ? std::max(*best, *value) : std::min(*best, *value)) : *value;
        worst = worst ? (higherIsBetter ? std::min(*worst, *value) : std::max(*worst, *value)) : *value;
    }
    return values[run] && best != worst && values[run] == best;
}

const std::vector<RunFigure> &runFigures() {
    static const std::vector<RunFigure> figures = makeFigures();
    return figures;
}

const RunFigure *findRunFigure(std::string_view id) {
    const auto &figures = runFigures();
    const auto found = std::find_if(figures.begin(), figures.end(),
                                    [&](const RunFigure &figure) { return figure.id == id; });
    return found == figures.end() ? nullptr : &*found;
}

std::vector<ComparisonColumn> compareRuns(std::span<const std::shared_ptr<const Run>> runs) {
    std::vector<ComparisonColumn> columns;
    for (const RunFigure &figure : runFigures()) {
        ComparisonColumn column{figure.id,          figure.name,           figure.unit,
                                figure.explanation, figure.higherIsBetter, {}};
        for (const auto &run : runs)
            column.values.push_back(figure.valueOf(*run));
        if (std::any_of(column.values.begin(), column.values.end(), [](const auto &value) { return value; }))
            columns.push_back(std::move(column));
    }
    return columns;
}

Status checkComparable(std::span<const std::shared_ptr<const Run>> runs) {
    const auto differs = [&](const std::string &what, const std::string &first, const std::string &other) {
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the runs are not comparable: '{}' and '{}' have another {}", first, other, what));
    };
    for (const auto &run : runs) {
        const Provenance &a = runs.front()->provenance, &b = run->provenance;
        if (a.modelSha256 != b.modelSha256)
            return differs("model", runs.front()->name, run->name);
        if (a.evaluationSha256 != b.evaluationSha256 || a.evaluationSamples != b.evaluationSamples)
            return differs("evaluation set or number of samples", runs.front()->name, run->name);
    }
    return {};
}

std::vector<RecipeDifference> diffRecipes(std::span<const Recipe> recipes) {
    std::vector<nlohmann::ordered_json> flat;
    std::vector<std::string> order; // of first appearance, which is the order of the form
    for (const Recipe &recipe : recipes) {
        nlohmann::ordered_json json = recipe.toJson();
        json.erase("name");
        flat.push_back(json.flatten());
        for (const auto &[pointer, value] : flat.back().items())
            if (!value.is_null() && // an empty object, which has nothing that could differ
                std::find(order.begin(), order.end(), pointer) == order.end())
                order.push_back(pointer);
    }
    std::vector<RecipeDifference> differences;
    for (const std::string &pointer : order) {
        RecipeDifference difference{readablePath(pointer), {}};
        for (const auto &json : flat) {
            const auto found = json.find(pointer);
            difference.values.push_back(found == json.end() || found->is_null() ? "–"
                                        : found->is_string()                    ? found->get<std::string>()
                                                                                : found->dump());
        }
        const auto &values = difference.values;
        if (std::any_of(values.begin(), values.end(),
                        [&](const auto &value) { return value != values.front(); }))
            differences.push_back(std::move(difference));
    }
    return differences;
}

} // namespace qs
