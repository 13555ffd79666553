#include "app/cli/compare_command.h"

#include "app/cli/text_table.h"
#include "core/base/atomic_file.h"
#include "core/base/number_text.h"
#include "core/session/run_comparison.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;
using Runs = std::vector<std::shared_ptr<const Run>>;

std::string cellText(const ComparisonColumn &column, std::size_t run) {
    const auto value = column.values[run];
    const std::string text = value && column.id == "weight_bytes"
                                 ? bytesText(static_cast<std::int64_t>(*value))
                                 : valueText(value, column.id == "effective_bits" ? "" : column.unit);
    return column.isBest(run) ? "* " + text : text;
}

std::string tableText(const Runs &runs, const std::vector<ComparisonColumn> &columns) {
    std::vector<TextTable::Column> titles{{"recipe", TextTable::Side::Left}};
    for (const ComparisonColumn &column : columns)
        titles.push_back({column.name});
    TextTable table(std::move(titles));
    for (std::size_t run = 0; run < runs.size(); ++run) {
        std::vector<std::string> cells{runs[run]->name};
        for (const ComparisonColumn &column : columns)
            cells.push_back(cellText(column, run));
        table.addRow(std::move(cells));
    }
    return table.text() + "* best of its column\n";
}

std::string settingsText(const Runs &runs, const std::vector<RecipeDifference> &differences) {
    std::vector<TextTable::Column> titles{{"setting that differs", TextTable::Side::Left}};
    for (const auto &run : runs)
        titles.push_back({run->name});
    TextTable table(std::move(titles));
    for (const RecipeDifference &difference : differences) {
        std::vector<std::string> cells{difference.path};
        cells.insert(cells.end(), difference.values.begin(), difference.values.end());
        table.addRow(std::move(cells));
    }
    return table.text();
}

Json documentOf(const Runs &runs, const std::vector<ComparisonColumn> &columns,
                const std::vector<RecipeDifference> &differences) {
    const Provenance &provenance = runs.front()->provenance;
    Json document = {
        {"model", {{"file", provenance.modelFile}, {"sha256", provenance.modelSha256}}},
        {"evaluation", {{"file", provenance.evaluationFile}, {"sha256", provenance.evaluationSha256}}},
        {"samples", provenance.evaluationSamples},
        {"runs", Json::array()},
        {"differences", Json::object()}};
    for (std::size_t run = 0; run < runs.size(); ++run) {
        Json entry = {{"recipe", runs[run]->recipe.toJson()}};
        for (const ComparisonColumn &column : columns)
            entry[column.id] = column.values[run] ? Json(*column.values[run]) : Json();
        document["runs"].push_back(std::move(entry));
    }
    for (const RecipeDifference &difference : differences)
        document["differences"][difference.path] = difference.values;
    return document;
}

std::string csvText(const Runs &runs, const std::vector<ComparisonColumn> &columns) {
    std::string text = "recipe";
    for (const ComparisonColumn &column : columns)
        text += ',' + csvField(column.unit.empty() ? column.name : column.name + " [" + column.unit + ']');
    text += '\n';
    for (std::size_t run = 0; run < runs.size(); ++run) {
        text += csvField(runs[run]->name);
        for (const ComparisonColumn &column : columns)
            text += column.values[run] ? fmt::format(",{}", *column.values[run]) : ",";
        text += '\n';
    }
    return text;
}

} // namespace

void CompareCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    app.add_option("--recipe", m_recipes, "A recipe (JSON); give two or more")
        ->required()
        ->expected(2, 1000)
        ->type_name("FILE…");
    app.add_option("--csv", m_csv, "Write the table here as CSV")->type_name("FILE");
    app.footer("One calibration serves all recipes. Example:\n"
               "  qscope compare m.onnx --calib c.h5 --eval e.h5 --recipe w4-rtn.json w4-gptq.json");
}

Result<CommandOutput> CompareCommand::run(const CommandContext &context) {
    QS_TRY(RunRequest request, openRunRequest(m_inputs, context));
    request.measureInNetwork = false;
    std::vector<Recipe> recipes;
    // All files are read before minutes are spent on the first.
    for (const auto &file : m_recipes) {
        QS_TRY(Recipe recipe, RecipeOptions(file).recipe(*request.model, *request.methods));
        recipes.push_back(std::move(recipe));
    }
    Runs runs;
    for (const Recipe &recipe : recipes) {
        QS_TRY(auto run, runRecipe(request, recipe, context));
        if (!run->prepared) // that of a transformed model fits no other
            request.capture = run->capture;
        runs.push_back(std::move(run));
    }
    const std::vector<ComparisonColumn> columns = compareRuns(runs);
    const std::vector<RecipeDifference> differences = diffRecipes(recipes);
    CommandOutput output{documentOf(runs, columns, differences), tableText(runs, columns)};
    if (!differences.empty())
        output.text += '\n' + settingsText(runs, differences);
    if (!m_csv.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_csv, csvText(runs, columns)));
        output.text += fmt::format("\nTable: {}\n", m_csv.string());
    }
    return output;
}

} // namespace qs::app
