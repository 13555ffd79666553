#pragma once

#include "views/canvas/qt_imgui_input.h"
#include "views/shared/figure_source.h"

#include <QElapsedTimer>
#include <QOpenGLWidget>
#include <cstdint>
#include <set>

struct ImGuiContext;

namespace qs {
class Figure;
}

namespace qs::views {

/// A widget drawn by Dear ImGui over OpenGL. It owns one ImGui context, draws on demand, and frees its
/// textures when the GL context goes, whichever of both is destroyed first.
class ImGuiCanvas : public QOpenGLWidget, public FigureSource {
    Q_OBJECT
public:
    explicit ImGuiCanvas(QWidget *parent = nullptr);
    ~ImGuiCanvas() override;

    /// Draws this many more frames, then stops: hover and release effects need the ones after the event.
    void requestFrames(int count = 3);
    /// Processor time that this thread spent on preparing and drawing the last frame, in milliseconds;
    /// without handing it to OpenGL.
    double lastFrameMs() const { return m_frameMs; }

    /// What is shown, drawn for paper; null when there is nothing. Holds its data.
    virtual std::shared_ptr<const Figure> figure() const { return nullptr; }
    void setFigureName(const QString &name) { m_figureName = name; }
    QString figureName() const override { return m_figureName; }
    /// What the figure is of: a layer. Captions begin with it.
    void setFigureSubject(const QString &subject) { m_figureSubject = subject; }
    QString figureTitle() const override; ///< with what the figure leaves out or joins
    QSize figureSize() const override { return size(); }
    bool hasFigure() const override { return figure() != nullptr; }
    FigureWork prepareFigure(const FigureRequest &request) override;

protected:
    using TextureId = unsigned int;

    /// Draws one frame into a full-size ImGui window. No file access, no work that grows with the data.
    virtual void drawUi() = 0;
    /// The GL context went away with all textures: forget their names.
    virtual void texturesLost() {}

    /// Only inside drawUi(). Shown without interpolation. \param rgba  width × height pixels, top row first
    TextureId createTexture(int width, int height, const std::uint32_t *rgba);
    void deleteTexture(TextureId texture);

    void initializeGL() override;
    void paintGL() override;
    bool event(QEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    class Scope;
    void releaseGl();
    void updateFonts();
    void updateStyle();

    ImGuiContext *m_imgui = nullptr;
    QtImGuiInput m_input;
    QElapsedTimer m_clock;
    std::set<TextureId> m_textures;
    QMetaObject::Connection m_contextGoes;
    QByteArray m_fontFile; ///< ImGui reads it until the atlas is gone
    double m_fontRatio = 0;
    double m_frameMs = 0;
    int m_framesLeft = 0;
    bool m_backendReady = false;
    QString m_figureName = QStringLiteral("figure"), m_figureSubject;
};

} // namespace qs::views
