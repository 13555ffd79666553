#include "tests/views/workbench_fixture.h"
#include "views/canvas/graph_canvas.h"
#include "views/graph_map/graph_map_dock.h"
#include "views/graph_map/graph_map_toolbar.h"

#include <QApplication>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QMainWindow>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

class GraphMapDockTest : public WorkbenchTest {
protected:
    void SetUp() override {
        window.addDockWidget(Qt::TopDockWidgetArea, dock);
        window.resize(1000, 700);
        window.show();
        ASSERT_TRUE(QTest::qWaitForWindowExposed(&window));
    }
    void openVit() {
        ASSERT_TRUE(open("glyph-vit.onnx"));
        ASSERT_TRUE(waitUntil([this] { return canvas().scene() != nullptr; }));
        ASSERT_TRUE(wait());
    }
    GraphCanvas &canvas() { return dock->canvas(); }
    const GraphScene &scene() { return *canvas().scene(); }
    int itemOfLayer(const std::string &name) {
        const Layer *layer = m_context.model()->findLayer(name);
        return layer ? scene().map->itemOfNode[static_cast<std::size_t>(layer->node)] : -1;
    }
    QPoint pixelOf(int item) {
        return canvas()
            .camera()
            .toPixel({scene().item(item).center.x, scene().item(item).center.y})
            .toPoint();
    }
    QPushButton *button(const QString &text) {
        for (QPushButton *found : dock->toolbar().findChildren<QPushButton *>())
            if (found->text() == text)
                return found;
        return nullptr;
    }

    QMainWindow window;
    GraphMapDock *dock = new GraphMapDock(m_context);
};

TEST_F(GraphMapDockTest, ShowsTheGraphOfAModel) {
    openVit();
    EXPECT_GT(scene().map->items.size(), 10u);
    const QImage image = canvas().grabFramebuffer();
    std::set<QRgb> colors;
    for (int y = 0; y < image.height(); y += 3)
        for (int x = 0; x < image.width(); x += 3)
            colors.insert(image.pixel(x, y));
    EXPECT_GT(colors.size(), 10u);
}

TEST_F(GraphMapDockTest, ClickSelectsTheLayerEverywhere) {
    openVit();
    dock->goTo(m_context.model()->findLayer("m.blocks.1.mlp.fc1")->node);
    ASSERT_TRUE(waitUntil([this] {
        return m_context.selection().layer == m_context.model()->findLayer("m.blocks.1.mlp.fc1")->id;
    }));
    const int item = itemOfLayer("m.blocks.1.mlp.fc2");
    ASSERT_GE(item, 0);
    canvas().centerOn(item);
    QTest::mouseClick(&canvas(), Qt::LeftButton, {}, whereItStays([&] { return pixelOf(item); }));
    EXPECT_TRUE(waitUntil([this] {
        return m_context.selection().layer == m_context.model()->findLayer("m.blocks.1.mlp.fc2")->id;
    }));
}

TEST_F(GraphMapDockTest, SelectionFromElsewhereIsMarkedAndInTheMiddle) {
    openVit();
    const Layer *layer = m_context.model()->findLayer("m.blocks.3.attn.qkv");
    ASSERT_TRUE(layer);
    m_context.select(Selection::ofLayer(layer->id));
    EXPECT_TRUE(waitUntil([&] { return canvas().current() == itemOfLayer("m.blocks.3.attn.qkv"); }));
    EXPECT_THAT(canvas().marks().selected, testing::ElementsAre(canvas().current()));
    QTest::qWait(50);
    EXPECT_TRUE(canvas().rect().contains(pixelOf(canvas().current())));
}

TEST_F(GraphMapDockTest, NewResultsDoNotMoveTheView) {
    openVit();
    QTest::keyClick(&canvas(), Qt::Key_End);
    QTest::keyClick(&canvas(), Qt::Key_Plus);
    canvas().centerOn(0);
    const QRectF before = canvas().camera().visible();
    ASSERT_TRUE(open("glyph-calib.h5"));
    m_context.startRun();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(waitUntil([this] { return scene().hasValues; }));
    EXPECT_EQ(canvas().camera().visible(), before);
}

