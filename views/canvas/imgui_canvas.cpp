#include "views/canvas/imgui_canvas.h"

#include "core/figure/figure.h"
#include "views/canvas/qt_font.h"
#include "views/shared/color_maps.h"

#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <ctime>
#include <imgui.h>
#include <imgui_impl_opengl3.h>

namespace qs::views {

/// Makes a canvas's ImGui context the current one and puts the previous one back.
class ImGuiCanvas::Scope {
public:
    explicit Scope(ImGuiContext *context) : m_previous(ImGui::GetCurrentContext()) {
        ImGui::SetCurrentContext(context);
    }
    ~Scope() { ImGui::SetCurrentContext(m_previous); }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

private:
    ImGuiContext *m_previous;
};

namespace {

// Latin, Greek, Cyrillic; punctuation, super- and subscripts, arrows, mathematics.
constexpr ImWchar kGlyphRanges[] = {0x0020, 0x024F, 0x0370, 0x03FF, 0x0400, 0x052F, 0x2000, 0x206F,
                                    0x2070, 0x209F, 0x2190, 0x22FF, 0x25A0, 0x25FF, 0};

/// Of this thread: on a busy machine the wall clock tells of others.
double processorMs() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

ImVec4 toImGui(const QColor &color) {
    return {static_cast<float>(color.redF()), static_cast<float>(color.greenF()),
            static_cast<float>(color.blueF()), static_cast<float>(color.alphaF())};
}

} // namespace

ImGuiCanvas::ImGuiCanvas(QWidget *parent) : QOpenGLWidget(parent) {
    // CreateContext makes the first one current; every entry sets its own, so leave no trace.
    ImGuiContext *previous = ImGui::GetCurrentContext();
    m_imgui = ImGui::CreateContext();
    {
        const Scope scope(m_imgui);
        ImGui::GetIO().IniFilename = nullptr;
        QtImGuiInput::setUpContext();
    }
    ImGui::SetCurrentContext(previous);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setMinimumSize(120, 90);
    m_clock.start();
}

ImGuiCanvas::~ImGuiCanvas() {
    releaseGl();
    ImGuiContext *previous = ImGui::GetCurrentContext();
    ImGui::DestroyContext(m_imgui); // leaves the current context null if it was this one
    ImGui::SetCurrentContext(previous == m_imgui ? nullptr : previous);
}

void ImGuiCanvas::requestFrames(int count) {
    m_framesLeft = std::max(m_framesLeft, count);
    update();
}

void ImGuiCanvas::initializeGL() {
    const Scope scope(m_imgui);
    m_backendReady = ImGui_ImplOpenGL3_Init(nullptr);
    m_fontRatio = 0;
    // The context may die before this widget does (reparenting makes a new one).
    m_contextGoes = connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, &ImGuiCanvas::releaseGl,
                            Qt::DirectConnection);
    requestFrames();
}

void ImGuiCanvas::releaseGl() {
    // QOpenGLWidget's own destructor emits the signal again, when the derived part is gone.
    disconnect(m_contextGoes);
    if (!m_backendReady)
        return;
    makeCurrent();
    for (TextureId texture : m_textures)
        context()->functions()->glDeleteTextures(1, &texture);
    m_textures.clear();
    texturesLost();
    {
        const Scope scope(m_imgui);
        ImGui_ImplOpenGL3_Shutdown();
    }
    m_backendReady = false;
    doneCurrent();
}

ImGuiCanvas::TextureId ImGuiCanvas::createTexture(int width, int height, const std::uint32_t *rgba) {
    QOpenGLFunctions &gl = *context()->functions();
    TextureId texture = 0;
    gl.glGenTextures(1, &texture);
    gl.glBindTexture(GL_TEXTURE_2D, texture);
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl.glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl.glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    gl.glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    m_textures.insert(texture);
    return texture;
}

void ImGuiCanvas::deleteTexture(TextureId texture) {
    if (m_textures.erase(texture))
        context()->functions()->glDeleteTextures(1, &texture);
}

void ImGuiCanvas::updateFonts() {
    if (m_fontRatio == devicePixelRatioF())
        return;
    m_fontRatio = devicePixelRatioF();
    ImGuiIO &io = ImGui::GetIO();
    io.Fonts->Clear();
    m_fontFile = trueTypeFile(font());
    if (m_fontFile.isEmpty()) {
        io.Fonts->AddFontDefault();
    } else {
        ImFontConfig config;
        config.FontDataOwnedByAtlas = false;
        config.OversampleH = 2;
        // QFont's pixel size is that of the em square; ImGui's is ascent to descent.
        const auto pixels = static_cast<float>(fontMetrics().ascent() + fontMetrics().descent());
        io.Fonts->AddFontFromMemoryTTF(m_fontFile.data(), static_cast<int>(m_fontFile.size()),
                                       std::round(pixels * static_cast<float>(m_fontRatio)), &config,
                                       kGlyphRanges);
        io.FontGlobalScale = 1 / static_cast<float>(m_fontRatio);
    }
    ImGui_ImplOpenGL3_DestroyFontsTexture();
    ImGui_ImplOpenGL3_CreateFontsTexture();
}

