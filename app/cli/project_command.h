#pragma once

#include "app/cli/command.h"
#include "core/session/open_project.h"

namespace qs::app {

/// qscope project: what a project of the window holds; takes recipes, reports and models out of it.
class ProjectCommand final : public Command {
public:
    std::string name() const override { return "project"; }
    std::string summary() const override { return "Show a project (.qscope) and take results out of it"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    Result<ProjectSources> chooseSources(const ProjectFile &file, CommandOutput &output,
                                         const CommandContext &context) const;
    Status takeOut(const RunEntry &entry, CommandOutput &output, const CommandContext &context) const;

    std::filesystem::path m_file, m_model, m_calibration, m_evaluation, m_report, m_recipe, m_export;
    int m_run = 0;
};

/// Adds a run to a project file, or makes one with it. The run becomes the one that is shown, its recipe the
/// one that is edited.
/// \error InvalidArgument  the project is about another model;  CorruptFile, IoError
Status addRunToProject(const std::filesystem::path &file, const std::shared_ptr<const Run> &run,
                       const std::shared_ptr<const CalibrationSet> &calibration,
                       const std::shared_ptr<const CalibrationSet> &evaluation,
                       const CommandContext &context);

} // namespace qs::app
