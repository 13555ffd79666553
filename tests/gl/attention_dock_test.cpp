#include "views/attention/attention_dock.h"

#include "core/base/random.h"
#include "tests/views/workbench_fixture.h"
#include "views/attention/attention_details.h"
#include "views/attention/attention_grid_canvas.h"
#include "views/attention/line_chart.h"
#include "views/canvas/heat_map_canvas.h"

#include <QTest>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

class AttentionDockTest : public WorkbenchTest {
protected:
    void show() {
        dock.setFloating(true);
        dock.resize(1100, 600);
        static_cast<QWidget &>(dock).show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&dock));
    }
    bool eventually(const std::function<bool()> &condition) { return QTest::qWaitFor(condition, 60000); }
    QColor centerOf(const QRectF &rect) {
        const QImage image = dock.gridCanvas().grabFramebuffer();
        return image.pixelColor(rect.center().toPoint());
    }
    AttentionDock dock{m_context};
};

TEST_F(AttentionDockTest, SaysWhatIsMissingAndWhatWasLookedFor) {
    show();
    EXPECT_THAT(dock.message().toStdString(), testing::HasSubstr("No model"));
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    EXPECT_TRUE(eventually([this] { return dock.message().contains("calibration or evaluation set"); }));
    ASSERT_TRUE(open("glyph-calib.h5"));
    EXPECT_TRUE(eventually([this] { return dock.message().contains("Looked for MatMul"); }));
    EXPECT_EQ(errors(), 0);
}

TEST_F(AttentionDockTest, GridThenOneHeadThenQuantized) {
    ASSERT_TRUE(open("glyph-vit.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    show();
    ASSERT_TRUE(eventually([this] { return dock.gridCanvas().grid().rows() == 4; }));
    EXPECT_EQ(dock.gridCanvas().grid().columns, 4);

    dock.show({2, 1, AttentionVariant::Float});
    ASSERT_TRUE(eventually([this] { return dock.mapCanvas().isVisible() && dock.mapCanvas().isComplete(); }));
    EXPECT_EQ(dock.mapCanvas().scene().data->rows(), 65);
    EXPECT_EQ(m_context.selection().head, 1);
    EXPECT_EQ(m_context.model()->layers[static_cast<std::size_t>(m_context.selection().layer)].name,
              "m.blocks.2.attn.qkv");

    Recipe recipe = m_context.recipe(); // of one layer: quick
    recipe.rules.front().layers = "m[.]blocks[.]2[.]attn[.]qkv";
    recipe.rules.front().choice.weight->scheme.grid.bits = 3;
    m_context.setRecipe(recipe);
    m_context.startRun();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(eventually([this] {
        dock.show({2, 1, AttentionVariant::Difference});
        return dock.mapCanvas().scene().valueTitle == "quantized − float";
    }));
    EXPECT_GT(dock.mapCanvas().scene().scale.hi, 0);
    dock.show({2, AttentionShown::kGrid, AttentionVariant::Float});
    EXPECT_EQ(dock.gridCanvas().grid().rows(), 3);
    EXPECT_EQ(errors(), 0);
}

TEST_F(AttentionDockTest, ClickAndKeysInTheGridSelectHeads) {
    ASSERT_TRUE(open("tiny-llama.onnx"));
    ASSERT_TRUE(open("tiny-llama-calib.h5"));
    show();
    AttentionGridCanvas &grid = dock.gridCanvas();
    ASSERT_TRUE(eventually([&] { return grid.grid().rows() == 4 && grid.panelRect(3, 3).width() > 10; }));
    // Causal: light below the diagonal, the darkest colour above it.
    const QRectF panel = whereItStays([&] { return grid.panelRect(0, 0); });
    const QImage image = grid.grabFramebuffer();
    const auto at = [&](double x, double y) {
        return image.pixelColor(
            QPointF(panel.left() + x * panel.width(), panel.top() + y * panel.height()).toPoint());
    };
    EXPECT_GT(at(0.03, 0.12).lightness(), at(0.8, 0.2).lightness() + 40);

    QTest::mouseClick(&grid, Qt::LeftButton, {}, grid.panelRect(1, 2).center().toPoint());
    ASSERT_TRUE(eventually([&] { return m_context.selection().head == 2; }));
    EXPECT_EQ(
        m_context.model()->layers[static_cast<std::size_t>(m_context.selection().layer)].name.substr(0, 8),
        "layers.1");
    QTest::keyClick(&grid, Qt::Key_Right);
    EXPECT_TRUE(eventually([&] { return m_context.selection().head == 3; }));
    QTest::keyClick(&grid, Qt::Key_Return);
    ASSERT_TRUE(eventually([&] {
        return dock.mapCanvas().isVisible() && dock.mapCanvas().isComplete() &&
               dock.mapCanvas().plotRect().width() > 50;
    }));
    // A cell of the map is a query and a key: the charts follow.
    const QRectF map = whereItStays([&] { return dock.mapCanvas().plotRect(); });
    QTest::mouseClick(&dock.mapCanvas(), Qt::LeftButton, {}, map.center().toPoint());
    EXPECT_TRUE(eventually([&] { return m_context.selection().token > 50; }));
    EXPECT_TRUE(dock.details()
                    .chart(AttentionDetails::RowChart)
                    .content()
                    .yTitle.contains(QString::number(m_context.selection().token)));
}

TEST_F(AttentionDockTest, FourThousandTokensAreDrawnFromTiles) {
    constexpr std::int64_t kTokens = 4096;
    Tensor map = Tensor::zeros(DType::Float32, {kTokens, kTokens});
    Random random(3);
    float *values = map.mutableValues<float>().data();
    for (std::int64_t query = 0; query < kTokens; ++query)
        for (std::int64_t key = 0; key <= query; ++key)
            values[query * kTokens + key] =
                static_cast<float>(random.uniform() / static_cast<double>(query + 1));
    values[3000 * kTokens + 17] = 1;
    AttentionMapContent content;
    content.reference = *HeatMapData::fromMatrix(map, {});
    HeatMapCanvas canvas;
    canvas.setScene(attentionScene(content, AttentionVariant::Float, false));
    canvas.resize(900, 700);
    canvas.show();
    ASSERT_TRUE(QTest::qWaitForWindowExposed(&canvas));
    ASSERT_TRUE(eventually([&] { return canvas.isComplete(); }));
    const QPoint spot(static_cast<int>(canvas.panZoom().x.toPixel(17.5)),
                      static_cast<int>(canvas.panZoom().y.toPixel(3000.5)));
    const QImage image = canvas.grabFramebuffer();
    int brightest = 0;
    for (int dx = -2; dx <= 2; ++dx)
        for (int dy = -2; dy <= 2; ++dy)
            brightest = std::max(brightest, image.pixelColor(spot + QPoint(dx, dy)).lightness());
    EXPECT_GT(brightest, 200); // one strong pair among 16 million is not lost
}

} // namespace
} // namespace qs::views
