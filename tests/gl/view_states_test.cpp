#include "tests/support/onnx_text_model.h"
#include "tests/support/temp_dir.h"
#include "tests/views/sweep_samples.h"
#include "tests/views/workbench_fixture.h"

#include "core/base/json_text.h"
#include "views/shared/figure_export.h"
#include "views/shared/sweep_document.h"
#include "views/shared/view_dock.h"
#include "views/shared/view_factory.h"

#include <QAction>
#include <QApplication>
#include <QLabel>
#include <QTableView>
#include <QTest>
#include <QTreeView>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Tensor matrix(std::int64_t rows, std::int64_t cols, const std::vector<float> &values) {
    return Tensor::fromValues<float>({rows, cols}, values);
}

QPalette darkPalette() {
    QPalette palette(QColor(45, 47, 52));
    palette.setColor(QPalette::Base, QColor(30, 32, 36));
    palette.setColor(QPalette::Text, Qt::white);
    palette.setColor(QPalette::WindowText, Qt::white);
    palette.setColor(QPalette::ButtonText, Qt::white);
    return palette;
}

/// Every view at once, in a light and in a dark window.
class ViewStates : public WorkbenchTest, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam())
            QApplication::setPalette(darkPalette());
        for (const ViewFactory &factory : builtinViews()) {
            docks.emplace_back(factory.create(m_context));
            ViewDock &dock = *docks.back();
            dock.setFloating(true);
            dock.resize(800, 480);
            static_cast<QWidget &>(dock).show();
            ASSERT_TRUE(QTest::qWaitForWindowExposed(&dock));
        }
    }
    void TearDown() override {
        docks.clear();
        QApplication::setPalette(m_paletteBefore);
    }
    /// All views paint something, at this and at a silly size.
    void expectPictures() {
        for (const auto &dock : docks) {
            SCOPED_TRACE(dock->objectName().toStdString());
            EXPECT_GT(colorsOf(dock->grab().toImage()), 3U);
            dock->resize(200, 120);
            EXPECT_FALSE(dock->grab().isNull());
            dock->resize(800, 480);
            QCoreApplication::processEvents();
        }
    }
    static std::size_t colorsOf(const QImage &image) {
        std::set<QRgb> colors;
        for (int y = 0; y < image.height(); y += 3)
            for (int x = 0; x < image.width(); x += 3)
                colors.insert(image.pixel(x, y));
        return colors.size();
    }
    static QString textsOf(const ViewDock &dock) {
        QString texts;
        for (const QLabel *label : dock.findChildren<QLabel *>())
            if (label->isVisible())
                texts += label->text() + '\n';
        return texts.trimmed();
    }
    static bool hasRows(const ViewDock &dock) {
        const auto lists = dock.findChildren<QAbstractItemView *>();
        return std::any_of(lists.begin(), lists.end(), [](const QAbstractItemView *list) {
            return list->isVisible() && list->model() && list->model()->rowCount() > 0;
        });
    }
    static bool hasFigure(const ViewDock &dock) {
        const auto *exporter = dock.findChild<FigureExporter *>(QString(), Qt::FindDirectChildrenOnly);
        return exporter && exporter->current();
    }
    const ViewDock &dock(const QString &id) const {
        return **std::find_if(docks.begin(), docks.end(),
                              [&](const auto &other) { return other->objectName() == id; });
    }
    /// Opens a chain of MatMuls x [N, width] with these weights and calibrates it on nothing.
    void openChain(const std::vector<Tensor> &weights, const std::string &end = {}) {
        std::string nodes, last = "x";
        std::map<std::string, Tensor> constants;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const std::string name = "layer" + std::to_string(i);
            constants[name + "_w"] = weights[i];
            nodes += name + " = MatMul(" + last + ", " + name + "_w) ";
            last = name;
        }
        nodes += end.empty() ? "y = Relu(" + last + ")" : "y = " + end + "(" + last + ")";
        const std::string in = std::to_string(weights.front().shape()[0]),
                          out = std::to_string(weights.back().shape()[1]);
        const std::filesystem::path file = folder.path() / "model.onnx";
        writeOnnxText(file,
                      "<ir_version: 8, opset_import: [\"\" : 17]> g (float[N," + in + "] x) => (float[N," +
                          out + "] y) { " + nodes + " }",
                      constants);
        m_context.openFile(QString::fromStdString(file.string()));
        ASSERT_TRUE(wait());
        ASSERT_TRUE(m_context.model());
        ASSERT_EQ(m_context.model()->layers.size(), weights.size());
    }
    void run() {
        m_context.startRun();
        ASSERT_TRUE(wait());
        m_context.select(Selection::ofLayer(0));
        ASSERT_TRUE(wait());
    }

    const QPalette m_paletteBefore = QApplication::palette();
    TempDir folder;
    std::vector<std::unique_ptr<ViewDock>> docks;
};

TEST_P(ViewStates, EmptyViewsSayWhatToDo) {
    expectPictures();
    for (const auto &dock : docks) {
        SCOPED_TRACE(dock->objectName().toStdString());
        EXPECT_FALSE(hasFigure(*dock));
        EXPECT_GT(textsOf(*dock).size(), 10);
    }
    EXPECT_EQ(errors(), 0);
}

