#include "app/cli/attention_command.h"
#include "app/cli/calibrate_command.h"
#include "app/cli/compare_command.h"
#include "app/cli/diff_command.h"
#include "app/cli/distill_command.h"
#include "app/cli/divergence_command.h"
#include "app/cli/evaluate_command.h"
#include "app/cli/export_command.h"
#include "app/cli/info_command.h"
#include "app/cli/methods_command.h"
#include "app/cli/number_line_command.h"
#include "app/cli/plugins_command.h"
#include "app/cli/project_command.h"
#include "app/cli/quantize_command.h"
#include "app/cli/render_command.h"
#include "app/cli/roofline_command.h"
#include "app/cli/sensitivity_command.h"
#include "app/cli/stats_command.h"
#include "app/cli/stored_command.h"
#include "app/cli/sweep_command.h"
#include "app/cli/tensor_command.h"

namespace qs::app {

std::vector<std::unique_ptr<Command>> builtinCommands() {
    std::vector<std::unique_ptr<Command>> commands;
    commands.push_back(std::make_unique<InfoCommand>());
    commands.push_back(std::make_unique<StatsCommand>());
    commands.push_back(std::make_unique<StoredCommand>());
    commands.push_back(std::make_unique<CalibrateCommand>());
    commands.push_back(std::make_unique<DistillCommand>());
    commands.push_back(std::make_unique<DiffCommand>());
    commands.push_back(std::make_unique<QuantizeCommand>());
    commands.push_back(std::make_unique<CompareCommand>());
    commands.push_back(std::make_unique<SweepCommand>());
    commands.push_back(std::make_unique<SensitivityCommand>());
    commands.push_back(std::make_unique<TensorCommand>());
    commands.push_back(std::make_unique<AttentionCommand>());
    commands.push_back(std::make_unique<DivergenceCommand>());
    commands.push_back(std::make_unique<NumberLineCommand>());
    commands.push_back(std::make_unique<EvaluateCommand>());
    commands.push_back(std::make_unique<ExportCommand>());
    commands.push_back(std::make_unique<ProjectCommand>());
    commands.push_back(std::make_unique<RooflineCommand>());
    commands.push_back(std::make_unique<RenderCommand>());
    commands.push_back(std::make_unique<MethodsCommand>());
    commands.push_back(std::make_unique<PluginsCommand>());
    return commands;
}

} // namespace qs::app
