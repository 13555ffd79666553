#pragma once

#include "app/cli/command.h"
#include "app/cli/input_options.h"
#include "core/session/sweep/run_sweep.h"

#include <filesystem>

namespace qs::app {

/// Methods × bits × models, or a finished result file as a table.
class SweepCommand final : public Command {
public:
    std::string name() const override { return "sweep"; }
    std::string summary() const override {
        return "Run methods x bits x models into one result file; run again to resume";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    void addPlanOptions(CLI::App &app);
    void addDataOptions(CLI::App &app);
    Result<SweepPlan> plan() const;
    Result<std::vector<ModelFiles>> models() const;
    Result<CommandOutput> output(const SweepResults &results, const std::string &closing) const;

    std::filesystem::path m_out, m_show, m_calibration, m_evaluation;
    std::vector<std::string> m_methods, m_models, m_granularities{"channel"};
    std::vector<int> m_bits{4}, m_activationBits{0};
    std::vector<std::int64_t> m_groupSizes{64};
    std::string m_convention = "asymmetric", m_range = "minmax", m_format = "table";
    std::string m_activationScale = "static";
    MemoryLimitOption m_memoryLimit;
    SweepPlan m_plan; ///< what options say as it is
};

} // namespace qs::app
