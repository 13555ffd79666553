#pragma once

#include "views/attention/attention_source.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace qs::views {

/// What the attention view shows of its data.
struct AttentionShown {
    static constexpr int kGrid = -2, kMean = -1;

    int block = -1; ///< -1: all
    int head = kGrid;
    AttentionVariant variant = AttentionVariant::Float;

    bool isGrid() const { return head == kGrid; }
    bool operator==(const AttentionShown &) const = default;
};

/// The controls of the attention view.
class AttentionControls : public QWidget {
    Q_OBJECT
public:
    explicit AttentionControls(QWidget *parent = nullptr);

    /// \param samples  in the set;  \param setName  "evaluation"
    void setSamples(std::int64_t samples, const QString &setName);
    void setBlocks(const std::vector<QString> &names, const std::vector<int> &heads);
    void setHasQuantized(bool has);
    /// Shows this without telling anybody.
    void setShown(const AttentionShown &shown);

    std::int64_t sample() const;
    AttentionShown shown() const;
    bool isLogarithmic() const;

signals:
    void sampleChanged();
    void shownChanged();
    void colorsChanged();
    void fitWanted();

private:
    void fillHeads();
    void updateVariants();

    QSpinBox *m_sample;
    QLabel *m_setName;
    QComboBox *m_block, *m_head, *m_variant;
    QCheckBox *m_log;
    QPushButton *m_fit;
    std::vector<int> m_heads; ///< by block
    bool m_hasQuantized = false;
};

} // namespace qs::views
