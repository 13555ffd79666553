#pragma once

#include <QLayout>
#include <vector>

namespace qs::views {

/// Places its items side by side and wraps them like words, so that toolbars of narrow docks stay usable.
class FlowLayout : public QLayout {
public:
    explicit FlowLayout(QWidget *parent = nullptr, int gap = 8);
    ~FlowLayout() override;

    /// A caption and its control that stay together; returned to be hidden as one.
    QWidget *addPair(const QString &caption, QWidget *control);

    void addItem(QLayoutItem *item) override { m_items.push_back(item); }
    int count() const override { return static_cast<int>(m_items.size()); }
    QLayoutItem *itemAt(int index) const override;
    QLayoutItem *takeAt(int index) override;
    Qt::Orientations expandingDirections() const override { return {}; }
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override { return arrange({0, 0, width, 0}, false); }
    QSize sizeHint() const override { return minimumSize(); }
    QSize minimumSize() const override;
    void setGeometry(const QRect &rect) override;

private:
    /// Returns the height; moves the items only when `apply`.
    int arrange(const QRect &rect, bool apply) const;

    std::vector<QLayoutItem *> m_items;
    int m_gap;
};

} // namespace qs::views
