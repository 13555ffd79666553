#include "views/canvas/imgui_canvas.h"

#include <QHBoxLayout>
#include <QMainWindow>
#include <QTest>
#include <gmock/gmock.h>
#include <imgui.h>

namespace qs::views {
namespace {

/// Paints everything in one colour through a texture and counts what it was told.
class PlainCanvas : public ImGuiCanvas {
public:
    int frames = 0, lost = 0, clicks = 0, releases = 0;

protected:
    void drawUi() override {
        ++frames;
        if (!m_texture) {
            const std::uint32_t green = 0xFF00FF00;
            m_texture = createTexture(1, 1, &green);
        }
        ImGui::GetWindowDrawList()->AddImage(reinterpret_cast<ImTextureID>(std::uintptr_t{m_texture}), {0, 0},
                                             ImGui::GetIO().DisplaySize);
        clicks += ImGui::IsMouseClicked(ImGuiMouseButton_Left);
        releases += ImGui::IsMouseReleased(ImGuiMouseButton_Left);
    }
    void texturesLost() override {
        m_texture = 0;
        ++lost;
    }

private:
    TextureId m_texture = 0;
};

bool isGreen(ImGuiCanvas &canvas) {
    const QImage image = canvas.grabFramebuffer();
    return image.pixelColor(image.width() / 2, image.height() / 2) == QColor(0, 255, 0);
}

void show(QWidget &window) {
    window.resize(500, 300);
    window.show();
    ASSERT_TRUE(QTest::qWaitForWindowExposed(&window));
}

TEST(ImGuiCanvas, SurvivesTheDeathOfAnother) {
    QWidget window;
    auto *layout = new QHBoxLayout(&window);
    auto *first = new PlainCanvas;
    auto *second = new PlainCanvas;
    layout->addWidget(first);
    layout->addWidget(second);
    show(window);
    EXPECT_TRUE(isGreen(*first));
    EXPECT_TRUE(isGreen(*second));
    delete first;
    const int before = second->frames;
    second->requestFrames();
    EXPECT_TRUE(QTest::qWaitFor([&] { return second->frames > before; }, 10000));
    EXPECT_TRUE(isGreen(*second));
}

TEST(ImGuiCanvas, NeverShownCanBeDeleted) {
    auto canvas = std::make_unique<PlainCanvas>();
    canvas->requestFrames();
    EXPECT_EQ(canvas->frames, 0);
    canvas.reset();
    EXPECT_EQ(ImGui::GetCurrentContext(), nullptr);
}

TEST(ImGuiCanvas, LosesAndRestoresItsTexturesWhenReparented) {
    QWidget other;
    QMainWindow window;
    auto *canvas = new PlainCanvas;
    window.setCentralWidget(canvas);
    show(window);
    EXPECT_TRUE(isGreen(*canvas));
    window.takeCentralWidget();
    auto *layout = new QHBoxLayout(&other);
    layout->addWidget(canvas);
    show(other);
    EXPECT_GE(canvas->lost, 1);
    EXPECT_TRUE(isGreen(*canvas));
}

TEST(ImGuiCanvas, StopsDrawingWhenNothingHappens) {
    PlainCanvas canvas;
    show(canvas);
    QTest::qWait(500);
    const int before = canvas.frames;
    QTest::qWait(200);
    EXPECT_EQ(canvas.frames, before);
    canvas.requestFrames();
    EXPECT_TRUE(QTest::qWaitFor([&] { return canvas.frames == before + 3; }, 10000));
    QTest::qWait(200);
    EXPECT_EQ(canvas.frames, before + 3);
}

TEST(ImGuiCanvas, SeesEveryClickBetweenTwoFrames) {
    PlainCanvas canvas;
    show(canvas);
    QTest::qWait(100);
    canvas.clicks = canvas.releases = 0;
    // No event loop runs in between, so all four events wait for one frame.
    QTest::mouseClick(&canvas, Qt::LeftButton, {}, {50, 50});
    QTest::mouseClick(&canvas, Qt::LeftButton, {}, {50, 50});
    EXPECT_TRUE(QTest::qWaitFor([&] { return canvas.clicks == 2 && canvas.releases == 2; }, 10000));
}

} // namespace
} // namespace qs::views
