#include "views/canvas/pan_zoom.h"

#include <gtest/gtest.h>

namespace qs::views {
namespace {

AxisZoom axis(double length, double origin = 100, double extent = 400) {
    AxisZoom zoom;
    zoom.setContent(length);
    zoom.setPixels(origin, extent);
    return zoom;
}

TEST(AxisZoom, FitShowsEverything) {
    const AxisZoom zoom = axis(1000);
    EXPECT_TRUE(zoom.isFitted());
    EXPECT_DOUBLE_EQ(zoom.toPixel(0), 100);
    EXPECT_DOUBLE_EQ(zoom.toPixel(1000), 500);
    EXPECT_DOUBLE_EQ(zoom.toCell(300), 500);
}

TEST(AxisZoom, ZoomKeepsWhatIsUnderThePointer) {
    AxisZoom zoom = axis(1000);
    const double cell = zoom.toCell(220);
    for (int i = 0; i < 5; ++i)
        zoom.zoomAt(220, 1.5);
    EXPECT_NEAR(zoom.toCell(220), cell, 1e-9);
    EXPECT_GT(zoom.scale(), 2);
}

TEST(AxisZoom, NeverShowsMoreThanThereIs) {
    AxisZoom zoom = axis(1000);
    zoom.zoomAt(300, 4);
    zoom.panBy(1e6);
    EXPECT_DOUBLE_EQ(zoom.firstCell(), 0);
    zoom.panBy(-1e6);
    EXPECT_NEAR(zoom.lastCell(), 1000, 1e-9);
    zoom.zoomAt(300, 0.001);
    EXPECT_TRUE(zoom.isFitted());
    zoom.zoomAt(300, 1e9);
    EXPECT_LE(zoom.scale(), AxisZoom::kMaxPixelsPerCell);
}

TEST(AxisZoom, FewCellsMayBeLargerThanTheClosestZoom) {
    AxisZoom zoom = axis(2);
    EXPECT_DOUBLE_EQ(zoom.scale(), 200);
    zoom.zoomAt(150, 3);
    EXPECT_TRUE(zoom.isFitted());
}

TEST(AxisZoom, ResizeKeepsTheMiddle) {
    AxisZoom zoom = axis(1000);
    zoom.zoomAt(300, 8);
    const double middle = zoom.toCell(300);
    zoom.setPixels(50, 800);
    EXPECT_NEAR(zoom.toCell(450), middle, 1e-9);
}

TEST(AxisZoom, RevealMovesAsLittleAsNeeded) {
    AxisZoom zoom = axis(1000);
    zoom.zoomAt(100, 10); // cells 0..100
    zoom.reveal(50);
    EXPECT_DOUBLE_EQ(zoom.firstCell(), 0);
    zoom.reveal(500);
    EXPECT_NEAR(zoom.lastCell(), 501, 1e-9);
}

} // namespace
} // namespace qs::views
