#include "views/tensor_map/tensor_map_dock.h"

#include "tests/views/chart_fixtures.h"
#include "tests/views/workbench_fixture.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/canvas/surface_canvas.h"
#include "views/tensor_map/cell_inspector.h"
#include "views/tensor_map/tensor_map_toolbar.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QSpinBox>
#include <QTableWidget>
#include <QTest>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

using Shown = TensorMapRequest::Shown;

class TensorMapDockTest : public WorkbenchTest {
protected:
    void show() {
        dock.setFloating(true);
        dock.resize(1100, 700);
        static_cast<QWidget &>(dock).show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&dock));
    }
    bool eventually(const std::function<bool()> &condition) { return QTest::qWaitFor(condition, 60000); }
    LayerId layer(const char *name) { return m_context.model()->findLayer(name)->id; }
    /// Shows a layer and waits for its map.
    bool mapOf(const char *name, Shown shown) {
        dock.toolbar().setShown(shown);
        m_context.select(Selection::ofLayer(layer(name)));
        return wait() && eventually([&] { return dock.message().isEmpty() && dock.canvas().isComplete(); });
    }
    /// One layer with 4 bits per group of 16, which is quick.
    bool quantize(const char *pattern) {
        WeightChoice choice;
        choice.scheme.grid.bits = 4;
        choice.scheme.granularity = Granularity::PerGroup;
        choice.scheme.groupSize = 16;
        Recipe recipe = uniformRecipe("w4", choice, std::nullopt);
        recipe.rules.front().layers = pattern;
        m_context.setRecipe(recipe);
        m_context.startRun();
        return wait();
    }
    QString fact(const QString &name) {
        const QTableWidget &table = dock.inspector().table();
        for (int row = 0; row < table.rowCount(); ++row)
            if (table.item(row, 0)->text() == name)
                return table.item(row, 1)->text();
        return {};
    }
    TensorMapDock dock{m_context};
};

TEST_F(TensorMapDockTest, SaysWhatIsMissingAndWhatToDo) {
    show();
    EXPECT_THAT(dock.message().toStdString(), testing::HasSubstr("No model"));
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    dock.toolbar().setShown(Shown::Error);
    EXPECT_TRUE(eventually([&] { return dock.message().contains("Run the recipe"); }));
    dock.toolbar().setShown(Shown::ActivationSurface);
    EXPECT_TRUE(eventually([&] { return dock.message().contains("calibrate"); }));
    ASSERT_TRUE(mapOf("m.fc", Shown::Weight));
    ASSERT_TRUE(quantize("m[.]fc"));
    m_context.select(Selection::ofLayer(layer("m.last.last.0")));
    dock.toolbar().setShown(Shown::Codes);
    EXPECT_TRUE(eventually([&] { return dock.message().contains("leaves the weight of m.last.last.0"); }));
    EXPECT_EQ(errors(), 0);
}

TEST_F(TensorMapDockTest, EveryAspectOfALayer) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(quantize("m[.]fc"));
    show();
    ASSERT_TRUE(mapOf("m.fc", Shown::Weight));
    EXPECT_EQ(dock.canvas().scene().data->rows(), 36);
    EXPECT_EQ(dock.canvas().scene().borders, (HeatMapBorders{1, 16}));
    const HeatMapScale shared = dock.canvas().scene().scale;
    EXPECT_EQ(shared.kind, HeatMapScale::Kind::SignedLinear);
    const float weight = dock.canvas().scene().data->value(3, 7);

    ASSERT_TRUE(mapOf("m.fc", Shown::Dequantized));
    ASSERT_TRUE(eventually([&] { return dock.canvas().scene().valueTitle == "ŵ"; }));
    EXPECT_EQ(dock.canvas().scene().scale, shared);
    const float dequantized = dock.canvas().scene().data->value(3, 7);
    ASSERT_TRUE(mapOf("m.fc", Shown::Codes));
    ASSERT_TRUE(eventually([&] { return dock.canvas().scene().valueTitle == "code"; }));
    EXPECT_EQ(dock.canvas().scene().scale, (HeatMapScale{HeatMapScale::Kind::Steps, 0, 15}));
    ASSERT_TRUE(mapOf("m.fc", Shown::Error));
    ASSERT_TRUE(eventually([&] { return dock.canvas().scene().valueTitle == "ŵ − w"; }));
    EXPECT_EQ(dock.canvas().scene().data->value(3, 7), dequantized - weight);
    EXPECT_LT(dock.canvas().scene().scale.hi, shared.hi / 4);
    EXPECT_EQ(errors(), 0);
}

TEST_F(TensorMapDockTest, ClickInspectsAndSelects) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(quantize("m[.]fc"));
    show();
    ASSERT_TRUE(mapOf("m.fc", Shown::Weight));
    const PanZoom &zoom = dock.canvas().panZoom();
    const QPointF cell = whereItStays([&] { return QPointF(zoom.x.toPixel(40.5), zoom.y.toPixel(5.5)); });
    QTest::mouseClick(&dock.canvas(), Qt::LeftButton, {}, cell.toPoint());
    ASSERT_TRUE(eventually([&] { return fact("row") == "5"; }));
    EXPECT_EQ(m_context.selection().output, 5);
    EXPECT_EQ(m_context.selection().channel, fact("column").toInt());
    EXPECT_NEAR(fact("column").toInt(), 40, 1);
    EXPECT_EQ(fact("group columns"), "32 to 47");
    EXPECT_EQ(fact("value").toFloat(), dock.canvas().scene().data->value(5, m_context.selection().channel));
    // Another view's selection is followed.
    Selection selection = m_context.selection();
    selection.output = 7;
    m_context.select(selection);
    EXPECT_TRUE(eventually([&] { return fact("row") == "7"; }));
    EXPECT_EQ(dock.canvas().scene().selectedRow, 7);
}

