#include "views/attention/picture_overlay.h"

#include "views/shared/color_maps.h"
#include "views/shared/format_text.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>

namespace qs::views {

namespace {

constexpr std::int64_t kMostPrefix = 8;
constexpr int kMargin = 8;
constexpr double kStrongestAlpha = 0.8;
constexpr double kWrittenShare = 0.05;     ///< patches with at least this share of the attention say so
const QColor kAttentionColor(214, 40, 20); ///< no grey picture contains it

/// Grey and of less contrast, so that a colour over it is seen on dark and on light parts.
QImage paled(const QImage &picture) {
    QImage grey = picture.convertToFormat(QImage::Format_Grayscale8).convertToFormat(QImage::Format_RGB32);
    for (int y = 0; y < grey.height(); ++y)
        for (int x = 0; x < grey.width(); ++x) {
            const int value = 70 + qRed(grey.pixel(x, y)) * 175 / 255;
            grey.setPixel(x, y, qRgb(value, value, value));
        }
    return grey;
}

bool isPicture(const Tensor &tensor) {
    const Shape &shape = tensor.shape();
    return tensor.dtype() == DType::Float32 && shape.rank() == 4 && shape[0] == 1 &&
           (shape[1] == 1 || shape[1] == 3) && shape[2] > 1 && shape[3] > 1;
}

/// Maps values to 0..255: as they are, or stretched when they are no pixel values.
struct Brightness {
    float offset = 0, factor = 1;

    explicit Brightness(std::span<const float> values) {
        float lo = std::numeric_limits<float>::max(), hi = std::numeric_limits<float>::lowest();
        for (const float value : values)
            if (std::isfinite(value)) {
                lo = std::min(lo, value);
                hi = std::max(hi, value);
            }
        if (lo >= 0 && hi <= 255 && hi > 2)
            return;
        offset = lo;
        factor = hi > lo ? 255 / (hi - lo) : 1;
    }
    int of(float value) const {
        return std::isfinite(value)
                   ? std::clamp(static_cast<int>(std::lround((value - offset) * factor)), 0, 255)
                   : 0;
    }
};

} // namespace

std::optional<TokenGrid> guessTokenGrid(std::int64_t tokens, std::int64_t height, std::int64_t width) {
    for (std::int64_t prefix = 0; prefix <= std::min(kMostPrefix, tokens - 1); ++prefix) {
        const std::int64_t patches = tokens - prefix;
        const auto rows = std::llround(std::sqrt(double(patches) * double(height) / double(width)));
        if (rows > 0 && patches % rows == 0 && patches > 1) {
            const std::int64_t cols = patches / rows;
            if (height % rows == 0 && width % cols == 0 && height / rows == width / cols)
                return TokenGrid{prefix, rows, cols};
        }
    }
    return std::nullopt;
}

QImage pictureOf(const std::vector<Tensor> &inputs) {
    const auto found = std::find_if(inputs.begin(), inputs.end(), isPicture);
    if (found == inputs.end())
        return {};
    const auto values = found->values<float>();
    const Brightness brightness(values);
    const auto height = static_cast<int>(found->shape()[2]), width = static_cast<int>(found->shape()[3]);
    const std::size_t plane = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    const std::size_t green = found->shape()[1] == 3 ? plane : 0;
    QImage picture(width, height, QImage::Format_RGB32);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const std::size_t at =
                static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
            picture.setPixel(x, y,
                             qRgb(brightness.of(values[at]), brightness.of(values[at + green]),
                                  brightness.of(values[at + 2 * green])));
        }
    return picture;
}

PictureOverlay::PictureOverlay(QWidget *parent) : QWidget(parent) {
    setFocusPolicy(Qt::StrongFocus);
    setMinimumSize(120, 120);
    setAccessibleName(tr("Picture with the attention of one patch"));
    setToolTip(tr(
        "Attention of the outlined query patch to all patches; click another patch, or use the arrow keys"));
}

void PictureOverlay::setPicture(const QImage &picture, TokenGrid grid) {
    m_picture = paled(picture);
    m_grid = grid;
    update();
}

void PictureOverlay::setAttention(std::vector<float> weights, std::int64_t query, const QString &model) {
    m_model = model;
    m_weights = std::move(weights);
    m_query = query;
    update();
}

QRectF PictureOverlay::pictureRect() const {
    const QRectF room =
        QRectF(rect()).adjusted(kMargin, kMargin, -kMargin, -kMargin - 3 * fontMetrics().height());
    const QSizeF size = QSizeF(m_picture.size()).scaled(room.size(), Qt::KeepAspectRatio);
    return {QPointF(room.center().x() - size.width() / 2, room.top()), size};
}

QRectF PictureOverlay::patchRect(std::int64_t token) const {
    const std::int64_t patch = token - m_grid.prefix;
    if (patch < 0 || m_grid.cols == 0 || patch >= m_grid.rows * m_grid.cols)
        return {};
    const QRectF picture = pictureRect();
    const double width = picture.width() / double(m_grid.cols),
                 height = picture.height() / double(m_grid.rows);
    return {picture.left() + double(patch % m_grid.cols) * width,
            picture.top() + double(patch / m_grid.cols) * height, width, height};
}

