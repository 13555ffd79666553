#include "core/figure/graph_figure.h"

#include "tests/core/graph/named_graph.h"

namespace qs {
namespace {

NodeMetricSources sourcesOf(std::shared_ptr<const ModelGraph> graph) {
    auto model = std::make_shared<Model>();
    model->graph = *graph;
    model->layers = findLayers(model->graph);
    NodeMetricSources sources;
    sources.model = model;
    return sources;
}

std::shared_ptr<const GraphScene> sceneOf(const NodeMetricSources &sources, NodeMetric metric, int boxes) {
    const auto source = makeMapSource(sources.model);
    return makeGraphScene(source,
                          *layoutGraphMap(*source, openUpTo(source->blocks, boxes), MapDirection::Down, {}),
                          metric, sources);
}

TEST(GraphScene, BlocksTakeTheWorstOfTheirNodes) {
    NodeMetricSources sources = sourcesOf(transformerGraph(2));
    const auto &nodes = sources.model->graph.nodes();
    auto errors = std::make_shared<ErrorPropagation>();
    errors->nodes.resize(nodes.size());
    for (std::size_t n = 0; n < nodes.size(); ++n) {
        NodeError error; // 20 dB everywhere, 0 dB at one node of the second block
        const bool worst = nodes[n].name == "/blocks.1/attn/Softmax";
        error.accumulated.add(std::vector<float>{1}, std::vector<float>{worst ? 2.0f : 1.1f});
        errors->nodes[n] = error;
    }
    sources.errors = errors;
    const auto scene = sceneOf(sources, NodeMetric::AccumulatedSqnr, 0);
    int blocks = 0;
    for (std::size_t i = 0; i < scene->labels.size(); ++i) {
        if (scene->map->items[i].kind != MapItem::Kind::Block)
            continue;
        ++blocks;
        const bool second = scene->labels[i].title == "blocks.1";
        EXPECT_NEAR(scene->labels[i].value, second ? 0 : 20, 1e-4);
        EXPECT_EQ(graphColorPosition(*scene, scene->labels[i].value), second ? 0 : 1);
        EXPECT_EQ(scene->labels[i].subtitle, "16 nodes");
    }
    EXPECT_EQ(blocks, 2);
    EXPECT_TRUE(scene->hasValues);
}

TEST(GraphScene, FlatGraphsSaySo) {
    const auto scene = sceneOf(sourcesOf(namedGraph({{"Relu_0", "Relu", {"x"}, "y"}})), NodeMetric::None, 10);
    EXPECT_THAT(scene->summary(), testing::HasSubstr("no hierarchy"));
    EXPECT_FALSE(scene->hasValues);
}

TEST(GraphFigure, DrawsEveryBoxItsTitle) {
    const auto scene = sceneOf(sourcesOf(transformerGraph(1)), NodeMetric::Parameters, 1000);
    const auto file = std::filesystem::temp_directory_path() / "qs_graph_figure_test.svg";
    for (const FigureTheme &theme : {FigureTheme::light(), FigureTheme::dark()}) {
        FigureOptions options;
        options.theme = theme;
        EXPECT_TRUE(writeFigure(*makeGraphFigure(scene), options, file));
        EXPECT_GT(std::filesystem::file_size(file), 20'000u);
    }
    std::filesystem::remove(file);
}

} // namespace
} // namespace qs
