#pragma once

#include "core/graph/model_graph.h"

#include <QImage>
#include <QWidget>
#include <optional>

namespace qs::views {

/// How tokens lie on a picture: some that stand for nothing of it (class token), then patches, row by row.
struct TokenGrid {
    std::int64_t prefix = 0, rows = 0, cols = 0;
    bool operator==(const TokenGrid &) const = default;
};

/// The grid that `tokens` tokens fit on a picture of this size: as many rows and columns as its shape asks
/// for, the fewest tokens before it (at most 8). Nothing when no such grid exists. A guess, which views must
/// name.
std::optional<TokenGrid> guessTokenGrid(std::int64_t tokens, std::int64_t height, std::int64_t width);

/// The first input that is a picture, [1, 1 or 3, height, width]; null when there is none. Values outside
/// 0..255 are stretched to it.
QImage pictureOf(const std::vector<Tensor> &inputs);

/// A picture, in grey, with the attention of one query over its patches in red; strong patches tell their
/// share. A click on a patch makes it the query; arrow keys move.
class PictureOverlay : public QWidget {
    Q_OBJECT
public:
    explicit PictureOverlay(QWidget *parent = nullptr);

    void setPicture(const QImage &picture, TokenGrid grid);
    /// \param weights  one per token;  \param query  token;  \param model  "float"
    void setAttention(std::vector<float> weights, std::int64_t query, const QString &model);
    /// Where a token's patch lies, in widget coordinates; empty for tokens that have none.
    QRectF patchRect(std::int64_t token) const;
    QSize sizeHint() const override { return {360, 360}; }

signals:
    void tokenPicked(qint64 token);

protected:
    void paintEvent(QPaintEvent *event) override;
    void mousePressEvent(QMouseEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;

private:
    QRectF pictureRect() const;
    std::int64_t tokenAt(const QPointF &position) const; ///< -1 outside
    float strongestPatch() const;
    void drawPatches(QPainter &painter) const;
    QString caption() const;

    QImage m_picture; ///< paled
    TokenGrid m_grid;
    std::vector<float> m_weights;
    std::int64_t m_query = -1;
    QString m_model;
};

} // namespace qs::views
