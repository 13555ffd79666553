#include "views/canvas/heat_map_scene.h"
#include "views/canvas/heat_map_tiles.h"
#include "views/canvas/tile_cache.h"

#include "core/base/random.h"

#include <gmock/gmock.h>

namespace qs::views {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor randomMatrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    Tensor matrix = Tensor::allocate(DType::Float32, {rows, cols});
    Random random(seed);
    for (float &value : matrix.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return matrix;
}

/// The oracle: joins values one by one.
HeatMapCell joined(const HeatMapData &data, int rowLevel, int colLevel, std::int64_t row, std::int64_t col) {
    HeatMapCell cell{false, {INFINITY, -INFINITY, 0}};
    double sum = 0, count = 0;
    for (std::int64_t r = row << rowLevel; r < std::min((row + 1) << rowLevel, data.rows()); ++r)
        for (std::int64_t c = col << colLevel; c < std::min((col + 1) << colLevel, data.rowLength(r)); ++c) {
            cell.present = true;
            cell.values.min = std::min(cell.values.min, data.value(r, c));
            cell.values.max = std::max(cell.values.max, data.value(r, c));
            sum += static_cast<double>(data.value(r, c));
            ++count;
        }
    cell.values.mean = static_cast<float>(sum / count);
    return cell;
}

void expectCellsMatch(const HeatMapData &data) {
    for (int rowLevel = 0; rowLevel < 6; ++rowLevel)
        for (int colLevel = 0; colLevel < 8; ++colLevel)
            for (std::int64_t row = 0; row < data.rowsAt(rowLevel); ++row)
                for (std::int64_t col = 0; col < data.colsAt(colLevel); ++col) {
                    const HeatMapCell expected = joined(data, rowLevel, colLevel, row, col);
                    const HeatMapCell cell = data.cell(rowLevel, colLevel, row, col);
                    ASSERT_EQ(cell.present, expected.present);
                    if (!cell.present)
                        continue;
                    ASSERT_EQ(cell.values.min, expected.values.min) << rowLevel << " " << colLevel;
                    ASSERT_EQ(cell.values.max, expected.values.max);
                    ASSERT_NEAR(cell.values.mean, expected.values.mean, 1e-5);
                    const HeatMapPosition at = data.extremePosition(rowLevel, colLevel, row, col);
                    ASSERT_EQ(data.value(at.row, at.col), cell.extreme());
                }
}

TEST(HeatMapData, RowsAndColumnsAreJoinedIndependently) {
    expectCellsMatch(**HeatMapData::fromMatrix(randomMatrix(37, 141, 1), {}));
    expectCellsMatch(**HeatMapData::fromMatrix(randomMatrix(1, 100, 2), {}));
}

TEST(HeatMapData, RowsOfDifferentLengthEndWhereTheyEnd) {
    std::vector<std::vector<float>> rows;
    Random random(3);
    for (std::size_t length : {100u, 0u, 7u, 141u, 64u}) {
        rows.emplace_back(length);
        for (float &value : rows.back())
            value = static_cast<float>(random.normal());
    }
    const auto data = *HeatMapData::fromRows(rows, {});
    EXPECT_EQ(data->cols(), 141);
    EXPECT_FALSE(data->cell(0, 0, 1, 0).present);
    EXPECT_TRUE(data->cell(0, 0, 2, 6).present);
    EXPECT_FALSE(data->cell(0, 0, 2, 7).present);
    expectCellsMatch(*data);
}

TEST(HeatMapData, NanWinsAndIsCounted) {
    const auto data = *HeatMapData::fromRows({{1, kNan, 3, 4}, {INFINITY, 0, 0, 0}}, {});
    EXPECT_EQ(data->nonFiniteCount(), 2);
    EXPECT_TRUE(std::isnan(data->cell(0, 1, 0, 0).extreme()));
    EXPECT_FALSE(std::isnan(data->cell(0, 1, 0, 1).extreme()));
    EXPECT_EQ(data->extremePosition(0, 2, 0, 0), (HeatMapPosition{0, 1}));
    EXPECT_EQ(data->highest(), 4);
}

TEST(HeatMapData, QuantilesAreOfTheValues) {
    std::vector<float> values(1001);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i) - 500;
    const auto data = *HeatMapData::fromRows({values}, {});
    EXPECT_EQ(data->quantile(0), -500);
    EXPECT_EQ(data->quantile(0.5), 0);
    EXPECT_EQ(data->magnitudeQuantile(1), 500);
    EXPECT_NEAR(data->magnitudeQuantile(0.5), 250, 1);
}

