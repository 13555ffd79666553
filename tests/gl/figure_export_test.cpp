#include "views/shared/figure_export.h"

#include "core/base/json_text.h"
#include "tests/support/figure_checks.h"
#include "tests/support/temp_dir.h"
#include "tests/views/sweep_samples.h"
#include "tests/views/workbench_fixture.h"
#include "views/shared/sweep_document.h"
#include "views/shared/view_dock.h"
#include "views/shared/view_factory.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QMimeData>
#include <QTest>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

using Format = FigureRequest::Format;
using Background = FigureRequest::Background;

/// Views with a figure, and a title that stands on its axes or legend.
const std::map<QString, std::string> kFigures = {
    {"distribution", "weight value"},    {"outlier_map", "channel"},
    {"attention", "probability"},        {"sensitivity", "dB"},
    {"graph_map", "SQNR, dB"},           {"method_bench", "effective bits"},
    {"roofline", "operations per byte"}, {"sweep", "effective bits"}};
const QString kCaption = QStringLiteral("made by a test");

FigureRequest requestOf(Format format) {
    FigureRequest request;
    request.format = format;
    request.millimetres = {178, 120};
    request.dpi = 150;
    request.caption = kCaption;
    return request;
}

class FigureExportTest : public WorkbenchTest {
protected:
    /// A calibrated and quantized transformer with sensitivity: every view has something to draw.
    void fill() {
        ASSERT_TRUE(open("glyph-vit.onnx"));
        ASSERT_TRUE(open("glyph-calib.h5"));
        Recipe recipe = m_context.recipe(); // of one layer: quick
        recipe.rules.front().layers = "m[.]blocks[.]2[.]attn[.]qkv";
        m_context.setRecipe(recipe);
        m_context.startRun();
        ASSERT_TRUE(wait());
        SensitivityOptions options;
        options.samples = 4;
        options.bits = {4};
        m_context.startSensitivity(options);
        ASSERT_TRUE(wait());
        m_context.select(Selection::ofLayer(0));
        SweepDocument::of(m_context).open(QString::fromStdString(
            m_sweepFolder.write("results.json", jsonText(sweepToJson(*sampleResults())))));
        ASSERT_TRUE(wait());
    }
    TempDir m_sweepFolder;
    void show(ViewDock &dock) {
        dock.setFloating(true);
        dock.resize(1000, 700);
        static_cast<QWidget &>(dock).show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&dock));
        ASSERT_TRUE(wait());
    }
    ViewDock *make(const QString &id) {
        const auto &views = builtinViews();
        return std::find_if(views.begin(), views.end(), [&](const auto &view) { return view.id == id; })
            ->create(m_context);
    }
    static FigureExporter *exporterOf(const ViewDock &dock) {
        return dock.findChild<FigureExporter *>(QString(), Qt::FindDirectChildrenOnly);
    }
    /// The figure of a view, as soon as it draws something.
    QWidget *figureOf(const ViewDock &dock) {
        const FigureExporter *exporter = exporterOf(dock);
        return QTest::qWaitFor([&] { return exporter->current() != nullptr; }, 60000) ? exporter->current()
                                                                                      : nullptr;
    }
    void checkFiles(QWidget &widget, const std::string &axisTitle) {
        FigureSource &figure = dynamic_cast<FigureSource &>(widget);
        const std::string texts = textsOf(exported(figure, requestOf(Format::Svg))).toStdString();
        EXPECT_THAT(texts, testing::HasSubstr(axisTitle));
        EXPECT_THAT(texts, testing::HasSubstr(kCaption.toStdString()));
        const QSizeF page = pageSizeOf(exported(figure, requestOf(Format::Pdf)));
        EXPECT_NEAR(page.width(), 178 / 25.4 * 72, 0.5);
        EXPECT_NEAR(page.height(), 120 / 25.4 * 72, 0.5);
        FigureRequest clear = requestOf(Format::Png);
        clear.background = Background::Transparent;
        const QImage image = QImage::fromData(exported(figure, clear));
        EXPECT_EQ(image.size(), QSize(1051, 709));
        EXPECT_NEAR(toDpi(image.dotsPerMeterX()), 150, 0.1);
        for (const QPoint corner : {QPoint(0, 0), QPoint(1050, 0), QPoint(0, 708), QPoint(1050, 708)})
            EXPECT_EQ(image.pixelColor(corner).alpha(), 0);
        const QByteArray table = exported(figure, requestOf(Format::Csv));
        EXPECT_TRUE(table.startsWith("# " + kCaption.toUtf8() + '\n'));
        EXPECT_GT(table.count('\n'), 2);
        EXPECT_FALSE(figure.figureTitle().isEmpty());
        EXPECT_FALSE(figure.figureName().isEmpty());
    }
};