TEST_F(GraphMapDockTest, EnterOpensAndClosesABlock) {
    openVit();
    QTest::mouseClick(button("Close all"), Qt::LeftButton);
    ASSERT_TRUE(wait());
    const std::size_t closed = scene().map->items.size();
    const int block = itemOfLayer("m.blocks.0.attn.qkv");
    ASSERT_EQ(scene().item(block).kind, MapItem::Kind::Block);
    canvas().setCurrent(block);
    QTest::keyClick(&canvas(), Qt::Key_Return);
    ASSERT_TRUE(waitUntil([&] { return scene().map->items.size() > closed; }));
    ASSERT_TRUE(wait());
    EXPECT_EQ(scene().item(canvas().current()).kind, MapItem::Kind::Frame);
    QTest::keyClick(&canvas(), Qt::Key_Return);
    EXPECT_TRUE(waitUntil([&] { return scene().map->items.size() == closed; }));
}

TEST_F(GraphMapDockTest, ArrowsWalkAlongEdges) {
    openVit();
    const bool right = scene().map->direction == MapDirection::Right;
    QTest::keyClick(&canvas(), Qt::Key_Home);
    EXPECT_EQ(scene().item(canvas().current()).kind, MapItem::Kind::Input);
    for (int step = 0; step < 4; ++step) {
        const int before = canvas().current();
        QTest::keyClick(&canvas(), right ? Qt::Key_Right : Qt::Key_Down);
        EXPECT_THAT(scene().map->edgesFrom(before), testing::Contains(canvas().current()));
    }
    const int before = canvas().current();
    QTest::keyClick(&canvas(), right ? Qt::Key_Left : Qt::Key_Up);
    EXPECT_THAT(scene().map->edgesInto(before), testing::Contains(canvas().current()));
    QTest::keyClick(&canvas(), Qt::Key_Plus);
    EXPECT_FALSE(canvas().camera().isFitted());
    QTest::keyClick(&canvas(), Qt::Key_F);
    EXPECT_TRUE(canvas().camera().isFitted());
}

TEST_F(GraphMapDockTest, SearchOpensBlocksOnTheWay) {
    openVit();
    QTest::mouseClick(button("Close all"), Qt::LeftButton);
    ASSERT_TRUE(wait());
    auto *field = dock->toolbar().findChild<QLineEdit *>(QString(), Qt::FindDirectChildrenOnly);
    ASSERT_TRUE(field);
    field->setText("blocks.2/.*softmax");
    EXPECT_EQ(canvas().marks().matches.size(), 1u);
    QTest::keyClick(field, Qt::Key_Return);
    ASSERT_TRUE(waitUntil([this] {
        return canvas().current() >= 0 && scene().item(canvas().current()).kind == MapItem::Kind::Node;
    }));
    const NodeId node = scene().item(canvas().current()).node;
    EXPECT_EQ(m_context.model()->graph.node(node).opType, "Softmax");
}

TEST_F(GraphMapDockTest, FirstDivergenceIsFlaggedAndFollowsTheThreshold) {
    openVit();
    EXPECT_FALSE(button("First divergence")->isEnabled());
    ASSERT_TRUE(open("glyph-calib.h5"));
    WeightChoice choice;
    choice.scheme.grid.bits = 3;
    m_context.setRecipe(uniformRecipe("w3", choice, std::nullopt));
    m_context.startRun();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(waitUntil([this] { return button("First divergence")->isEnabled(); }));
    QTest::mouseClick(button("First divergence"), Qt::LeftButton);
    ASSERT_TRUE(waitUntil([this] { return canvas().marks().flagged >= 0; }));
    ASSERT_TRUE(wait());
    EXPECT_TRUE(scene().hasValues);
    EXPECT_EQ(scene().metric, NodeMetric::AccumulatedSqnr);
    auto *threshold = dock->toolbar().findChild<QDoubleSpinBox *>();
    threshold->setValue(-20);
    EXPECT_TRUE(waitUntil([this] { return canvas().marks().flagged < 0; }));
    EXPECT_EQ(errors(), 0);
}

} // namespace
} // namespace qs::views
