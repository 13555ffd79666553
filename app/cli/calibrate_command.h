#pragma once

#include "app/cli/input_options.h"

namespace qs::app {

/// qscope calibrate: the activation range that each range rule would choose, layer by layer.
class CalibrateCommand final : public Command {
public:
    std::string name() const override { return "calibrate"; }
    std::string summary() const override {
        return "Run calibration and show activation ranges by every range rule";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    std::filesystem::path m_output;
    std::string m_convention = "asymmetric";
    int m_bits = 8;
    double m_percentile = 99.99;
};

} // namespace qs::app