std::int64_t PictureOverlay::tokenAt(const QPointF &position) const {
    for (std::int64_t token = m_grid.prefix; token < m_grid.prefix + m_grid.rows * m_grid.cols; ++token)
        if (patchRect(token).contains(position))
            return token;
    return -1;
}

float PictureOverlay::strongestPatch() const {
    float strongest = 0;
    for (std::size_t token = static_cast<std::size_t>(m_grid.prefix); token < m_weights.size(); ++token)
        if (std::isfinite(m_weights[token]))
            strongest = std::max(strongest, m_weights[token]);
    return strongest;
}

void PictureOverlay::drawPatches(QPainter &painter) const {
    const auto strongest = static_cast<double>(strongestPatch());
    const double textRoom = painter.fontMetrics().horizontalAdvance(QStringLiteral("00 %"));
    for (std::int64_t token = m_grid.prefix; token < static_cast<std::int64_t>(m_weights.size()); ++token) {
        const auto weight = static_cast<double>(m_weights[static_cast<std::size_t>(token)]);
        const QRectF patch = patchRect(token);
        QColor color = std::isfinite(weight) ? kAttentionColor : toQColor(kNotANumberColor);
        const double share = std::isfinite(weight) && strongest > 0 ? std::max(0.0, weight / strongest) : 0;
        // Weak attention leaves the picture as it is.
        color.setAlphaF(static_cast<float>(kStrongestAlpha * (std::isfinite(weight) ? share : 1)));
        painter.fillRect(patch, color);
        if (weight < kWrittenShare || patch.width() < textRoom ||
            patch.height() < painter.fontMetrics().height())
            continue;
        painter.setPen(share > 0.25 ? Qt::white : Qt::black);
        painter.drawText(patch, Qt::AlignCenter, QStringLiteral("%1 %").arg(std::lround(100 * weight)));
    }
}

QString PictureOverlay::caption() const {
    QString text = tr("%1 model, query %2: strongest patch %3 of its attention")
                       .arg(m_model)
                       .arg(m_query)
                       .arg(formatShare(static_cast<double>(strongestPatch())));
    double before = 0;
    for (std::int64_t token = 0; token < m_grid.prefix && token < std::int64_t(m_weights.size()); ++token)
        before += static_cast<double>(m_weights[static_cast<std::size_t>(token)]);
    if (m_grid.prefix > 0)
        text += tr("; %1 to the %2 before the patches")
                    .arg(formatShare(before),
                         m_grid.prefix == 1 ? tr("token") : tr("%1 tokens").arg(m_grid.prefix));
    return text + tr("\nassumed: %1%2 × %3 patches, row by row")
                      .arg(m_grid.prefix == 0 ? QString() : tr("%1 class token(s), then ").arg(m_grid.prefix))
                      .arg(m_grid.rows)
                      .arg(m_grid.cols);
}

void PictureOverlay::paintEvent(QPaintEvent *) {
    QPainter painter(this);
    if (m_picture.isNull() || m_weights.empty())
        return;
    const QRectF picture = pictureRect();
    painter.drawImage(picture, m_picture);
    drawPatches(painter);
    if (const QRectF patch = patchRect(m_query); !patch.isEmpty()) {
        painter.setPen(QPen(palette().color(QPalette::Base), 4));
        painter.drawRect(patch);
        painter.setPen(QPen(palette().color(QPalette::Highlight), 2));
        painter.drawRect(patch);
    }
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::Highlight), 1, Qt::DotLine));
        painter.drawRect(picture.adjusted(-2, -2, 2, 2));
    }
    painter.setPen(palette().color(QPalette::Text));
    painter.drawText(
        QRectF(kMargin, picture.bottom() + 4, width() - 2 * kMargin, height() - picture.bottom() - 4),
        Qt::TextWordWrap | Qt::AlignHCenter, caption());
}

void PictureOverlay::mousePressEvent(QMouseEvent *event) {
    setFocus();
    if (const std::int64_t token = tokenAt(event->position()); token >= 0)
        emit tokenPicked(token);
}

void PictureOverlay::keyPressEvent(QKeyEvent *event) {
    const std::int64_t step = event->key() == Qt::Key_Left    ? -1
                              : event->key() == Qt::Key_Right ? 1
                              : event->key() == Qt::Key_Up    ? -m_grid.cols
                              : event->key() == Qt::Key_Down  ? m_grid.cols
                                                              : 0;
    if (step == 0)
        return QWidget::keyPressEvent(event);
    const std::int64_t wanted = m_query + step;
    if (wanted >= 0 && wanted < static_cast<std::int64_t>(m_weights.size()))
        emit tokenPicked(wanted);
}

} // namespace qs::views