TEST_P(ViewStates, EveryTableAndTreeCanBeCopied) {
    int tables = 0;
    for (const auto &dock : docks)
        for (const QAbstractItemView *view : dock->findChildren<QAbstractItemView *>()) {
            if (!qobject_cast<const QTableView *>(view) && !qobject_cast<const QTreeView *>(view))
                continue;
            SCOPED_TRACE(dock->objectName().toStdString());
            ++tables;
            EXPECT_TRUE(view->findChild<QAction *>("copy_rows", Qt::FindDirectChildrenOnly));
            EXPECT_TRUE(view->findChild<QAction *>("copy_table", Qt::FindDirectChildrenOnly));
        }
    EXPECT_GT(tables, 8);
}

TEST_P(ViewStates, LoadingPartialAndFull) {
    m_context.openFile(sample("glyph-vit.onnx"));
    QCoreApplication::processEvents();
    expectPictures(); // while the file is read
    ASSERT_TRUE(wait());
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.select(Selection::ofLayer(2));
    m_context.startRun();
    const auto finishedLayers = [this] {
        const auto run = m_context.run();
        return run ? std::count_if(run->layers.begin(), run->layers.end(),
                                   [](const auto &layer) { return layer != nullptr; })
                   : 0;
    };
    ASSERT_TRUE(QTest::qWaitFor([&] { return finishedLayers() > 0; }, 60000));
    ASSERT_FALSE(m_context.run()->complete) << "the run was over before it could be looked at";
    expectPictures();
    EXPECT_TRUE(hasRows(dock("layer_table")));
    EXPECT_TRUE(hasRows(dock("jobs")));
    ASSERT_TRUE(wait());
    SensitivityOptions options;
    options.samples = 4;
    options.bits = {4};
    m_context.startSensitivity(options);
    ASSERT_TRUE(wait());
    TempDir folder;
    SweepDocument::of(m_context).open(
        QString::fromStdString(folder.write("results.json", jsonText(sweepToJson(*sampleResults())))));
    ASSERT_TRUE(wait());
    expectPictures();
    for (const auto &dock : docks) {
        SCOPED_TRACE(dock->objectName().toStdString());
        EXPECT_TRUE(QTest::qWaitFor(
            [&] {
                return hasFigure(*dock) || hasRows(*dock) || dock->objectName() == "findings" ||
                       dock->objectName() == "recipe_editor";
            },
            30000));
    }
    EXPECT_EQ(errors(), 0);
}

TEST_P(ViewStates, AMissingOperatorLeavesLayersToLookAt) {
    openChain({matrix(4, 2, {1, 2, 3, 4, 5, 6, 7, 8})}, "Mystery");
    m_context.select(Selection::ofLayer(0));
    ASSERT_TRUE(wait());
    EXPECT_FALSE(m_context.executor());
    expectPictures();
    EXPECT_TRUE(hasRows(dock("layer_table")));
    EXPECT_TRUE(hasRows(dock("findings")));
    EXPECT_TRUE(hasFigure(dock("distribution")));
    EXPECT_TRUE(hasFigure(dock("graph_map")));
    EXPECT_GT(textsOf(dock("attention")).size(), 10);
}

TEST_P(ViewStates, AFailingLayerIsToldAndTheOthersAreShown) {
    const Tensor good = matrix(4, 4, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8});
    Tensor bad = matrix(4, 4, std::vector<float>(16, kNaN));
    openChain({good, bad, good});
    Recipe recipe = m_context.recipe();
    for (RecipeRule &rule : recipe.rules)
        rule.choice.activation.reset(); // there is no calibration set
    m_context.setRecipe(recipe);
    run();
    ASSERT_TRUE(m_context.run() && m_context.run()->complete);
    EXPECT_EQ(m_context.run()->layers[1]->state, LayerResult::State::Failed);
    EXPECT_EQ(m_context.run()->layers[2]->state, LayerResult::State::Quantized);
    for (LayerId layer = 0; layer < 3; ++layer) {
        m_context.select(Selection::ofLayer(layer));
        ASSERT_TRUE(wait());
        expectPictures();
    }
    EXPECT_TRUE(hasRows(dock("findings")));
    EXPECT_TRUE(hasRows(dock("method_bench")));
}

TEST_P(ViewStates, ALayerOfOneElement) {
    openChain({matrix(1, 1, {0.5F})});
    Recipe recipe = m_context.recipe();
    for (RecipeRule &rule : recipe.rules)
        rule.choice.activation.reset();
    m_context.setRecipe(recipe);
    run();
    ASSERT_TRUE(m_context.run() && m_context.run()->complete);
    expectPictures();
    EXPECT_TRUE(hasFigure(dock("distribution")));
    EXPECT_EQ(errors(), 0);
}

INSTANTIATE_TEST_SUITE_P(Themes, ViewStates, testing::Bool(),
                         [](const auto &theme) { return theme.param ? "Dark" : "Light"; });

class ManyLayers : public ViewStates {};

TEST_P(ManyLayers, TenThousandLayersOpenAndAreShown) {
    constexpr std::size_t kLayers = 10000;
    const Tensor weight = matrix(2, 2, {0.5F, -0.25F, 0.125F, 1});
    openChain(std::vector<Tensor>(kLayers, weight));
    m_context.select(Selection::ofLayer(kLayers / 2));
    ASSERT_TRUE(wait());
    expectPictures();
    EXPECT_TRUE(hasRows(dock("layer_table")));
    EXPECT_TRUE(hasFigure(dock("distribution")));
    EXPECT_TRUE(QTest::qWaitFor([&] { return hasFigure(dock("graph_map")); }, 60000));
    EXPECT_EQ(errors(), 0);
}

INSTANTIATE_TEST_SUITE_P(Light, ManyLayers, testing::Values(false));

} // namespace
} // namespace qs::views
