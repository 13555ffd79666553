#pragma once

#include "app/cli/input_options.h"
#include "core/distill/distillation.h"

namespace qs::app {

/// qscope distill: calibration images without data, from the batch-norm statistics of a model.
class DistillCommand final : public Command {
public:
    std::string name() const override { return "distill"; }
    std::string summary() const override {
        return "Make calibration images from the batch-norm statistics of a model, without data";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    DistillOptions m_options;
    std::string m_method = "zeroq";
    std::vector<double> m_pixels;
    std::filesystem::path m_output;
};

} // namespace qs::app
