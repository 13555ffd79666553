#include "views/canvas/heat_map_canvas.h"

#include "core/base/random.h"

#include <QApplication>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

constexpr std::int64_t kSide = 4096;
constexpr std::int64_t kOutlierRow = 2711, kOutlierCol = 1033;

/// A large matrix of small values with one outlier.
std::shared_ptr<const HeatMapData> oneOutlier() {
    Tensor values = Tensor::allocate(DType::Float32, {kSide, kSide});
    Random random(7);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.uniform() * 0.01);
    values.mutableValues<float>()[kOutlierRow * kSide + kOutlierCol] = 10;
    return *HeatMapData::fromMatrix(values, {});
}

HeatMapScene sceneOf(std::shared_ptr<const HeatMapData> data) {
    HeatMapScene scene;
    scene.data = std::move(data);
    scene.rowTitle = "output";
    scene.columnTitle = "input";
    scene.valueTitle = "|w|";
    scene.valueUnit = "weight units";
    scene.scale = {HeatMapScale::Kind::Linear, 0, 10};
    scene.map = findColorMap("grey");
    return scene;
}

class HeatMapCanvasTest : public testing::Test {
protected:
    void open(HeatMapScene scene) {
        canvas.setScene(std::move(scene));
        canvas.resize(900, 700);
        canvas.show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&canvas));
        QTest::qWait(400); // several frames: tiles come a few at a time
    }
    void wheel(QPoint at, int angle, Qt::KeyboardModifiers modifiers = {}) {
        QWheelEvent event(at, canvas.mapToGlobal(at), {}, {0, angle}, Qt::NoButton, modifiers,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&canvas, &event);
    }
    QPoint pixelOf(std::int64_t row, std::int64_t col) const {
        return {static_cast<int>(canvas.panZoom().x.toPixel(static_cast<double>(col) + 0.5)),
                static_cast<int>(canvas.panZoom().y.toPixel(static_cast<double>(row) + 0.5))};
    }
    HeatMapCanvas canvas;
};

TEST_F(HeatMapCanvasTest, SingleOutlierIsVisibleZoomedOut) {
    open(sceneOf(oneOutlier()));
    ASSERT_LT(canvas.panZoom().x.scale(), 0.25); // more than four columns per pixel
    const QImage image = canvas.grabFramebuffer();
    const QRectF plot = canvas.plotRect();
    int bright = 0;
    QPoint place;
    for (int y = static_cast<int>(plot.top()) + 1; y < static_cast<int>(plot.bottom()) - 1; ++y)
        for (int x = static_cast<int>(plot.left()) + 1; x < static_cast<int>(plot.right()) - 1; ++x)
            if (image.pixelColor(x, y).lightness() > 200) {
                ++bright;
                place = {x, y};
            }
    EXPECT_GE(bright, 1);
    EXPECT_LE(bright, 9);
    const QPoint expected = pixelOf(kOutlierRow, kOutlierCol);
    EXPECT_NEAR(place.x(), expected.x(), 2);
    EXPECT_NEAR(place.y(), expected.y(), 2);
}

TEST_F(HeatMapCanvasTest, ProbeOfJoinedCellsNamesTheExtreme) {
    open(sceneOf(oneOutlier()));
    QTest::mouseMove(&canvas, pixelOf(kOutlierRow, kOutlierCol));
    QTest::qWait(200);
    EXPECT_EQ(canvas.probe().position, (HeatMapPosition{kOutlierRow, kOutlierCol}));
    EXPECT_THAT(canvas.probe().text.toStdString(), testing::HasSubstr("max 10 "));
    EXPECT_THAT(canvas.probe().text.toStdString(),
                testing::HasSubstr("extreme 10 at output 2711, input 1033"));
}

TEST_F(HeatMapCanvasTest, ProbeOfOneCellIsExact) {
    const auto data = oneOutlier();
    open(sceneOf(data));
    const QPoint at = pixelOf(100, 200);
    for (int i = 0; i < 40; ++i)
        wheel(at, 120);
    QTest::qWait(600);
    ASSERT_GT(canvas.panZoom().x.scale(), 20);
    QTest::mouseMove(&canvas, at + QPoint(1, 0));
    QTest::qWait(200);
    const HeatMapPosition position = canvas.probe().position;
    EXPECT_NEAR(static_cast<double>(position.row), 100, 8);
    EXPECT_NEAR(static_cast<double>(position.col), 200, 8);
    const QString text = canvas.probe().text;
    const QString shown = text.mid(text.indexOf("= ") + 2).replace(QChar(0x2212), '-');
    EXPECT_EQ(shown.toFloat(), data->value(position.row, position.col)) << text.toStdString();
}

TEST_F(HeatMapCanvasTest, ClickPicksTheExtremeCell) {
    open(sceneOf(oneOutlier()));
    QSignalSpy picked(&canvas, &HeatMapCanvas::cellPicked);
    QTest::mouseClick(&canvas, Qt::LeftButton, {}, pixelOf(kOutlierRow, kOutlierCol));
    QTest::qWait(300);
    ASSERT_EQ(picked.size(), 1);
    EXPECT_EQ(picked.front().at(0).toLongLong(), kOutlierRow);
    EXPECT_EQ(picked.front().at(1).toLongLong(), kOutlierCol);
}

TEST_F(HeatMapCanvasTest, DraggingPansAndPicksNothing) {
    open(sceneOf(oneOutlier()));
    canvas.zoomBy(4);
    QTest::qWait(200);
    const double before = canvas.panZoom().x.firstCell();
    QSignalSpy picked(&canvas, &HeatMapCanvas::cellPicked);
    const QPoint from = canvas.plotRect().center().toPoint();
    QTest::mousePress(&canvas, Qt::LeftButton, {}, from);
    QTest::qWait(60);
    QTest::mouseMove(&canvas, from + QPoint(60, 0));
    QTest::qWait(60);
    QTest::mouseRelease(&canvas, Qt::LeftButton, {}, from + QPoint(60, 0));
    QTest::qWait(200);
    EXPECT_LT(canvas.panZoom().x.firstCell(), before);
    EXPECT_EQ(picked.size(), 0);
    QTest::keyClick(&canvas, Qt::Key_F);
    EXPECT_TRUE(canvas.panZoom().isFitted());
}

TEST_F(HeatMapCanvasTest, EmptySceneDrawsNothingAndDoesNotCrash) {
    open({});
    EXPECT_TRUE(canvas.probe().text.isEmpty());
    open(sceneOf(*HeatMapData::fromRows({{}, {1, 2, NAN}, {3}}, {})));
    QTest::mouseMove(&canvas, pixelOf(0, 1));
    QTest::qWait(200);
    EXPECT_THAT(canvas.probe().text.toStdString(), testing::HasSubstr("no input 1"));
}

} // namespace
} // namespace qs::views