TEST_F(TensorMapDockTest, FactsArePickedByKeyboardAndCopiedAsText) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    show();
    ASSERT_TRUE(mapOf("m.stem.stem.0", Shown::Weight));
    const auto boxes = dock.inspector().findChildren<QSpinBox *>();
    ASSERT_EQ(boxes.size(), 2);
    boxes[0]->setValue(4);
    boxes[1]->setValue(14);
    ASSERT_TRUE(eventually([&] { return fact("kernel y, x") == "1, 2" && fact("row") == "4"; }));
    EXPECT_EQ(m_context.selection().channel, 1);
    auto *table = dock.inspector().findChild<QTableWidget *>();
    table->clearSelection();
    auto *copy = table->findChild<QAction *>("copy_rows");
    ASSERT_TRUE(copy);
    EXPECT_EQ(copy->shortcut(), QKeySequence(QKeySequence::Copy));
    copy->trigger();
    const QString text = QApplication::clipboard()->text();
    EXPECT_THAT(text.toStdString(), testing::HasSubstr("column\t14\n"));
    EXPECT_THAT(text.toStdString(), testing::HasSubstr("input channel\t1\n"));
}

TEST_F(TensorMapDockTest, SurfacesOfActivationsAndWeights) {
    ASSERT_TRUE(open("glyph-vit.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.calibrate();
    ASSERT_TRUE(wait());
    show();
    dock.toolbar().setShown(Shown::ActivationSurface);
    m_context.select(Selection::ofLayer(layer("m.blocks.1.attn.qkv")));
    ASSERT_TRUE(eventually([&] { return dock.message().isEmpty() && dock.surface().isVisible(); }));
    const PooledMagnitudes &points = *dock.surface().scene().points;
    EXPECT_EQ(points.srcRows, 512);
    EXPECT_THAT(dock.surface().reductionText().toStdString(), testing::HasSubstr("max of 6 × "));
    EXPECT_THAT(
        dock.surface().figureTitle().toStdString(),
        testing::AllOf(testing::StartsWith("m.blocks.1.attn.qkv: |x| over token × channel. 512 tokens"),
                       testing::HasSubstr("the largest of 6 × ")));
    // The highest bar is met where its top is seen, and a click picks its token and channel.
    ASSERT_TRUE(eventually([&] { return dock.surface().camera().project({0, 0, 0}).x > 10; }));
    const auto top = std::max_element(points.values.begin(), points.values.end());
    const auto bar = top - points.values.begin();
    const QPointF at = whereItStays([&] {
        const ScreenPoint tip = dock.surface().camera().project(
            {(static_cast<double>(bar % points.cols) + 0.5) / static_cast<double>(points.cols),
             (static_cast<double>(bar / points.cols) + 0.5) / static_cast<double>(points.rows), 0.995});
        return QPointF(tip.x, tip.y);
    });
    QTest::mouseClick(&dock.surface(), Qt::LeftButton, {}, at.toPoint());
    const std::int64_t position = points.positions[static_cast<std::size_t>(bar)];
    EXPECT_TRUE(eventually([&] { return m_context.selection().token == position / points.srcCols; }));
    EXPECT_EQ(m_context.selection().channel, position % points.srcCols);
    EXPECT_FALSE(dock.inspector().isVisible());
    dock.toolbar().setShown(Shown::WeightSurface);
    EXPECT_TRUE(eventually([&] { return dock.surface().scene().valueTitle == "|w|"; }));
    EXPECT_TRUE(dock.inspector().isVisible());
    EXPECT_EQ(errors(), 0);
}

TEST_F(TensorMapDockTest, OrbitZoomAndReset) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    show();
    dock.toolbar().setShown(Shown::WeightSurface);
    m_context.select(Selection::ofLayer(layer("m.fc")));
    ASSERT_TRUE(eventually([&] { return dock.message().isEmpty() && dock.surface().isVisible(); }));
    const double azimuth = dock.surface().camera().azimuth();
    QTest::keyClick(&dock.surface(), Qt::Key_Left);
    EXPECT_DOUBLE_EQ(dock.surface().camera().azimuth(), azimuth + 5);
    QTest::keyClick(&dock.surface(), Qt::Key_Plus);
    EXPECT_GT(dock.surface().camera().zoom(), 1);
    const QPoint from = whereItStays([&] { return dock.surface().rect(); }).center();
    // The pointer keeps moving, as a frame must have seen the press before one that sees it moved; and the
    // whole gesture is made again, as a busy machine can lose its beginning.
    int step = -1;
    QPoint at = from;
    EXPECT_TRUE(eventually([&] {
        step = (step + 1) % 40;
        if (step == 0) {
            QTest::mouseRelease(&dock.surface(), Qt::LeftButton, {}, at);
            QTest::mousePress(&dock.surface(), Qt::LeftButton, {}, from);
        }
        at = from + QPoint(5 * step, step);
        QTest::mouseMove(&dock.surface(), at);
        return dock.surface().camera().azimuth() < azimuth;
    }));
    QTest::mouseRelease(&dock.surface(), Qt::LeftButton, {}, at);
    QTest::qWait(100);
    QTest::keyClick(&dock.surface(), Qt::Key_F);
    EXPECT_DOUBLE_EQ(dock.surface().camera().azimuth(), azimuth);
    EXPECT_EQ(dock.surface().camera().zoom(), 1);
}

} // namespace
} // namespace qs::views