TEST(HeatMapData, SampledQuantilesAreNotFooledByPeriodicColumns) {
    // Every 64th column is large; a regular stride would see all of them or none.
    Tensor matrix = Tensor::zeros(DType::Float32, {4096, 256});
    for (std::int64_t i = 0; i < matrix.numel(); i += 64)
        matrix.mutableValues<float>()[static_cast<std::size_t>(i)] = 100;
    const auto data = *HeatMapData::fromMatrix(matrix, {});
    EXPECT_EQ(data->magnitudeQuantile(0.97), 0);
    EXPECT_EQ(data->magnitudeQuantile(0.995), 100);
}

TEST(HeatMapScale, PositionsAndEnds) {
    using Kind = HeatMapScale::Kind;
    const HeatMapScale linear{Kind::Linear, 2, 6};
    EXPECT_DOUBLE_EQ(linear.position(4), 0.5);
    EXPECT_DOUBLE_EQ(linear.position(-9), 0);
    const HeatMapScale log{Kind::Log, 0.01, 100};
    EXPECT_DOUBLE_EQ(log.position(1), 0.5);
    EXPECT_DOUBLE_EQ(log.position(0), 0);
    const HeatMapScale both{Kind::SignedLinear, 0, 5};
    EXPECT_DOUBLE_EQ(both.position(0), 0.5);
    EXPECT_DOUBLE_EQ(both.position(-5), 0);
    const HeatMapScale signedLog{Kind::SignedLog, 0, 5};
    EXPECT_DOUBLE_EQ(signedLog.position(0), 0.5);
    EXPECT_DOUBLE_EQ(signedLog.position(5), 1);
    EXPECT_NEAR(signedLog.position(1) + signedLog.position(-1), 1, 1e-12);
    for (const HeatMapScale &scale : {linear, log, both, signedLog})
        EXPECT_TRUE(std::isnan(scale.position(NAN)) && std::isnan(scale.position(INFINITY)));
}

TEST(HeatMapScale, DegenerateRangesDoNotCrash) {
    using Kind = HeatMapScale::Kind;
    for (const HeatMapScale &scale :
         {HeatMapScale{Kind::Linear, 0, 0}, HeatMapScale{Kind::Log, 1, 1},
          HeatMapScale{Kind::SignedLinear, 0, 0}, HeatMapScale{Kind::SignedLog, 0, 0}}) {
        EXPECT_TRUE(std::isfinite(scale.position(0)));
        scale.ticks(6);
    }
}

TEST(HeatMapTiles, LevelKeepsCellsAtLeastOnePixel) {
    EXPECT_EQ(levelForScale(3), 0);
    EXPECT_EQ(levelForScale(1), 0);
    EXPECT_EQ(levelForScale(0.9), 1);
    EXPECT_EQ(levelForScale(0.25), 2);
    EXPECT_EQ(levelForScale(0.2), 3);
}

TilePixels painted(std::shared_ptr<const HeatMapData> data, const HeatMapScale &scale, const ColorMap &map,
                   const TileKey &key, HeatMapJoin join = HeatMapJoin::Extreme) {
    TilePainter painter(std::move(data), scale, map, join, key);
    while (!painter.isDone())
        painter.paintRow();
    return painter.tile();
}

