#include "views/shared/color_maps.h"

#include <QGuiApplication>
#include <QPalette>

namespace qs::views {

QColor readableTextOn(const QColor &background) {
    const Rgb rgb{static_cast<std::uint8_t>(background.red()), static_cast<std::uint8_t>(background.green()),
                  static_cast<std::uint8_t>(background.blue())};
    return toLab(rgb).lightness > 55 ? QColor(Qt::black) : QColor(Qt::white);
}

bool isDarkTheme() {
    const QPalette palette = QGuiApplication::palette();
    return palette.color(QPalette::Window).lightness() < palette.color(QPalette::WindowText).lightness();
}

} // namespace qs::views
