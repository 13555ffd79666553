#pragma once

#include "views/canvas/color_controls.h"
#include "views/tensor_map/tensor_map_source.h"

#include <QWidget>

namespace qs::views {

/// The controls of the tensor map.
class TensorMapToolbar : public QWidget {
    Q_OBJECT
public:
    explicit TensorMapToolbar(QWidget *parent = nullptr);

    TensorMapRequest::Shown shown() const;
    void setShown(TensorMapRequest::Shown shown);
    ColorControls &colors() { return *m_colors; }

signals:
    void shownChanged();
    void fitWanted();

private:
    void updateColors();

    QComboBox *m_shown;
    ColorControls *m_colors = nullptr;
};

} // namespace qs::views
