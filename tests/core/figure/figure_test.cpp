#include "core/figure/figure.h"

#include "core/figure/distribution_figure.h"
#include "core/figure/outlier_figure.h"

#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <unistd.h>

namespace qs {
namespace {

class FigureTest : public testing::Test {
protected:
    void SetUp() override {
        m_folder = std::filesystem::temp_directory_path() / ("qs_figure_" + std::to_string(::getpid()));
        std::filesystem::create_directories(m_folder);
    }
    void TearDown() override { std::filesystem::remove_all(m_folder); }

    std::string draw(const Figure &figure, const std::string &name, const FigureOptions &options = {}) {
        const Status status = writeFigure(figure, options, m_folder / name);
        EXPECT_TRUE(status) << (status ? "" : status.error().text());
        std::ifstream stream(m_folder / name, std::ios::binary);
        std::stringstream bytes;
        bytes << stream.rdbuf();
        return bytes.str();
    }
    std::filesystem::path m_folder;
};

std::unique_ptr<Figure> twoRows() {
    return makeLayerChannelFigure({{"first", {1, 2, 3, 200}}, {"second", {4, 5}}}, "weight");
}

/// Width and height in the header of a PNG.
std::pair<int, int> pngSize(const std::string &bytes) {
    const auto number = [&](std::size_t at) {
        int value = 0;
        for (std::size_t i = 0; i < 4; ++i)
            value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
        return value;
    };
    return {number(16), number(20)};
}

TEST_F(FigureTest, PngHasTheSizeAskedForTimesScale) {
    FigureOptions options;
    options.width = 400;
    options.height = 300;
    options.scale = 2;
    const std::string bytes = draw(*twoRows(), "a.png", options);
    ASSERT_EQ(bytes.substr(1, 3), "PNG");
    EXPECT_EQ(pngSize(bytes), std::make_pair(800, 600));
}

TEST_F(FigureTest, FormatFollowsTheSuffix) {
    EXPECT_THAT(draw(*twoRows(), "a.svg"), testing::HasSubstr("<svg"));
    EXPECT_EQ(draw(*twoRows(), "a.PDF").substr(0, 5), "%PDF-");
    const Status status = writeFigure(*twoRows(), {}, m_folder / "a.bmp");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(status.error().message, testing::HasSubstr(".png"));
}

std::uint32_t bigEndian(const std::string &bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

TEST_F(FigureTest, PhysicalSizeAndResolutionAreThoseAskedFor) {
    FigureOptions options;
    options.width = 85 * kPixelsPerMillimetre;
    options.height = 60 * kPixelsPerMillimetre;
    options.scale = 300 / kPixelsPerInch;
    options.zoom = figureZoom(7);
    const std::string png = draw(*twoRows(), "a.png", options);
    EXPECT_EQ(pngSize(png), std::make_pair(1004, 709)); // 85 / 25.4 · 300, 60 / 25.4 · 300
    const std::size_t resolution = png.find("pHYs");
    ASSERT_NE(resolution, std::string::npos);
    EXPECT_EQ(bigEndian(png, resolution + 4), 11811u); // 300 / 0.0254
    EXPECT_THAT(draw(*twoRows(), "a.svg", options), testing::HasSubstr("width=\"85mm\" height=\"60mm\""));
    EXPECT_NEAR(figureZoom(7) * 11.5 * 72 / 96, 7, 1e-12);
}

TEST_F(FigureTest, SvgHoldsTextsAsTextsAndEscapesThem) {
    FigureOptions options;
    options.caption = "a < b & c";
    const std::string svg = draw(*makeLayerChannelFigure({{"<first>", {1, 2}}}, "weight"), "a.svg", options);
    EXPECT_THAT(svg, testing::HasSubstr(">channel</text>"));
    EXPECT_THAT(svg, testing::HasSubstr(">a &lt; b &amp; c</text>"));
    EXPECT_THAT(svg, testing::HasSubstr(">&lt;first&gt;</text>"));
}

TEST_F(FigureTest, TransparentSheetsHaveAlpha) {
    FigureOptions options;
    options.transparent = true;
    const std::string clear = draw(*twoRows(), "a.png", options), solid = draw(*twoRows(), "b.png");
    EXPECT_EQ(clear[25], 6); // RGB and alpha
    EXPECT_EQ(solid[25], 2); // RGB
    options.width = 300, options.height = 200;
    EXPECT_EQ(draw(*twoRows(), "a.svg", options).find("<rect x=\"0\" y=\"0\" width=\"300\""),
              std::string::npos);
    options.transparent = false;
    EXPECT_NE(draw(*twoRows(), "a.svg", options).find("<rect x=\"0\" y=\"0\" width=\"300\""),
              std::string::npos);
}

TEST_F(FigureTest, TableHoldsTheValuesUnderTheCaption) {
    FigureOptions options;
    options.caption = "from a test\nsecond";
    EXPECT_EQ(draw(*twoRows(), "a.csv", options),
              "# from a test\n# second\nlayer,channel,largest magnitude\nfirst,0,1\nfirst,1,2\nfirst,2,3\n"
              "first,3,200\nsecond,0,4\nsecond,1,5\n");
}

TEST_F(FigureTest, APngTooLargeForTheResolutionIsRefused) {
    FigureOptions options;
    options.width = options.height = 10000;
    options.scale = 4;
    const Status status = writeFigure(*twoRows(), options, m_folder / "a.png");
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, testing::HasSubstr("lower the resolution"));
}

TEST_F(FigureTest, SameDataGivesTheSameBytes) {
    EXPECT_TRUE(draw(*twoRows(), "a.png") == draw(*twoRows(), "b.png"));
}

TEST_F(FigureTest, ThemeAndCaptionChangeThePicture) {
    FigureOptions dark;
    dark.theme = FigureTheme::dark();
    FigureOptions captioned;
    captioned.caption = "made by a test\nsecond line";
    const std::string plain = draw(*twoRows(), "a.png");
    EXPECT_FALSE(plain == draw(*twoRows(), "b.png", dark));
    EXPECT_FALSE(plain == draw(*twoRows(), "c.png", captioned));
}

TEST_F(FigureTest, SizesOutOfRangeAreRefused) {
    for (const auto &[width, height, scale] :
         {std::tuple{4, 300, 1.0}, {400, 99999, 1.0}, {400, 300, 100.0}}) {
        FigureOptions options;
        options.width = width;
        options.height = height;
        options.scale = scale;
        const Status status = writeFigure(*twoRows(), options, m_folder / "a.png");
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::InvalidArgument);
    }
    EXPECT_FALSE(std::filesystem::exists(m_folder / "a.png"));
}

TEST_F(FigureTest, TinySheetsAndOddNamesDoNotBreakDrawing) {
    FigureOptions tiny;
    tiny.width = tiny.height = 16;
    draw(*twoRows(), "tiny.png", tiny);
    draw(*makeLayerChannelFigure({{"\xff\x01 not UTF-8", {1, 2}}}, "weight"), "odd.png");
    draw(*makeLayerChannelFigure({}, "weight"), "empty.png");
    draw(*makeTokenChannelFigure(Layer{}, std::make_shared<LayerCapture>()), "no_tokens.png");
}

TEST_F(FigureTest, DistributionWithoutValuesSaysSo) {
    Distribution nothing;
    nothing.reference.counts.assign(10, 0.0);
    const std::string svg = draw(*makeDistributionFigure(nothing), "a.svg");
    EXPECT_THAT(svg, testing::HasSubstr("<svg"));
}

} // namespace
} // namespace qs
