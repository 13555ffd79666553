#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// A sensitivity table with the model it is about, as qscope measures it.
struct SensitivityJob {
    const InputOptions &inputs;
    const RecipeOptions &recipe;
    std::vector<int> bits = {2, 3, 4, 8};
    std::string layers = ".*"; ///< regular expression, whole name

    struct Result {
        std::shared_ptr<const Model> model;
        std::shared_ptr<const SensitivityTable> table;
        std::string transforms; ///< of the recipe: "smoothquant, rotation"
        Provenance provenance;
    };
    /// Evaluates on --eval, else on --calib. \error InvalidArgument  neither was given
    qs::Result<Result> execute(const CommandContext &context) const;
};

/// qscope sensitivity: every layer alone at every bit-width.
class SensitivityCommand final : public Command {
public:
    std::string name() const override { return "sensitivity"; }
    std::string summary() const override {
        return "Quantize each layer alone at several bit-widths and compare";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::vector<int> m_bits{2, 3, 4, 8};
    std::string m_layers = ".*", m_metric = "sqnr";
};

/// Options --bits, --metric, --layers that `sensitivity` and `render` share.
void addMetricOption(CLI::App &app, std::string &metric);

} // namespace qs::app
