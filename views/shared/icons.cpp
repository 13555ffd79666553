#include "views/shared/icons.h"

#include <QPainter>
#include <QPainterPath>

namespace qs::views {
namespace {

constexpr int kSize = 64; ///< drawn large, scaled down by QIcon

QPolygonF regularPolygon(int corners, double radius, double firstAngle) {
    QPolygonF polygon;
    for (int i = 0; i < corners; ++i) {
        const double angle = firstAngle + 2 * M_PI * i / corners;
        polygon << QPointF(kSize / 2.0 + radius * std::cos(angle), kSize / 2.0 + radius * std::sin(angle));
    }
    return polygon;
}

void drawSign(QPainter &painter, const QString &sign, double centreY) {
    QFont font = painter.font();
    font.setPixelSize(40);
    font.setBold(true);
    painter.setFont(font);
    painter.setPen(Qt::white);
    painter.drawText(QRectF(0, centreY - 32, kSize, 64), Qt::AlignCenter, sign);
}

QIcon drawIcon(Severity severity) {
    QPixmap pixmap(kSize, kSize);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    switch (severity) {
    case Severity::Info:
        painter.setBrush(QColor(0x2f, 0x7e, 0xd8));
        painter.drawEllipse(QRectF(4, 4, kSize - 8, kSize - 8));
        drawSign(painter, QStringLiteral("i"), 32);
        break;
    case Severity::Warning:
        painter.setBrush(QColor(0xc2, 0x7b, 0x00));
        painter.drawPolygon(QPolygonF({{32, 4}, {62, 58}, {2, 58}}));
        drawSign(painter, QStringLiteral("!"), 40);
        break;
    case Severity::Error:
        painter.setBrush(QColor(0xd0, 0x3b, 0x3b));
        painter.drawPolygon(regularPolygon(8, 30, M_PI / 8));
        drawSign(painter, QStringLiteral("✕"), 32);
        break;
    }
    return QIcon(pixmap);
}

} // namespace

QIcon severityIcon(Severity severity) {
    static const QIcon icons[] = {drawIcon(Severity::Info), drawIcon(Severity::Warning),
                                  drawIcon(Severity::Error)};
    return icons[static_cast<int>(severity)];
}

} // namespace qs::views
