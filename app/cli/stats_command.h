#pragma once

#include "app/cli/input_options.h"
#include "core/analysis/weight_survey.h"

namespace qs::app {

/// qscope stats: moments, outliers and broken values of weights, and of activations when calibration is
/// given.
class StatsCommand final : public Command {
public:
    std::string name() const override { return "stats"; }
    std::string summary() const override { return "Statistics of weights and, with --calib, of activations"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    /// Of the layers asked for, or of all.
    Result<std::vector<WeightSurvey>> surveys(const Model &model, const RunContext &ctx) const;
    bool isWanted(const std::string &layer) const;

    InputOptions m_inputs;
    std::vector<std::string> m_layers;
};

} // namespace qs::app
