#include "views/canvas/surface_bars.h"
#include "views/canvas/surface_figure.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

namespace qs::views {
namespace {

SurfaceCamera camera() {
    SurfaceCamera camera;
    camera.setViewport(10, 20, 600, 400);
    camera.setProportions(1, 0.8, 0.5);
    return camera;
}

double distance(const ScreenPoint &a, const ScreenPoint &b) {
    return std::hypot(a.x - b.x, a.y - b.y);
}

TEST(SurfaceCamera, FromAboveTheFloorLiesAsItIs) {
    SurfaceCamera top = camera();
    top.orbit(-top.azimuth(), 90);
    EXPECT_EQ(top.elevation(), 90);
    const ScreenPoint origin = top.project({0, 0, 0}), right = top.project({1, 0, 0}),
                      back = top.project({0, 1, 0});
    EXPECT_NEAR(origin.y, right.y, 1e-9);
    EXPECT_NEAR(origin.x, back.x, 1e-9);
    EXPECT_LT(back.y, origin.y); // row 0 is nearest
    EXPECT_NEAR((right.x - origin.x) * 0.8, origin.y - back.y, 1e-9);
    EXPECT_NEAR(distance(top.project({0.3, 0.3, 0}), top.project({0.3, 0.3, 1})), 0, 1e-9);
}

TEST(SurfaceCamera, HeightsPointUpAndAreEqualEverywhere) {
    const SurfaceCamera view = camera();
    const double height = view.project({0, 0, 0}).y - view.project({0, 0, 1}).y;
    EXPECT_GT(height, 0);
    EXPECT_NEAR(view.project({1, 0.7, 0}).y - view.project({1, 0.7, 1}).y, height, 1e-9);
    EXPECT_NEAR(view.project({1, 0.7, 0}).x, view.project({1, 0.7, 1}).x, 1e-9);
}

TEST(SurfaceCamera, TheBoxFitsWhicheverWayItIsTurned) {
    SurfaceCamera view = camera();
    for (int step = 0; step < 72; ++step) {
        view.orbit(5, step % 2 == 0 ? 7 : -5);
        for (int corner = 0; corner < 8; ++corner) {
            const ScreenPoint at =
                view.project({double(corner & 1), double(corner >> 1 & 1), double(corner >> 2)});
            EXPECT_GE(at.x, 10 - 1e-6);
            EXPECT_LE(at.x, 610 + 1e-6);
            EXPECT_GE(at.y, 20 - 1e-6);
            EXPECT_LE(at.y, 420 + 1e-6);
        }
    }
}

TEST(SurfaceCamera, RaysPassThroughWhatTheirPixelShows) {
    SurfaceCamera view = camera();
    view.orbit(100, 10);
    view.zoomAt(200, 150, 1.7);
    const BoxPoint place{0.2, 0.9, 0.4};
    const ScreenPoint at = view.project(place);
    const BoxRay ray = view.rayThrough(at.x, at.y);
    // origin + t direction = place for one t
    const double t = (place.x - ray.origin.x) / ray.direction.x;
    EXPECT_NEAR(ray.origin.y + t * ray.direction.y, place.y, 1e-9);
    EXPECT_NEAR(ray.origin.z + t * ray.direction.z, place.z, 1e-9);
}

TEST(SurfaceCamera, ZoomKeepsWhatIsUnderThePointer) {
    SurfaceCamera view = camera();
    const BoxPoint place{0.7, 0.2, 0.3};
    const ScreenPoint before = view.project(place);
    view.zoomAt(before.x, before.y, 3);
    EXPECT_NEAR(distance(view.project(place), before), 0, 1e-9);
    EXPECT_EQ(view.zoom(), 3);
    view.reset();
    EXPECT_NEAR(distance(view.project(place), before), 0, 1e-9);
}

TEST(SurfaceBars, TheTopOfABarIsPicked) {
    const std::vector<float> heights = {0.1f, 0.5f, 0.2f, 0.9f, 0.3f, 1.0f};
    const SurfaceBars bars{2, 3, heights};
    SurfaceCamera view = camera();
    view.orbit(0, 60); // steep enough that no bar hides the middle of another's top
    for (std::int64_t bar = 0; bar < 6; ++bar) {
        const ScreenPoint at =
            view.project({(static_cast<double>(bar % 3) + 0.5) / 3, (static_cast<double>(bar / 3) + 0.5) / 2,
                          static_cast<double>(heights[static_cast<std::size_t>(bar)])});
        EXPECT_EQ(pickBar(bars, view.rayThrough(at.x, at.y)), bar);
    }
    EXPECT_EQ(pickBar(bars, view.rayThrough(11, 21)), -1);
}

TEST(SurfaceBars, NearBarsHideFarOnesFromEverySide) {
    const std::vector<float> heights(5 * 5, 0.6f);
    const SurfaceBars bars{5, 5, heights};
    for (int step = 0; step < 36; ++step) {
        SurfaceCamera view = camera();
        view.orbit(step * 10 - 175, -25);
        // Painted from back to front, the last bar that covers a pixel is the one that is picked.
        const auto towards = view.towardsViewer();
        const auto rows = backToFront(5, towards[1]), cols = backToFront(5, towards[0]);
        const ScreenPoint at = view.project({0.5, 0.5, 0.3});
        std::int64_t last = -1;
        for (const std::int64_t row : rows)
            for (const std::int64_t col : cols) {
                std::vector<float> one(25, 0.0f);
                one[static_cast<std::size_t>(row * 5 + col)] = 0.6f;
                if (pickBar({5, 5, one}, view.rayThrough(at.x, at.y)) == row * 5 + col)
                    last = row * 5 + col;
            }
        EXPECT_EQ(pickBar(bars, view.rayThrough(at.x, at.y)), last) << view.azimuth();
    }
}

TEST(SurfaceFigure, HoldsEveryBarItsAxesAndATableOfTheLargestElements) {
    Tensor matrix = Tensor::zeros(DType::Float32, Shape{200, 12});
    matrix.mutableValues<float>()[150 * 12 + 7] = -9.5f;
    matrix.mutableValues<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    SurfaceScene scene;
    scene.points = std::make_shared<const PooledMagnitudes>(
        *poolMagnitudes(*matrixSource(matrix), SurfaceScene::kMostRows, SurfaceScene::kMostColumns, {}));
    scene.rowTitle = QStringLiteral("token");
    scene.columnTitle = QStringLiteral("channel");
    scene.valueTitle = QStringLiteral("|x|");
    scene.scale = {HeatMapScale::Kind::Linear, 0, 9.5};
    const std::vector<float> heights(scene.points->values.size(), 0.5f);
    const auto figure = makeSurfaceFigure(scene, heights, camera());

    const auto table = figure->csv({});
    ASSERT_TRUE(table);
    EXPECT_THAT(*table, testing::StartsWith("token,channel,|x|\n"));
    EXPECT_THAT(*table, testing::HasSubstr("\n150,7,9.5\n"));
    EXPECT_EQ(static_cast<std::size_t>(std::count(table->begin(), table->end(), '\n')),
              scene.points->values.size() + 1);

    FigureOptions options;
    options.width = 700;
    options.height = 500;
    const auto svg = renderFigure(*figure, PictureFormat::Svg, options);
    ASSERT_TRUE(svg);
    for (const char *text : {"token", "channel", "each bar the largest of 3 × 1", "NaN or Inf: 1"})
        EXPECT_THAT(*svg, testing::HasSubstr(text));
    std::int64_t faces = 0;
    for (std::size_t at = svg->find("<polygon"); at != std::string::npos; at = svg->find("<polygon", at + 1))
        ++faces;
    EXPECT_GE(faces, 3 * std::ssize(scene.points->values));
}

} // namespace
} // namespace qs::views
