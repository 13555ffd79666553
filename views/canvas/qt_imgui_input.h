#pragma once

#include <QPointF>
#include <QString>
#include <deque>

class QEvent;
class QWidget;

namespace qs::views {

/// Turns Qt events into ImGui input. ImGui 1.86 has no input queue of its own: it sees one state per frame,
/// so a press and its release between two frames would be lost. Events are queued here and at most one button
/// change is applied per frame.
class QtImGuiInput {
public:
    /// Takes an input event. Returns whether it is one that ImGui wants to see.
    bool handle(const QEvent &event);
    /// Applies queued events to the current ImGui context. Returns whether more are waiting for the next
    /// frame.
    bool apply();

    /// Sets key codes and clipboard of the current ImGui context.
    static void setUpContext();
    /// Gives the widget the cursor that ImGui wants.
    static void updateCursor(QWidget &widget);

private:
    struct Event {
        enum class Kind { Move, Leave, Button, Wheel, Key, Text } kind;
        QPointF position = {}; ///< Move: logical pixels; Wheel: notches
        int code = 0;          ///< Button: ImGui button; Key: ImGuiKey
        bool down = false;
        Qt::KeyboardModifiers modifiers = {};
        QString text = {};
    };
    void handleKey(const QEvent &event);
    void releaseEverything();
    static void applyOne(const Event &event);

    std::deque<Event> m_events;
};

} // namespace qs::views
