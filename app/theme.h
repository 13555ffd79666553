#pragma once

#include "app/settings.h"

#include <QObject>
#include <QPalette>

class QDBusVariant;

namespace qs::app {

/// Colours of the window: our light or our dark palette on the Fusion style, chosen by the user or by the
/// desktop. Asks the desktop portal (org.freedesktop.appearance) and follows it; where there is none, the
/// palette that the platform gave at start decides.
class ThemeController : public QObject {
    Q_OBJECT
public:
    explicit ThemeController(QObject *parent = nullptr);
    void setTheme(Theme theme);
    Theme theme() const { return m_theme; }

private slots:
    void systemSettingChanged(const QString &group, const QString &key, const QDBusVariant &value);

private:
    void askPortal();
    void takeColorScheme(uint scheme);
    void apply();

    Theme m_theme = Theme::System;
    bool m_systemIsDark = false;
};

QPalette lightPalette();
QPalette darkPalette();

} // namespace qs::app
