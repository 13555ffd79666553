#include "views/canvas/graph_camera.h"
#include "views/graph_map/graph_map_loader.h"
#include "views/graph_map/graph_map_text.h"
#include "views/graph_map/graph_map_toolbar.h"
#include "views/graph_map/graph_search.h"

#include "tests/core/graph/named_graph.h"

#include <QComboBox>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

std::shared_ptr<const Model> transformer(int blocks) {
    auto model = std::make_shared<Model>();
    model->graph = *transformerGraph(blocks);
    model->layers = findLayers(model->graph);
    return model;
}

TEST(GraphCamera, ZoomKeepsThePointUnderThePointer) {
    GraphCamera camera;
    camera.setViewport({800, 600});
    camera.setContent({5000, 3000});
    camera.fit();
    const QPointF pixel(200, 150), unit = camera.toUnit(pixel);
    camera.zoomAt(pixel, 3);
    EXPECT_NEAR(camera.toUnit(pixel).x(), unit.x(), 1e-6);
    EXPECT_NEAR(camera.toUnit(pixel).y(), unit.y(), 1e-6);
    EXPECT_FALSE(camera.isFitted());
    camera.fit();
    EXPECT_TRUE(camera.visible().contains(QRectF(0, 0, 5000, 3000)));
}

TEST(GraphCamera, FitLeavesRoomForTheLegend) {
    GraphCamera camera;
    camera.setContent({5000, 300});
    camera.setViewport({800, 600}, 120);
    camera.fit();
    EXPECT_NEAR(camera.toPixel({0, 0}).x(), GraphCamera::kMargin, 1e-6);
    EXPECT_NEAR(camera.toPixel({5000, 0}).x(), 800 - 120 - GraphCamera::kMargin, 1e-6);
}

TEST(GraphCamera, StartsReadable) {
    GraphCamera camera;
    camera.setViewport({800, 600});
    camera.setContent({600, 300'000});
    camera.startView(0.5);
    EXPECT_GE(camera.scale(), 0.5);
    EXPECT_NEAR(camera.toPixel({0, 0}).y(), GraphCamera::kMargin, 1e-6);
    camera.setContent({600, 300});
    camera.startView(0.5);
    EXPECT_TRUE(camera.isFitted());
}

TEST(GraphCamera, RevealMovesAsLittleAsNeeded) {
    GraphCamera camera;
    camera.setViewport({400, 400});
    camera.setContent({4000, 4000});
    camera.centerOn({1000, 1000});
    const QRectF before = camera.visible();
    camera.reveal({900, 900, 50, 50});
    EXPECT_EQ(camera.visible(), before);
    camera.reveal({2000, 1000, 100, 50});
    EXPECT_TRUE(camera.visible().contains(QRectF(2000, 1000, 100, 50)));
    EXPECT_EQ(camera.visible().top(), before.top());
}

TEST(GraphMapLoader, KeepsWhatIsKnownAndStartsWithFewBoxes) {
    GraphMapRequest request;
    request.sources.model = transformer(30);
    const auto scene = loadGraphMap(request, {});
    ASSERT_TRUE(scene) << scene.error().text();
    EXPECT_LE((*scene)->map->items.size(), static_cast<std::size_t>(kFirstBoxes));
    EXPECT_TRUE(request.source && request.map);
    GraphMapRequest again = request;
    again.metric = NodeMetric::Parameters;
    const auto recolored = loadGraphMap(again, {});
    ASSERT_TRUE(recolored);
    EXPECT_EQ((*recolored)->map, (*scene)->map);
}

TEST(GraphSearch, MatchesNamesAndOperators) {
    const auto graph = transformerGraph(3);
    EXPECT_EQ(findNodes(*graph, "softmax").nodes.size(), 3u);
    EXPECT_EQ(findNodes(*graph, "blocks\\.[01]/attn/q/").nodes.size(), 4u);
    EXPECT_TRUE(findNodes(*graph, "").nodes.empty());
    const GraphMatches broken = findNodes(*graph, "blocks[");
    EXPECT_TRUE(broken.nodes.empty());
    EXPECT_FALSE(broken.error.isEmpty());
}

TEST(GraphMapText, TellsWhatIsKnown) {
    GraphMapRequest request;
    request.sources.model = transformer(1);
    const ModelGraph &graph = request.sources.model->graph;
    auto errors = std::make_shared<ErrorPropagation>();
    errors->samples = 16;
    errors->nodes.resize(graph.nodes().size());
    NodeError error;
    error.accumulated.add(std::vector<float>{1, 1}, std::vector<float>{1.1f, 1});
    error.own = error.accumulated;
    error.inherited.emplace();
    error.inherited->add(std::vector<float>{1}, std::vector<float>{1});
    errors->nodes[2] = error;
    request.sources.errors = errors;
    request.metric = NodeMetric::AccumulatedSqnr;
    request.open = std::vector<bool>(20, true);
    const auto scene = *loadGraphMap(request, {});
    const std::string text = describeItem(*scene, request.sources, scene->map->itemOfNode[2]).toStdString();
    EXPECT_THAT(text, testing::HasSubstr(graph.node(2).name));
    EXPECT_THAT(text, testing::HasSubstr("23 dB"));
    const std::string divergence = describeDivergence(*request.sources.model, *errors, 30).toStdString();
    EXPECT_THAT(divergence, testing::HasSubstr(graph.node(2).name));
    EXPECT_THAT(divergence, testing::HasSubstr("its own"));
    EXPECT_THAT(describeDivergence(*request.sources.model, *errors, 10).toStdString(),
                testing::HasSubstr("No node"));
}

TEST(GraphMapToolbar, GreysMetricsWithoutNumbersAndSaysWhy) {
    GraphMapToolbar toolbar;
    NodeMetricSources sources;
    sources.model = transformer(1);
    toolbar.showSources(sources);
    const auto *box = toolbar.findChild<QComboBox *>();
    ASSERT_TRUE(box);
    int enabled = 0;
    for (int entry = 0; entry < box->count(); ++entry) {
        const bool on = box->model()->index(entry, 0).flags().testFlag(Qt::ItemIsEnabled);
        enabled += on ? 1 : 0;
        EXPECT_FALSE(box->itemData(entry, Qt::ToolTipRole).toString().isEmpty());
    }
    EXPECT_EQ(enabled, 2); // nothing, parameters
    auto table = std::make_shared<SensitivityTable>();
    table->bits = {2, 4};
    sources.sensitivity = table;
    toolbar.showSources(sources);
    toolbar.setMetric(NodeMetric::Sensitivity);
    EXPECT_EQ(toolbar.metric(), NodeMetric::Sensitivity);
    EXPECT_EQ(toolbar.sensitivityBits(), 2);
}

} // namespace
} // namespace qs::views
