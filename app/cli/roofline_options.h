#pragma once

#include "app/cli/command.h"
#include "app/cli/recipe_options.h"
#include "core/hardware/roofline_study.h"

#include <filesystem>

namespace qs::app {

/// What `qscope roofline` and `qscope render roofline` have in common.
class RooflineOptions {
public:
    void add(CLI::App &app);
    /// Models FP16, the recipe if one is given, and the widths if any is given.
    /// \param recipe  only its file counts
    Result<RooflineStudy> study(const std::filesystem::path &model, const RecipeOptions &recipe,
                                const CommandContext &context) const;

private:
    Result<StudyRequest> request(const CostSource &source, const RecipeOptions &recipe) const;
    Result<PrecisionPlan> whatIfPlan(const CostSource &source) const;

    std::string m_hardware, m_stage;
    std::int64_t m_batch = 1, m_sequence = 1024, m_group = 128;
    std::optional<double> m_weightBits, m_activationBits, m_cacheBits;
    int m_floatBits = 16;
    bool m_fused = false, m_lastLogits = false, m_compatible = false;
    double m_computeEfficiency = 1, m_bandwidthEfficiency = 1, m_overheadUs = 0, m_memoryShare = 0.9;
};

} // namespace qs::app
