#include "tests/support/figure_checks.h"
#include "tests/views/chart_fixtures.h"
#include "views/distribution/distribution_chart.h"
#include "views/plots/plot_export.h"
#include "views/plots/plot_style.h"

#include <QApplication>
#include <gmock/gmock.h>
#include <qcustomplot.h>

namespace qs::views {
namespace {

using Format = FigureRequest::Format;

class PlotExportTest : public testing::Test {
protected:
    PlotExportTest() {
        DistributionRequest request;
        request.model = twoLayerModel();
        request.layer = 0;
        request.bins = 16;
        request.choice.weight = WeightChoice{};
        chart.resize(640, 400);
        chart.setData(*prepareDistribution(request, {}));
        // Shown, so that the layout gives the plot its size; the offscreen platform draws nothing.
        chart.show();
        QApplication::processEvents();
    }
    static FigureRequest request(FigureRequest::Format format) {
        FigureRequest wanted;
        wanted.format = format;
        wanted.millimetres = {85, 60};
        wanted.caption = "made by a test, not by a person";
        return wanted;
    }

    DistributionChart chart;
};

TEST_F(PlotExportTest, SvgIsWellFormedAndItsTextsAreTexts) {
    const QByteArray svg = exported(chart, request(Format::Svg));
    EXPECT_THAT(textsOf(svg).toStdString(), testing::HasSubstr("weight value"));
    EXPECT_THAT(textsOf(svg).toStdString(), testing::HasSubstr("made by a test"));
    EXPECT_THAT(svg.toStdString(), testing::HasSubstr("width=\"85mm\" height=\"60mm\""));
}

TEST_F(PlotExportTest, PdfHasOnePageOfTheSizeAskedFor) {
    const QByteArray pdf = exported(chart, request(Format::Pdf));
    EXPECT_THAT(pdf.toStdString(), testing::HasSubstr("/Count 1"));
    const QSizeF points = pageSizeOf(pdf);
    EXPECT_NEAR(points.width(), 85 / 25.4 * 72, 0.5);
    EXPECT_NEAR(points.height(), 60 / 25.4 * 72, 0.5);
}

TEST_F(PlotExportTest, PngHasSizeResolutionAndBackgroundAskedFor) {
    FigureRequest wanted = request(Format::Png);
    wanted.dpi = 300;
    const QImage image = QImage::fromData(exported(chart, wanted));
    EXPECT_EQ(image.size(), QSize(1004, 709));
    EXPECT_NEAR(toDpi(image.dotsPerMeterX()), 300, 0.1);
    EXPECT_EQ(image.pixelColor(2, 2), QColor(Qt::white));
    wanted.background = FigureRequest::Background::Transparent;
    const QImage clear = QImage::fromData(exported(chart, wanted));
    EXPECT_EQ(clear.pixelColor(2, 2).alpha(), 0);
    EXPECT_EQ(clear.pixelColor(1001, 706).alpha(), 0);
}

TEST_F(PlotExportTest, TextsKeepTheirSizeWhateverTheFiguresSize) {
    QFont paper;
    paper.setPixelSize(12);
    const auto layoutFor = [&](QSizeF millimetres) {
        FigureRequest wanted;
        wanted.millimetres = millimetres;
        return chartSizeOnPaper(wanted, paper);
    };
    // The layout has as many pixels as give 12-pixel labels 7 points.
    EXPECT_NEAR(layoutFor({85, 60}).width(), 85 / 25.4 * 12 * 72 / 7, 1);
    EXPECT_NEAR(layoutFor({170, 60}).width(), 2 * layoutFor({85, 60}).width(), 1);
}

TEST_F(PlotExportTest, AnExportLeavesTheChartAsItWas) {
    const QImage before = chart.grab().toImage();
    FigureRequest wanted = request(Format::Svg);
    wanted.points = 14;
    exported(chart, wanted);
    QApplication::processEvents();
    EXPECT_EQ(chart.grab().toImage(), before);
}

TEST_F(PlotExportTest, CsvHoldsTheTrueCounts) {
    const QByteArray bytes = exported(chart, request(Format::Csv));
    EXPECT_TRUE(bytes.startsWith("# made by a test, not by a person\nseries,x,y\n"));
    double total = 0;
    int lines = 0;
    for (const QByteArray &line : bytes.split('\n'))
        if (line.startsWith("\"float weight\"")) {
            total += line.split(',').last().toDouble();
            ++lines;
        }
    EXPECT_EQ(lines, 17); // 16 bins and the right end of the last one
    EXPECT_DOUBLE_EQ(total, 12);
}

TEST_F(PlotExportTest, GridLinesComeWhenTheyFit) {
    std::vector<QString> notes;
    QObject::connect(&chart, &DistributionChart::gridNote,
                     [&](const QString &note) { notes.push_back(note); });
    DistributionRequest request;
    request.model = twoLayerModel();
    request.layer = 0;
    request.choice.weight = WeightChoice{};
    request.choice.weight->scheme.granularity = Granularity::PerTensor;
    request.choice.weight->scheme.grid.bits = 8;
    chart.setData(*prepareDistribution(request, {}));
    EXPECT_THAT(notes.back().toStdString(), testing::HasSubstr("code points, not drawn"));
    request.choice.weight->scheme.grid.bits = 4;
    chart.setData(*prepareDistribution(request, {}));
    EXPECT_EQ(notes.back(), QString());
    request.choice.weight->scheme.granularity = Granularity::PerChannel;
    chart.setData(*prepareDistribution(request, {}));
    EXPECT_THAT(notes.back().toStdString(), testing::HasSubstr("3 grids"));
}

TEST(PlotStyle, LogarithmicTicksOverFewDecadesArePlainNumbers) {
    QCustomPlot plot;
    setLogarithmic(*plot.yAxis);
    plot.yAxis->setRange(1, 1e6);
    EXPECT_EQ(plot.yAxis->numberFormat(), "eb");
    plot.yAxis->setRange(1, 20);
    EXPECT_EQ(plot.yAxis->numberFormat(), "gb");
    setLogarithmic(*plot.yAxis, false);
    plot.yAxis->setRange(1, 1e6);
    EXPECT_EQ(plot.yAxis->numberFormat(), "gb");
    EXPECT_EQ(plot.yAxis->scaleType(), QCPAxis::stLinear);
}

TEST(PlotStyle, LogarithmicTicksOverFewDecadesAreOneTwoFive) {
    QCustomPlot plot;
    plot.resize(300, 400);
    setLogarithmic(*plot.yAxis);
    plot.yAxis->setRange(0.7, 16);
    plot.show();
    plot.replot();
    QVector<double> inside;
    for (const double tick : plot.yAxis->tickVector())
        if (plot.yAxis->range().contains(tick))
            inside << tick;
    EXPECT_EQ(inside, (QVector<double>{1, 2, 5, 10}));
}

} // namespace
} // namespace qs::views
