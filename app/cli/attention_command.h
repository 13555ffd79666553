#pragma once

#include "app/cli/run_job.h"
#include "core/analysis/attention_survey.h"

namespace qs::app {

/// What attention does with one sample, as qscope measures it: of the float model and, with a recipe, of the
/// quantized one.
struct AttentionJob {
    const InputOptions &inputs;
    const RecipeOptions &recipe;
    bool quantize = false;
    std::int64_t sample = 0; ///< of --eval, else of --calib

    struct Result {
        std::shared_ptr<const AttentionSurvey> survey;
        Provenance provenance;
    };
    /// \error InvalidArgument  no set was given, or there is no such sample
    qs::Result<Result> execute(const CommandContext &context) const;
};

/// The block of that name, or -1 for an empty one. \error InvalidArgument  there is none; names them all
Result<int> findAttentionBlock(const AttentionSearch &attention, const std::string &name);

/// qscope attention: every head in numbers.
class AttentionCommand final : public Command {
public:
    std::string name() const override { return "attention"; }
    std::string summary() const override { return "Measure what every attention head does with one sample"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::int64_t m_sample = 0;
};

} // namespace qs::app
