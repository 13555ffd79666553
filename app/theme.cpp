#include "app/theme.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QProxyStyle>
#include <QStyleOptionButton>
#include <QStyleOptionComboBox>

namespace qs::app {
namespace {

const QString kPortal = QStringLiteral("org.freedesktop.portal.Desktop");
const QString kPortalPath = QStringLiteral("/org/freedesktop/portal/desktop");
const QString kPortalInterface = QStringLiteral("org.freedesktop.portal.Settings");
const QString kAppearance = QStringLiteral("org.freedesktop.appearance");
const QString kColorScheme = QStringLiteral("color-scheme");

struct Colors {
    QRgb window, base, alternate, button, text, weakText, disabledText, highlight, link, toolTip;
};

constexpr Colors kLight{0xfff1f3f5, 0xffffffff, 0xfff7f8fa, 0xffe9ecef, 0xff1b1f24,
                        0xff626b76, 0xff9aa2ac, 0xff2f6fde, 0xff1d5bc4, 0xffffffff};
constexpr Colors kDark{0xff23262b, 0xff1a1c20, 0xff1f2226, 0xff2e3238, 0xffe6e8ec,
                       0xff9ba3ae, 0xff6d747e, 0xff3f7ae0, 0xff7db0ff, 0xff2e3238};

QPalette makePalette(const Colors &colors) {
    QPalette palette{QColor(colors.button), QColor(colors.window)};
    palette.setColor(QPalette::Base, colors.base);
    palette.setColor(QPalette::AlternateBase, colors.alternate);
    for (const auto role :
         {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText})
        palette.setColor(role, colors.text);
    palette.setColor(QPalette::PlaceholderText, colors.weakText);
    palette.setColor(QPalette::Highlight, colors.highlight);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::Link, colors.link);
    palette.setColor(QPalette::ToolTipBase, colors.toolTip);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, colors.disabledText);
    palette.setColor(QPalette::Disabled, QPalette::Highlight, colors.button);
    return palette;
}

/// Fusion, but outlines of check boxes that can be told from a dark window, which Fusion draws darker than
/// it, and texts of narrow combo boxes that end with dots, not in the middle of a letter.
class ReadableStyle : public QProxyStyle {
public:
    ReadableStyle() : QProxyStyle(QStringLiteral("Fusion")) {}

    void drawControl(ControlElement element, const QStyleOption *option, QPainter *painter,
                     const QWidget *widget) const override {
        const auto *box = qstyleoption_cast<const QStyleOptionComboBox *>(option);
        if (element != CE_ComboBoxLabel || !box)
            return QProxyStyle::drawControl(element, option, painter, widget);
        QStyleOptionComboBox elided = *box;
        const QRect room = subControlRect(CC_ComboBox, box, SC_ComboBoxEditField, widget);
        elided.currentText = box->fontMetrics.elidedText(box->currentText, Qt::ElideRight, room.width() - 2);
        QProxyStyle::drawControl(element, &elided, painter, widget);
    }

    void drawPrimitive(PrimitiveElement element, const QStyleOption *option, QPainter *painter,
                       const QWidget *widget) const override {
        const auto *button = qstyleoption_cast<const QStyleOptionButton *>(option);
        const bool isMark = element == PE_IndicatorCheckBox || element == PE_IndicatorRadioButton;
        if (!isMark || !button || option->palette.color(QPalette::Window).lightness() >= 128)
            return QProxyStyle::drawPrimitive(element, option, painter, widget);
        QStyleOptionButton outlined = *button;
        outlined.palette.setColor(QPalette::Window, option->palette.color(QPalette::PlaceholderText));
        QProxyStyle::drawPrimitive(element, &outlined, painter, widget);
    }
};

} // namespace

QPalette lightPalette() {
    return makePalette(kLight);
}
QPalette darkPalette() {
    return makePalette(kDark);
}

ThemeController::ThemeController(QObject *parent)
    : QObject(parent), m_systemIsDark(QApplication::palette().color(QPalette::Window).lightness() < 128) {
    QApplication::setStyle(new ReadableStyle);
    askPortal();
    apply();
}

void ThemeController::setTheme(Theme theme) {
    m_theme = theme;
    apply();
}

void ThemeController::askPortal() {
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    bus.connect(kPortal, kPortalPath, kPortalInterface, QStringLiteral("SettingChanged"), this,
                SLOT(systemSettingChanged(QString, QString, QDBusVariant)));
    QDBusMessage call =
        QDBusMessage::createMethodCall(kPortal, kPortalPath, kPortalInterface, QStringLiteral("Read"));
    call.setArguments({kAppearance, kColorScheme});
    auto *watcher = new QDBusPendingCallWatcher(bus.asyncCall(call), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, watcher] {
        const QDBusPendingReply<QDBusVariant> reply = *watcher;
        // Portals wrap the answer twice.
        if (reply.isValid())
            takeColorScheme(reply.value().variant().value<QDBusVariant>().variant().toUInt());
        watcher->deleteLater();
    });
}

void ThemeController::systemSettingChanged(const QString &group, const QString &key,
                                           const QDBusVariant &value) {
    if (group == kAppearance && key == kColorScheme)
        takeColorScheme(value.variant().toUInt());
}

void ThemeController::takeColorScheme(uint scheme) {
    // 1 prefers dark, 2 prefers light, 0 has no preference.
    if (scheme == 1 || scheme == 2)
        m_systemIsDark = scheme == 1;
    apply();
}

void ThemeController::apply() {
    const bool dark = m_theme == Theme::Dark || (m_theme == Theme::System && m_systemIsDark);
    QApplication::setPalette(dark ? darkPalette() : lightPalette());
}

} // namespace qs::app
