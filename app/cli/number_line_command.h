#pragma once

#include "app/cli/number_line_options.h"

namespace qs::app {

/// qscope numberline: number formats over the values of a layer, and what rounding to them costs.
class NumberLineCommand final : public Command {
public:
    std::string name() const override { return "numberline"; }
    std::string summary() const override {
        return "Lay number formats over the values of a layer and compare their errors";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    NumberLineOptions m_options;
    std::string m_layer, m_of = "weight";
    std::int64_t m_channel = -1;
};

} // namespace qs::app
