#pragma once

#include "views/number_line/number_line_values.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QPushButton;
class QSpinBox;
class QToolButton;

namespace qs::views {

class NumberBox;

/// The fields above a number line: whose values, which formats, which clip range.
class NumberLineControls : public QWidget {
    Q_OBJECT
public:
    explicit NumberLineControls(QWidget *parent = nullptr);

    ValueSource source() const;
    void setSource(const ValueSource &source);
    /// Limits of channel and group for what is selected; the fields that do not apply are hidden.
    void setLayer(const Layer *layer);
    /// Shows the clip range of the current row; null disables its fields.
    void setRow(const NumberLineRow *row, bool removable);
    /// An empty reason enables the button.
    void setApply(const QString &whyNot);
    bool allTogether() const;

signals:
    void sourceEdited();
    void formatAdded(const NumberFormat *format);
    void removeWished();
    void clipEdited(double lo, double hi);
    void choiceWished(const ClipChoice &choice);
    void applyWished();
    void logCountsToggled(bool logarithmic);
    void logErrorsToggled(bool logarithmic);

private:
    QWidget *makeSourceRow();
    QWidget *makeFormatRow();
    void connectFields();
    void fillFormats();
    void fillChoices();
    void updateVisibility();
    void tellClip();

    QComboBox *m_of, *m_part, *m_formats, *m_choices;
    QSpinBox *m_channel, *m_group, *m_groupSize;
    QWidget *m_partPair = nullptr, *m_channelPair = nullptr, *m_groupPair = nullptr,
            *m_groupSizePair = nullptr;
    QCheckBox *m_logCounts, *m_logErrors, *m_together;
    NumberBox *m_lo, *m_hi;
    bool m_symmetric = false; ///< the range of the current format
    QToolButton *m_add, *m_remove;
    QPushButton *m_apply;
};

} // namespace qs::views
