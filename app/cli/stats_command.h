#pragma once

#include "app/cli/input_options.h"

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
    InputOptions m_inputs;
};

} // namespace qs::app
