#include "core/session/sweep/sweep_table.h"

#include "core/base/number_text.h"
#include "core/session/sweep/pareto_front.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

using Column = TextCells::Column;
using Cell = TextCells::Cell;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Cell numberCell(std::optional<double> value, const std::string &figureId = {}) {
    if (!value)
        return {"–", {}};
    if (figureId == "effective_bits")
        return {fmt::format("{:.2f}", *value), value};
    if (figureId == "weight_bytes")
        return {bytesText(static_cast<std::int64_t>(*value)), value};
    return {significant(*value), value};
}

/// Builds the table column by column.
class TableBuilder {
public:
    explicit TableBuilder(const SweepResults &results) : m_results(results) {
        m_table.rows.resize(results.records.size());
    }

    template <typename CellOf>
    void add(Column column, CellOf cellOf) {
        m_table.columns.push_back(std::move(column));
        for (std::size_t i = 0; i < m_table.rows.size(); ++i)
            m_table.rows[i].push_back(cellOf(m_results.records[i]));
    }
    void addFigure(const RunFigure &figure) {
        const auto has = [&](const SweepRecord &record) { return record.values.contains(figure.id); };
        if (std::any_of(m_results.records.begin(), m_results.records.end(), has))
            add({figure.id, figure.name, figure.unit, figure.explanation, true},
                [&](const SweepRecord &record) { return numberCell(record.value(figure.id), figure.id); });
    }
    TextCells take() { return std::move(m_table); }

private:
    const SweepResults &m_results;
    TextCells m_table;
};

void addRecipe(TableBuilder &builder) {
    builder.add({"model", "Model", "", "name of the model's file"}, [](const SweepRecord &record) {
        return Cell{record.job.model, {}};
    });
    builder.add({"method", "Method", "", "ids of the methods, in the order in which they work"},
                [](const SweepRecord &record) {
                    return Cell{record.job.method, {}};
                });
    builder.add({"bits", "Bits", "", "width of a weight's code", true},
                [](const SweepRecord &record) { return numberCell(weightBits(record.job.recipe)); });
    builder.add({"activation_bits", "Act. bits", "", "width of an activation's code", true},
                [](const SweepRecord &record) {
                    const int bits = activationBits(record.job.recipe);
                    return bits > 0 ? numberCell(bits) : Cell{"float", {}};
                });
    builder.add({"granularity", "Scale per", "", "which weights share a scale"},
                [](const SweepRecord &record) {
                    return Cell{sliceText(slices(record.job.recipe)), {}};
                });
}

void addBaseline(TableBuilder &builder, const SweepResults &results) {
    const auto baseline = [&](const SweepRecord &record) -> std::optional<double> {
        const SweepModel *model = results.findModel(record.job.model);
        const auto found =
            model ? model->baseline.find(model->taskMetric) : std::map<std::string, double>::const_iterator{};
        return model && found != model->baseline.end() ? std::optional(found->second) : std::nullopt;
    };
    if (std::any_of(results.records.begin(), results.records.end(), baseline))
        builder.add({"float", "Float", "", "the task metric (top-1 or perplexity) of the float model", true},
                    [&](const SweepRecord &record) { return numberCell(baseline(record)); });
}

void addState(TableBuilder &builder, const SweepResults &results) {
    const std::vector<bool> front = paretoRecords(results);
    builder.add(
        {"pareto", "Pareto", "",
         "yes: no other result of the model with these activation bits has fewer effective bits and a task "
         "metric as good"},
        [&, i = std::size_t{0}](const SweepRecord &) mutable {
            return Cell{front[i++] ? "yes" : "", {}};
        });
    builder.add({"state", "State", "", "done; partial: some layers stayed in float; not applicable; failed"},
                [](const SweepRecord &record) {
                    return Cell{std::string(sweepStateName(record.state)), {}};
                });
    builder.add({"reason", "Reason", "", "why it is not done"}, [](const SweepRecord &record) {
        return Cell{printable(record.reason), {}};
    });
}

std::string setText(const char *role, const SweepSet &set) {
    return set.file.empty() ? std::string()
                            : fmt::format("; {} {} samples of {} (SHA-256 {}…)", role,
                                          withThousands(set.samples), set.file, set.sha256.substr(0, 12));
}

} // namespace

TextCells sweepTable(const SweepResults &results) {
    TableBuilder builder(results);
    addRecipe(builder);
    for (const RunFigure &figure : runFigures())
        if (figure.id != "seconds")
            builder.addFigure(figure);
    addBaseline(builder, results);
    builder.addFigure(*findRunFigure("seconds"));
    addState(builder, results);
    return builder.take();
}

std::vector<bool> paretoRecords(const SweepResults &results, const std::string &metricId) {
    std::vector<bool> isOnFront(results.records.size(), false);
    std::map<std::pair<std::string, int>, std::vector<std::size_t>> rivals;
    for (std::size_t i = 0; i < results.records.size(); ++i)
        if (const SweepRecord &record = results.records[i]; record.isMeasured())
            rivals[{record.job.model, activationBits(record.job.recipe)}].push_back(i);
    for (const auto &[key, indices] : rivals) {
        const SweepModel *model = results.findModel(key.first);
        const RunFigure *figure = findRunFigure(metricId.empty() && model ? model->taskMetric : metricId);
        if (!figure)
            continue;
        std::vector<ParetoPoint> points;
        for (const std::size_t i : indices)
            points.push_back({results.records[i].value("effective_bits").value_or(kNan),
                              results.records[i].value(figure->id).value_or(kNan)});
        const std::vector<bool> front = paretoFront(points, figure->higherIsBetter);
        for (std::size_t k = 0; k < indices.size(); ++k)
            isOnFront[indices[k]] = front[k];
    }
    return isOnFront;
}

std::string sweepCaption(const SweepResults &results) {
    std::string caption;
    for (const SweepModel &model : results.models)
        caption += fmt::format("{}{} (SHA-256 {}…){}{}", caption.empty() ? "" : "\n", model.file,
                               model.sha256.substr(0, 12), setText("calibrated on", model.calibration),
                               setText("measured on", model.evaluation));
    return caption;
}

} // namespace qs