void ImGuiCanvas::updateStyle() {
    ImGuiStyle &style = ImGui::GetStyle();
    style.WindowPadding = {0, 0};
    style.WindowBorderSize = 0;
    style.Colors[ImGuiCol_WindowBg] = toImGui(palette().color(QPalette::Base));
    style.Colors[ImGuiCol_Text] = toImGui(palette().color(QPalette::Text));
    style.Colors[ImGuiCol_TextDisabled] = toImGui(palette().color(QPalette::PlaceholderText));
    style.Colors[ImGuiCol_PopupBg] = toImGui(palette().color(QPalette::Window));
    style.Colors[ImGuiCol_Border] = toImGui(palette().color(QPalette::Mid));
}

void ImGuiCanvas::paintGL() {
    if (!m_backendReady)
        return;
    const Scope scope(m_imgui);
    const double start = processorMs();
    ImGuiIO &io = ImGui::GetIO();
    const auto ratio = static_cast<float>(devicePixelRatioF());
    io.DisplaySize = {static_cast<float>(width()), static_cast<float>(height())};
    io.DisplayFramebufferScale = {ratio, ratio};
    io.DeltaTime = std::max(1e-4f, static_cast<float>(m_clock.nsecsElapsed()) * 1e-9f);
    m_clock.restart();
    const bool moreInput = m_input.apply();

    ImGui_ImplOpenGL3_NewFrame();
    updateFonts();
    updateStyle();
    ImGui::NewFrame();
    ImGui::SetNextWindowPos({0, 0});
    ImGui::SetNextWindowSize(io.DisplaySize);
    ImGui::Begin("canvas", nullptr,
                 ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                     ImGuiWindowFlags_NoScrollWithMouse | ImGuiWindowFlags_NoBringToFrontOnFocus);
    drawUi();
    ImGui::End();
    ImGui::Render();
    m_frameMs = processorMs() - start;

    const QColor background = palette().color(QPalette::Base);
    QOpenGLFunctions &gl = *context()->functions();
    gl.glClearColor(static_cast<float>(background.redF()), static_cast<float>(background.greenF()),
                    static_cast<float>(background.blueF()), 1);
    gl.glClear(GL_COLOR_BUFFER_BIT);
    ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
    QtImGuiInput::updateCursor(*this);
    if (moreInput)
        m_framesLeft = std::max(m_framesLeft, 3);
    if (--m_framesLeft > 0)
        update();
}

bool ImGuiCanvas::event(QEvent *event) {
    if (m_input.handle(*event))
        requestFrames();
    return QOpenGLWidget::event(event);
}

void ImGuiCanvas::changeEvent(QEvent *event) {
    if (event->type() == QEvent::FontChange)
        m_fontRatio = 0;
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        requestFrames();
    QOpenGLWidget::changeEvent(event);
}

QString ImGuiCanvas::figureTitle() const {
    const auto drawn = figure();
    if (!drawn)
        return {};
    QString title = QString::fromStdString(drawn->title());
    if (!m_figureSubject.isEmpty())
        title.prepend(m_figureSubject + QStringLiteral(": "));
    // On paper nobody can ask what a dot stands for.
    QString subtitle = QString::fromStdString(drawn->subtitle()).replace('\n', ' ');
    while (subtitle.endsWith('.'))
        subtitle.chop(1);
    return subtitle.isEmpty() ? title : QStringLiteral("%1. %2").arg(title, subtitle);
}

FigureWork ImGuiCanvas::prepareFigure(const FigureRequest &request) {
    FigureOptions options;
    const QSizeF size = request.millimetres * kPixelsPerMillimetre;
    options.width = size.width();
    options.height = size.height();
    options.scale = request.dpi / kPixelsPerInch;
    options.zoom = figureZoom(request.points);
    options.transparent = request.background == FigureRequest::Background::Transparent;
    options.heading = false; // the caption says it
    options.caption = request.caption.toStdString();
    if (request.background == FigureRequest::Background::Theme && isDarkTheme())
        options.theme = FigureTheme::dark();
    return
        [drawn = figure(), options, format = request.format](const RunContext &ctx) -> Result<std::string> {
            switch (format) {
            case FigureRequest::Format::Csv:
                return figureTable(*drawn, options.caption, ctx);
            case FigureRequest::Format::Pdf:
                return renderFigure(*drawn, PictureFormat::Pdf, options);
            case FigureRequest::Format::Png:
                return renderFigure(*drawn, PictureFormat::Png, options);
            case FigureRequest::Format::Svg:
                break;
            }
            return renderFigure(*drawn, PictureFormat::Svg, options);
        };
}

} // namespace qs::views
