#include "views/canvas/qt_imgui_input.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWidget>
#include <cfloat>
#include <imgui.h>

namespace qs::views {

namespace {

struct KeyPair {
    int qt;
    ImGuiKey imgui;
};

constexpr KeyPair kKeys[] = {
    {Qt::Key_Tab, ImGuiKey_Tab},
    {Qt::Key_Left, ImGuiKey_LeftArrow},
    {Qt::Key_Right, ImGuiKey_RightArrow},
    {Qt::Key_Up, ImGuiKey_UpArrow},
    {Qt::Key_Down, ImGuiKey_DownArrow},
    {Qt::Key_PageUp, ImGuiKey_PageUp},
    {Qt::Key_PageDown, ImGuiKey_PageDown},
    {Qt::Key_Home, ImGuiKey_Home},
    {Qt::Key_End, ImGuiKey_End},
    {Qt::Key_Insert, ImGuiKey_Insert},
    {Qt::Key_Delete, ImGuiKey_Delete},
    {Qt::Key_Backspace, ImGuiKey_Backspace},
    {Qt::Key_Space, ImGuiKey_Space},
    {Qt::Key_Return, ImGuiKey_Enter},
    {Qt::Key_Escape, ImGuiKey_Escape},
    {Qt::Key_Enter, ImGuiKey_KeyPadEnter},
    {Qt::Key_A, ImGuiKey_A},
    {Qt::Key_C, ImGuiKey_C},
    {Qt::Key_V, ImGuiKey_V},
    {Qt::Key_X, ImGuiKey_X},
    {Qt::Key_Y, ImGuiKey_Y},
    {Qt::Key_Z, ImGuiKey_Z},
};

int imguiButton(Qt::MouseButton button) {
    switch (button) {
    case Qt::LeftButton:
        return ImGuiMouseButton_Left;
    case Qt::RightButton:
        return ImGuiMouseButton_Right;
    case Qt::MiddleButton:
        return ImGuiMouseButton_Middle;
    default:
        return -1;
    }
}

void setClipboard(void *, const char *text) {
    QGuiApplication::clipboard()->setText(QString::fromUtf8(text));
}

const char *clipboard(void *) {
    static QByteArray text; // ImGui reads it before it asks again
    text = QGuiApplication::clipboard()->text().toUtf8();
    return text.constData();
}

} // namespace

bool QtImGuiInput::handle(const QEvent &event) {
    using Kind = Event::Kind;
    switch (event.type()) {
    case QEvent::MouseMove:
        m_events.push_back({Kind::Move, static_cast<const QMouseEvent &>(event).position()});
        return true;
    case QEvent::MouseButtonPress:
    case QEvent::MouseButtonDblClick:
    case QEvent::MouseButtonRelease: {
        const auto &mouse = static_cast<const QMouseEvent &>(event);
        m_events.push_back({Kind::Move, mouse.position()});
        if (const int button = imguiButton(mouse.button()); button >= 0)
            m_events.push_back(
                {Kind::Button, {}, button, event.type() != QEvent::MouseButtonRelease, mouse.modifiers()});
        return true;
    }
    case QEvent::Wheel: {
        const auto &wheel = static_cast<const QWheelEvent &>(event);
        m_events.push_back({Kind::Move, wheel.position()});
        m_events.push_back({Kind::Wheel, QPointF(wheel.angleDelta()) / 120, 0, false, wheel.modifiers()});
        return true;
    }
    case QEvent::KeyPress:
    case QEvent::KeyRelease:
        handleKey(event);
        return true;
    case QEvent::Leave:
        m_events.push_back({Kind::Leave});
        return true;
    case QEvent::FocusOut:
        releaseEverything();
        return true;
    default:
        return false;
    }
}

void QtImGuiInput::handleKey(const QEvent &event) {
    const auto &key = static_cast<const QKeyEvent &>(event);
    const bool down = event.type() == QEvent::KeyPress;
    for (const KeyPair &pair : kKeys)
        if (pair.qt == key.key())
            m_events.push_back({Event::Kind::Key, {}, pair.imgui, down, key.modifiers()});
    if (down && !key.text().isEmpty() && key.text().front().isPrint())
        m_events.push_back({Event::Kind::Text, {}, 0, true, key.modifiers(), key.text()});
}

void QtImGuiInput::releaseEverything() {
    for (int button = 0; button < 3; ++button)
        m_events.push_back({Event::Kind::Button, {}, button, false});
    for (const KeyPair &pair : kKeys)
        m_events.push_back({Event::Kind::Key, {}, pair.imgui, false});
}

#if IMGUI_VERSION_NUM >= 18700

// Newer versions queue events themselves.
bool QtImGuiInput::apply() {
    for (const Event &event : m_events)
        applyOne(event);
    m_events.clear();
    return false;
}

void QtImGuiInput::applyOne(const Event &event) {
    ImGuiIO &io = ImGui::GetIO();
    switch (event.kind) {
    case Event::Kind::Move:
        io.AddMousePosEvent(static_cast<float>(event.position.x()), static_cast<float>(event.position.y()));
        break;
    case Event::Kind::Leave:
        io.AddMousePosEvent(-FLT_MAX, -FLT_MAX);
        break;
    case Event::Kind::Button:
        io.AddMouseButtonEvent(event.code, event.down);
        break;
    case Event::Kind::Wheel:
        io.AddMouseWheelEvent(static_cast<float>(event.position.x()), static_cast<float>(event.position.y()));
        break;
    case Event::Kind::Key:
        io.AddKeyEvent(static_cast<ImGuiKey>(event.code), event.down);
        break;
    case Event::Kind::Text:
        io.AddInputCharactersUTF8(event.text.toUtf8().constData());
        break;
    }
}

void QtImGuiInput::setUpContext() {
    ImGui::GetIO().SetClipboardTextFn = setClipboard;
    ImGui::GetIO().GetClipboardTextFn = clipboard;
}

#else

bool QtImGuiInput::apply() {
    const ImGuiIO &io = ImGui::GetIO();
    bool buttonChanged = false;
    while (!m_events.empty()) {
        const Event &event = m_events.front();
        const bool isButton = event.kind == Event::Kind::Button;
        // What comes after a press happened after it: the pointer may not run ahead of the click.
        if (buttonChanged &&
            (isButton || event.kind == Event::Kind::Move || event.kind == Event::Kind::Leave))
            return true;
        buttonChanged |= isButton && io.MouseDown[event.code] != event.down;
        applyOne(event);
        m_events.pop_front();
    }
    return false;
}

void QtImGuiInput::applyOne(const Event &event) {
    ImGuiIO &io = ImGui::GetIO();
    switch (event.kind) {
    case Event::Kind::Move:
        io.MousePos = {static_cast<float>(event.position.x()), static_cast<float>(event.position.y())};
        return;
    case Event::Kind::Leave:
        io.MousePos = {-FLT_MAX, -FLT_MAX};
        return;
    case Event::Kind::Button:
        io.MouseDown[event.code] = event.down;
        break;
    case Event::Kind::Wheel:
        io.MouseWheelH += static_cast<float>(event.position.x());
        io.MouseWheel += static_cast<float>(event.position.y());
        break;
    case Event::Kind::Key:
        io.KeysDown[event.code] = event.down;
        break;
    case Event::Kind::Text:
        io.AddInputCharactersUTF8(event.text.toUtf8().constData());
        break;
    }
    io.KeyCtrl = event.modifiers.testFlag(Qt::ControlModifier);
    io.KeyShift = event.modifiers.testFlag(Qt::ShiftModifier);
    io.KeyAlt = event.modifiers.testFlag(Qt::AltModifier);
    io.KeySuper = event.modifiers.testFlag(Qt::MetaModifier);
}

void QtImGuiInput::setUpContext() {
    ImGuiIO &io = ImGui::GetIO();
    for (const KeyPair &pair : kKeys)
        io.KeyMap[pair.imgui] = pair.imgui; // our key codes are ImGui's own
    io.SetClipboardTextFn = setClipboard;
    io.GetClipboardTextFn = clipboard;
}

#endif

void QtImGuiInput::updateCursor(QWidget &widget) {
    Qt::CursorShape shape = Qt::ArrowCursor;
    switch (ImGui::GetMouseCursor()) {
    case ImGuiMouseCursor_TextInput:
        shape = Qt::IBeamCursor;
        break;
    case ImGuiMouseCursor_ResizeAll:
        shape = Qt::SizeAllCursor;
        break;
    case ImGuiMouseCursor_ResizeNS:
        shape = Qt::SizeVerCursor;
        break;
    case ImGuiMouseCursor_ResizeEW:
        shape = Qt::SizeHorCursor;
        break;
    case ImGuiMouseCursor_ResizeNESW:
        shape = Qt::SizeBDiagCursor;
        break;
    case ImGuiMouseCursor_ResizeNWSE:
        shape = Qt::SizeFDiagCursor;
        break;
    case ImGuiMouseCursor_Hand:
        shape = Qt::PointingHandCursor;
        break;
    case ImGuiMouseCursor_NotAllowed:
        shape = Qt::ForbiddenCursor;
        break;
    default:
        break;
    }
    if (widget.cursor().shape() != shape)
        widget.setCursor(shape);
}

} // namespace qs::views
