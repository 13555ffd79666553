// What a frame costs us while maps are panned and zoomed: processor time of the GUI thread for preparing and
// drawing, without OpenGL's own work. Needs a display (xvfb-run).
#include "core/base/random.h"
#include "core/figure/graph_scene.h"
#include "core/graph/block_tree.h"
#include "core/quant/weight_aspect.h"
#include "tests/core/graph/named_graph.h"
#include "views/attention/attention_source.h"
#include "views/canvas/graph_canvas.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/canvas/surface_canvas.h"

#include <QApplication>
#include <QMouseEvent>
#include <QWheelEvent>
#include <benchmark/benchmark.h>

namespace qs::views {
namespace {

constexpr QSize kWindow{1600, 1000};
constexpr std::int64_t kTensorSide = 16384, kTokens = 4096;
constexpr int kGraphBlocks = 625; ///< of 16 nodes each: 10,002 nodes

Tensor noise(std::int64_t rows, std::int64_t cols) {
    Tensor values = Tensor::allocate(DType::Float32, {rows, cols});
    Random random(11);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.uniform() - 0.5);
    return values;
}

/// 4-bit codes in groups of 128, whose values differ from the weights as those of a run do.
std::shared_ptr<const QuantizedMatrix> codesOf(const Tensor &weights) {
    auto matrix = std::make_shared<QuantizedMatrix>();
    matrix->rows = weights.shape()[0];
    matrix->cols = weights.shape()[1];
    matrix->bits = 4;
    matrix->layout = {Granularity::PerGroup, matrix->rows, matrix->cols, 128};
    matrix->scales.assign(static_cast<std::size_t>(matrix->layout.slices()), 1.0f / 15);
    matrix->zeroPoints.assign(matrix->scales.size(), 7);
    const CodeRange range = codeRange(4, GridConvention::Asymmetric);
    for (const float value : weights.values<float>())
        matrix->codes.push_back(
            static_cast<std::int16_t>(quantizeValue(value, {1.0f / 15, 7}, range, RoundingMode::HalfEven)));
    return matrix;
}

HeatMapScene tensorScene(WeightAspect aspect) {
    static const Tensor weights = noise(kTensorSide, kTensorSide);
    static const auto matrix = codesOf(weights);
    HeatMapScene scene;
    scene.data = *HeatMapData::fromSource(aspectSource(aspect, weights, matrix), {});
    scene.rowTitle = "output";
    scene.columnTitle = "input";
    scene.valueTitle = "w";
    scene.map = findColorMap("diverging");
    scene.scale = {HeatMapScale::Kind::SignedLog, 0, static_cast<double>(scene.data->highest())};
    scene.borders = {1, 128};
    return scene;
}

HeatMapScene attentionMap() {
    AttentionMapContent content;
    content.reference = *HeatMapData::fromMatrix(noise(kTokens, kTokens), {});
    return attentionScene(content, AttentionVariant::Float, true);
}

std::shared_ptr<const GraphScene> bigGraph() {
    auto model = std::make_shared<Model>();
    model->graph = *transformerGraph(kGraphBlocks);
    const auto source = makeMapSource(std::shared_ptr<const Model>(model));
    const std::vector<bool> open(source->blocks.blocks.size(), true);
    const auto map = *layoutGraphMap(*source, open, MapDirection::Down, {});
    NodeMetricSources sources;
    sources.model = model;
    return makeGraphScene(source, map, NodeMetric::None, sources);
}

void mouse(QWidget &canvas, QEvent::Type type, const QPointF &at, Qt::MouseButton button) {
    QMouseEvent event(type, at, canvas.mapToGlobal(at), type == QEvent::MouseMove ? Qt::NoButton : button,
                      type == QEvent::MouseButtonRelease ? Qt::NoButton : button, {});
    QApplication::sendEvent(&canvas, &event);
}

void wheel(QWidget &canvas, const QPointF &at, int angle) {
    QWheelEvent event(at, canvas.mapToGlobal(at), {}, {0, angle}, Qt::NoButton, {}, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&canvas, &event);
}

/// One gesture after the other, as a hand would: in by twelve notches, drag about, out again.
class Gesture {
public:
    explicit Gesture(QWidget &canvas) : m_canvas(canvas) {}
    void step() {
        constexpr int kZoom = 24, kDrag = 40;
        const int phase = m_step++ % (2 * kZoom + kDrag);
        const QPointF middle(700, 480);
        if (phase < kZoom)
            return wheel(m_canvas, middle, 120);
        if (phase >= kZoom + kDrag)
            return wheel(m_canvas, middle, -120);
        const int drag = phase - kZoom;
        const QPointF at = middle + QPointF(13.0 * (drag < kDrag / 2 ? drag : kDrag - drag), 7.0 * drag);
        if (drag == 0)
            mouse(m_canvas, QEvent::MouseButtonPress, at, Qt::LeftButton);
        else if (drag == kDrag - 1)
            mouse(m_canvas, QEvent::MouseButtonRelease, at, Qt::LeftButton);
        else
            mouse(m_canvas, QEvent::MouseMove, at, Qt::LeftButton);
    }

private:
    QWidget &m_canvas;
    int m_step = 0;
};

void measure(benchmark::State &state, ImGuiCanvas &canvas) {
    canvas.resize(kWindow);
    canvas.show();
    for (int i = 0; i < 20; ++i) { // fonts, the first size
        QApplication::processEvents();
        canvas.grabFramebuffer();
    }
    Gesture gesture(canvas);
    std::vector<double> frames;
    for (auto round : state) {
        gesture.step();
        canvas.grabFramebuffer(); // draws a frame now
        frames.push_back(canvas.lastFrameMs());
        state.SetIterationTime(canvas.lastFrameMs() * 1e-3);
    }
    std::sort(frames.begin(), frames.end());
    const auto at = [&](double share) {
        return frames[static_cast<std::size_t>(share * static_cast<double>(frames.size() - 1))];
    };
    state.counters["median_ms"] = at(0.5);
    state.counters["p99_ms"] = at(0.99);
    state.counters["worst_ms"] = frames.back();
}

void tensorMap(benchmark::State &state, WeightAspect aspect) {
    HeatMapCanvas canvas;
    canvas.setScene(tensorScene(aspect));
    measure(state, canvas);
}

void attention(benchmark::State &state) {
    HeatMapCanvas canvas;
    canvas.setScene(attentionMap());
    measure(state, canvas);
}

void graph(benchmark::State &state) {
    GraphCanvas canvas;
    canvas.setScene(bigGraph());
    measure(state, canvas);
}

void surface(benchmark::State &state) {
    SurfaceScene scene;
    scene.points = std::make_shared<const PooledMagnitudes>(*poolMagnitudes(
        *matrixSource(noise(512, kTokens)), SurfaceScene::kMostRows, SurfaceScene::kMostColumns, {}));
    scene.rowTitle = "token";
    scene.columnTitle = "channel";
    scene.valueTitle = "|x|";
    scene.scale = {HeatMapScale::Kind::Linear, 0, static_cast<double>(scene.points->highest)};
    SurfaceCanvas canvas;
    canvas.setScene(std::move(scene));
    measure(state, canvas);
}

} // namespace
} // namespace qs::views

int main(int argc, char **argv) {
    using namespace qs::views;
    QApplication application(argc, argv);
    const QStringList last = application.arguments().last().split('='); // --frames=20 for a quick look
    const int frames = last.first() == "--frames" && last.size() == 2 ? last.last().toInt() : 264;
    argc -= last.first() == "--frames" ? 1 : 0;
    const auto add = [frames](const char *name, auto &&run) {
        benchmark::RegisterBenchmark(name, run)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond)
            ->Iterations(frames);
    };
    add("frame/tensor/weight/16384x16384", [](auto &state) { tensorMap(state, qs::WeightAspect::Weight); });
    add("frame/tensor/error/16384x16384", [](auto &state) { tensorMap(state, qs::WeightAspect::Error); });
    add("frame/attention/4096x4096", attention);
    add("frame/graph/10002", graph);
    add("frame/surface/512x4096", surface);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
