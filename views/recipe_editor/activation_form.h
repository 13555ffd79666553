#pragma once

#include "core/quant/recipe.h"
#include "views/recipe_editor/grid_form.h"

#include <QWidget>

class QLabel;

namespace qs::views {

/// How the activation that enters a layer is quantized: bits, where its scale comes from, its grid.
class ActivationForm final : public QWidget {
    Q_OBJECT
public:
    explicit ActivationForm(QWidget *parent = nullptr);

    /// Does not emit edited().
    void setChoice(const ActivationChoice &choice);
    ActivationChoice choice() const;

signals:
    void edited(const QString &field);

private:
    void addRows();
    void showScale();
    void tellEdited(const QString &field);
    ActivationScale scale() const;

    QFormLayout *m_layout = nullptr;
    QComboBox *m_bits = nullptr, *m_scale = nullptr;
    QLabel *m_note = nullptr;
    NumberBox *m_alpha = nullptr;
    GridForm *m_grid = nullptr;
    bool m_showing = false;
};

} // namespace qs::views