TEST(HeatMapTiles, JoinedCellsShowTheirExtremeOrTheirMean) {
    const auto data = *HeatMapData::fromRows({{0, 4}}, {});
    const HeatMapScale scale{HeatMapScale::Kind::Linear, 0, 4};
    const ColorMap &map = *findColorMap("grey");
    const TileKey joined{0, 0, 0, 1, 0, 0};
    EXPECT_EQ(painted(data, scale, map, joined).rgba[0] & 0xFF, map.at(1).red);
    EXPECT_EQ(painted(data, scale, map, joined, HeatMapJoin::Mean).rgba[0] & 0xFF, map.at(0.5).red);
}

TEST(HeatMapScale, StepsGiveEveryWholeNumberAColour) {
    const HeatMapScale codes{HeatMapScale::Kind::Steps, -2, 1};
    EXPECT_EQ(codes.steps(), 4);
    EXPECT_DOUBLE_EQ(codes.position(-2), 0.125);
    EXPECT_DOUBLE_EQ(codes.position(1), 0.875);
    EXPECT_EQ(codes.ticks(6).size(), 4u);
    EXPECT_EQ(codes.ticks(6).front().value, -2);
}

TEST(HeatMapTiles, BorderTilesAreSmallerAndAbsentCellsTransparent) {
    const auto data = *HeatMapData::fromRows({std::vector<float>(300, 1.0f), {5, 6}}, {});
    const HeatMapScale scale{HeatMapScale::Kind::Linear, 0, 6};
    const ColorMap &map = *findColorMap("grey");
    const TilePixels second = painted(data, scale, map, {0, 0, 0, 0, 0, 1});
    EXPECT_EQ(second.width, 300 - kTileCells);
    EXPECT_EQ(second.height, 2);
    EXPECT_EQ(second.rgba[static_cast<std::size_t>(second.width)], 0u);
    const TilePixels first = painted(data, scale, map, {0, 0, 0, 0, 0, 0});
    const Rgb brightest = map.at(1);
    EXPECT_EQ(first.rgba[kTileCells + 1] & 0xFF, brightest.red);
    EXPECT_EQ(first.rgba[kTileCells + 1] >> 24, 255u);
    EXPECT_EQ(first.rgba[kTileCells + 2], 0u);
}

TEST(TileCache, DropsTheLeastRecentlyUsed) {
    std::vector<unsigned> released;
    TileCache cache(2, [&](unsigned texture) { released.push_back(texture); });
    const auto key = [](std::int64_t col) { return TileKey{1, 1, 0, 0, 0, col}; };
    cache.beginFrame();
    cache.insert(key(1), 11);
    cache.insert(key(2), 12);
    cache.beginFrame();
    EXPECT_EQ(cache.find(key(1)), 11u);
    cache.insert(key(3), 13);
    EXPECT_THAT(released, testing::ElementsAre(12));
    EXPECT_EQ(cache.find(key(2)), 0u);
    cache.clear();
    EXPECT_THAT(released, testing::UnorderedElementsAre(11, 12, 13));
}

TEST(TileCache, KeepsEverythingThatThisFrameDraws) {
    std::vector<unsigned> released;
    TileCache cache(1, [&](unsigned texture) { released.push_back(texture); });
    cache.beginFrame();
    for (unsigned i = 1; i < 6; ++i)
        cache.insert({1, 1, 0, 0, 0, i}, i);
    EXPECT_TRUE(released.empty());
    cache.beginFrame();
    cache.insert({1, 2, 0, 0, 0, 0}, 9);
    EXPECT_EQ(released.size(), 5u);
}

TEST(HeatMapScene, OutliersAreCountedByRowAndColumn) {
    const auto data = *HeatMapData::fromRows({{1, -9, 2}, {1, 1, 1}, {0, 8, 8, kNan}}, {});
    const HeatMapOutliers found = *findOutliers(*data, {8}, {});
    EXPECT_EQ(found.cells, 3);
    EXPECT_THAT(found.rows, testing::ElementsAre(0, 2));
    EXPECT_THAT(found.columns, testing::ElementsAre(1, 2));
    EXPECT_THAT(found.cellsOfRow, testing::ElementsAre(1, 0, 2));
    EXPECT_EQ(findOutliers(*data, {}, {})->cells, 0);
}

} // namespace
} // namespace qs::views
