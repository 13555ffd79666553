#include "tests/support/temp_dir.h"
#include "tests/views/chart_fixtures.h"
#include "views/distribution/distribution_chart.h"
#include "views/plots/plot_style.h"

#include <QApplication>
#include <QImage>
#include <QXmlStreamReader>
#include <gmock/gmock.h>
#include <qcustomplot.h>

namespace qs::views {
namespace {

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
    QString path(const char *name) const { return QString::fromStdString((folder.path() / name).string()); }
    std::string bytesOf(const char *name) const { return readFile(folder.path() / name); }

    TempDir folder;
    DistributionChart chart;
};

TEST_F(PlotExportTest, SvgIsWellFormedAndHoldsText) {
    ASSERT_TRUE(chart.exportTo(path("figure.svg")));
    const std::string bytes = bytesOf("figure.svg");
    QXmlStreamReader reader(QByteArray::fromStdString(bytes));
    QString texts;
    bool isSvg = false;
    while (!reader.atEnd())
        if (reader.readNext() == QXmlStreamReader::Characters)
            texts += reader.text();
        else
            isSvg |= reader.name() == QLatin1String("svg");
    EXPECT_FALSE(reader.hasError()) << reader.errorString().toStdString();
    EXPECT_TRUE(isSvg);
    EXPECT_THAT(texts.toStdString(), testing::HasSubstr("weight value"));
}

TEST_F(PlotExportTest, PdfHasOnePageAndAnEnd) {
    ASSERT_TRUE(chart.exportTo(path("figure.pdf")));
    const std::string bytes = bytesOf("figure.pdf");
    EXPECT_EQ(bytes.substr(0, 5), "%PDF-");
    EXPECT_THAT(bytes, testing::HasSubstr("/Count 1"));
    EXPECT_THAT(bytes.substr(bytes.size() - 16), testing::HasSubstr("%%EOF"));
}

TEST_F(PlotExportTest, PngHasTwiceTheResolutionOnWhite) {
    ASSERT_TRUE(chart.exportTo(path("figure.png")));
    const QImage image(path("figure.png"));
    EXPECT_EQ(image.width(), 2 * 640);
    EXPECT_EQ(image.pixelColor(2, 2), QColor(Qt::white));
}

TEST_F(PlotExportTest, CsvHoldsTheTrueCounts) {
    ASSERT_TRUE(chart.exportTo(path("data.csv")));
    const std::string bytes = bytesOf("data.csv");
    EXPECT_EQ(bytes.substr(0, 11), "series,x,y\n");
    double total = 0;
    int lines = 0;
    for (const QByteArray &line : QByteArray::fromStdString(bytes).split('\n'))
        if (line.startsWith("\"float weight\"")) {
            total += line.split(',').last().toDouble();
            ++lines;
        }
    EXPECT_EQ(lines, 17); // 16 bins and the right end of the last one
    EXPECT_DOUBLE_EQ(total, 12);
}

TEST_F(PlotExportTest, OtherSuffixAndUnwritablePlaceAreErrors) {
    const Status other = chart.exportTo(path("figure.docx"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::Unsupported);
    const Status nowhere = chart.exportTo(path("no/such/folder/figure.svg"));
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, ErrorCode::IoError);
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

} // namespace
} // namespace qs::views