TEST_F(FigureExportTest, EveryViewWithAFigureWritesAllFormats) {
    fill();
    std::set<QString> found;
    for (const ViewFactory &factory : builtinViews()) {
        SCOPED_TRACE(factory.id.toStdString());
        const std::unique_ptr<ViewDock> dock(factory.create(m_context));
        if (!exporterOf(*dock))
            continue;
        found.insert(factory.id);
        EXPECT_TRUE(dock->findChild<QAction *>("export_figure"));
        EXPECT_TRUE(dock->findChild<QAction *>("copy_figure"));
        show(*dock);
        QWidget *figure = figureOf(*dock);
        ASSERT_TRUE(figure);
        const auto title = kFigures.find(factory.id);
        checkFiles(*figure, title == kFigures.end() ? std::string() : title->second);
    }
    for (const auto &[id, title] : kFigures)
        EXPECT_TRUE(found.count(id)) << id.toStdString() << " has lost its figure";
    EXPECT_EQ(errors(), 0);
}

TEST_F(FigureExportTest, WritesAFileAndTellsWhatWentWrong) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    m_context.select(Selection::ofLayer(0));
    const std::unique_ptr<ViewDock> dock(make("outlier_map"));
    show(*dock);
    FigureExporter *exporter = exporterOf(*dock);
    EXPECT_EQ(exporter->current(), nullptr); // nothing is captured
    dock->findChild<QAction *>("export_figure")->trigger();
    EXPECT_THAT(lastFinding().what, testing::HasSubstr("no figure to export"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.calibrate();
    ASSERT_TRUE(wait());
    QWidget *figure = figureOf(*dock);
    ASSERT_TRUE(figure);
    EXPECT_THAT(exporter->caption(*figure).toStdString(),
                testing::AllOf(testing::HasSubstr("model glyph-cnn.onnx (SHA-256 "),
                               testing::HasSubstr("calibration glyph-calib.h5")));
    const TempDir folder;
    const QString file = QString::fromStdString((folder.path() / "a.csv").string());
    exporter->write(*figure, requestOf(Format::Csv), file);
    ASSERT_TRUE(wait());
    EXPECT_EQ(lastFinding().severity, Severity::Info);
    // A line a cell, one of titles, one of the caption.
    std::int64_t cells = 0;
    for (const auto &layer : m_context.capture()->layers)
        cells += layer ? layer->channels : 0;
    const std::string table = readFile(file.toStdString());
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), cells + 2);
    EXPECT_EQ(errors(), 0);
    exporter->write(*figure, requestOf(Format::Png), "/no/such/folder/a.png");
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 1);
    EXPECT_EQ(lastFinding().where, "/no/such/folder/a.png");
    exporter->copy(*figure, requestOf(Format::Png));
    ASSERT_TRUE(wait());
    const QMimeData *copied = QGuiApplication::clipboard()->mimeData();
    ASSERT_TRUE(copied);
    EXPECT_TRUE(copied->hasImage());
    EXPECT_THAT(textsOf(copied->data("image/svg+xml")).toStdString(), testing::HasSubstr("channel"));
}

} // namespace
} // namespace qs::views
