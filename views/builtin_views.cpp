#include "views/attention/attention_dock.h"
#include "views/distribution/distribution_dock.h"
#include "views/findings/findings_dock.h"
#include "views/graph_map/graph_map_dock.h"
#include "views/jobs/jobs_dock.h"
#include "views/layer_table/layer_table_dock.h"
#include "views/method_bench/method_bench_dock.h"
#include "views/method_catalogue/method_catalogue_dock.h"
#include "views/model_tree/model_tree_dock.h"
#include "views/number_line/number_line_dock.h"
#include "views/outlier_map/outlier_map_dock.h"
#include "views/recipe_editor/recipe_editor_dock.h"
#include "views/roofline/roofline_dock.h"
#include "views/run_history/run_history_dock.h"
#include "views/sensitivity/sensitivity_dock.h"
#include "views/shared/view_factory.h"
#include "views/sweep/sweep_dock.h"
#include "views/tensor_map/tensor_map_dock.h"

namespace qs::views {
namespace {

template <typename Dock>
ViewDock *make(WorkbenchContext &context) {
    return new Dock(context);
}

} // namespace

const std::vector<ViewFactory> &builtinViews() {
    // id, title, place, shortcut, needsOpenGl, create
    static const std::vector<ViewFactory> views = {
        {"model_tree", "Model", ViewPlace::Left, "Ctrl+1", false, make<ModelTreeDock>},
        {"layer_table", "Layers", ViewPlace::Tables, "Ctrl+2", false, make<LayerTableDock>},
        {"distribution", "Distribution", ViewPlace::Charts, "Ctrl+3", false, make<DistributionDock>},
        {"outlier_map", "Outlier map", ViewPlace::Charts, "Ctrl+4", true, make<OutlierMapDock>},
        {"tensor_map", "Tensor map", ViewPlace::Charts, "Ctrl+T", true, make<TensorMapDock>},
        {"attention", "Attention", ViewPlace::Charts, "Ctrl+6", true, make<AttentionDock>},
        {"sensitivity", "Sensitivity", ViewPlace::Charts, "Ctrl+5", false, make<SensitivityDock>},
        {"graph_map", "Graph map", ViewPlace::Tables, "Ctrl+G", true, make<GraphMapDock>},
        {"number_line", "Number line", ViewPlace::Charts, "Ctrl+Shift+N", false, make<NumberLineDock>},
        {"method_bench", "Method bench", ViewPlace::Tables, "Ctrl+Shift+B", true, make<MethodBenchDock>},
        {"sweep", "Sweep", ViewPlace::Tables, "Ctrl+Shift+W", false, make<SweepDock>},
        {"method_catalogue", "Methods", ViewPlace::Tables, "Ctrl+Shift+M", false, make<MethodCatalogueDock>},
        {"roofline", "Roofline", ViewPlace::Charts, "Ctrl+0", false, make<RooflineDock>},
        {"recipe_editor", "Recipe", ViewPlace::Right, "Ctrl+7", false, make<RecipeEditorDock>},
        {"run_history", "Runs", ViewPlace::Right, "Ctrl+Shift+H", false, make<RunHistoryDock>},
        {"findings", "Findings", ViewPlace::Bottom, "Ctrl+8", false, make<FindingsDock>},
        {"jobs", "Jobs", ViewPlace::Bottom, "Ctrl+9", false, make<JobsDock>},
    };
    return views;
}

} // namespace qs::views
