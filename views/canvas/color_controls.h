#pragma once

#include "core/figure/color_map.h"
#include "views/canvas/color_choice.h"

#include <QObject>
#include <QString>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLineEdit;
class QWidget;

namespace qs::views {

class FlowLayout;

/// The controls of a map's colours, for the toolbar of any view: colour map, logarithm, range. Remembers the
/// last choice for each kind of value.
class ColorControls : public QObject {
    Q_OBJECT
public:
    /// Adds its widgets to the toolbar's layout. \param kind  shown first
    ColorControls(FlowLayout &toolbar, ValueKind kind, QObject *parent);

    void setKind(ValueKind kind);
    /// What a kind starts with.
    void setLogarithmic(ValueKind kind, bool on);
    ValueKind kind() const { return m_kind; }
    /// Without it the full range is chosen.
    void setRangeOffered(bool offered);
    ColorChoice choice() const;
    const ColorMap &map() const;
    /// Values that the manual range starts with.
    void showRange(const HeatMapScale &scale);

signals:
    void changed();

private:
    void fillMaps();
    void updateVisibility();
    ColorChoice::Range range() const;

    struct State {
        QString map; ///< empty: the first one offered
        bool logarithmic;
    };
    State &state(ValueKind kind) { return m_states[static_cast<std::size_t>(kind)]; }

    ValueKind m_kind;
    bool m_rangeOffered = true;
    QComboBox *m_map, *m_range;
    QWidget *m_rangePair;
    QCheckBox *m_log;
    QDoubleSpinBox *m_percentile;
    QLineEdit *m_lo, *m_hi;
    // Magnitudes of outliers ask for decades, signed values for both sides of zero.
    State m_states[3] = {{{}, true}, {{}, false}, {{}, false}};
};

} // namespace qs::views
