#include "views/canvas/heat_map_canvas.h"

#include "core/base/random.h"
#include "tests/support/wait_until.h"

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
std::shared_ptr<const HeatMapData> makeOneOutlier() {
    Tensor values = Tensor::allocate(DType::Float32, {kSide, kSide});
    Random random(7);
    for (float &value : values.mutableValues<float>())
        value = static_cast<float>(random.uniform() * 0.01);
    values.mutableValues<float>()[kOutlierRow * kSide + kOutlierCol] = 10;
    return *HeatMapData::fromMatrix(values, {});
}

std::shared_ptr<const HeatMapData> oneOutlier() {
    static const std::shared_ptr<const HeatMapData> data = makeOneOutlier();
    return data;
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

bool eventually(const std::function<bool()> &condition) {
    return QTest::qWaitFor(condition, 10000);
}

class HeatMapCanvasTest : public testing::Test {
protected:
    void open(HeatMapScene scene) {
        canvas.setScene(std::move(scene));
        canvas.resize(900, 700);
        canvas.show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&canvas));
        if (canvas.scene().data) {
            EXPECT_TRUE(eventually([this] { return canvas.isComplete(); }));
            whereItStays([this] { return canvas.plotRect(); });
        }
    }
    void wheel(QPoint at, int angle, Qt::KeyboardModifiers modifiers = {}) {
        QWheelEvent event(at, canvas.mapToGlobal(at), {}, {0, angle}, Qt::NoButton, modifiers,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&canvas, &event);
    }
    /// Pixels of the cells that show the outlier.
    std::vector<QPoint> brightPixels() {
        const QImage image = canvas.grabFramebuffer();
        const QRect plot = canvas.plotRect().toAlignedRect().adjusted(1, 1, -1, -1);
        std::vector<QPoint> found;
        for (int y = plot.top(); y < plot.bottom(); ++y)
            for (int x = plot.left(); x < plot.right(); ++x)
                if (image.pixelColor(x, y).lightness() > 200)
                    found.push_back({x, y});
        return found;
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
    const std::vector<QPoint> bright = brightPixels();
    ASSERT_GE(bright.size(), 1u);
    EXPECT_LE(bright.size(), 9u);
    const QPoint expected = pixelOf(kOutlierRow, kOutlierCol);
    EXPECT_NEAR(bright.front().x(), expected.x(), 2);
    EXPECT_NEAR(bright.front().y(), expected.y(), 2);
}

TEST_F(HeatMapCanvasTest, ProbeOfJoinedCellsNamesTheExtreme) {
    open(sceneOf(oneOutlier()));
    for (const QPoint &pixel : brightPixels()) {
        QTest::mouseMove(&canvas, pixel);
        EXPECT_TRUE(eventually([this] {
            return canvas.probe().position == HeatMapPosition{kOutlierRow, kOutlierCol};
        }));
    }
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
    ASSERT_TRUE(eventually([this] { return canvas.panZoom().x.scale() > 90; }));
    QTest::mouseMove(&canvas, at + QPoint(1, 0));
    ASSERT_TRUE(eventually([this] { return canvas.probe().text.contains("= "); }));
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
    QTest::mouseClick(&canvas, Qt::LeftButton, {}, brightPixels().front());
    ASSERT_TRUE(eventually([&] { return picked.size() == 1; }));
    EXPECT_EQ(picked.front().at(0).toLongLong(), kOutlierRow);
    EXPECT_EQ(picked.front().at(1).toLongLong(), kOutlierCol);
}

TEST_F(HeatMapCanvasTest, DraggingPansAndPicksNothing) {
    open(sceneOf(oneOutlier()));
    canvas.zoomBy(4);
    const double before = canvas.panZoom().x.firstCell();
    QSignalSpy picked(&canvas, &HeatMapCanvas::cellPicked);
    const QPoint from = canvas.plotRect().center().toPoint();
    QTest::mousePress(&canvas, Qt::LeftButton, {}, from);
    QTest::mouseMove(&canvas, from + QPoint(60, 0));
    EXPECT_TRUE(eventually([&] { return canvas.panZoom().x.firstCell() < before; }));
    QTest::mouseRelease(&canvas, Qt::LeftButton, {}, from + QPoint(60, 0));
    QTest::qWait(300); // nothing is to happen
    EXPECT_EQ(picked.size(), 0);
    QTest::keyClick(&canvas, Qt::Key_F);
    EXPECT_TRUE(canvas.panZoom().isFitted());
}

TEST_F(HeatMapCanvasTest, EmptySceneDrawsNothingAndDoesNotCrash) {
    open({});
    EXPECT_TRUE(canvas.probe().text.isEmpty());
    open(sceneOf(*HeatMapData::fromRows({{}, {1, 2, NAN}, {3}}, {})));
    QTest::mouseMove(&canvas, pixelOf(0, 1));
    EXPECT_TRUE(eventually([this] { return canvas.probe().text.contains("no input 1"); }));
}

} // namespace
} // namespace qs::views
