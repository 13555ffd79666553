#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"
#include "views/recipe_editor/grid_form.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QSpinBox;

namespace qs::views {

class SchemaForm;

/// How a weight is quantized: method, bits, grid, granularity, the method's own parameters.
class WeightForm final : public QWidget {
    Q_OBJECT
public:
    WeightForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent = nullptr);

    /// Does not emit edited().
    void setChoice(const WeightChoice &choice);
    WeightChoice choice() const;
    /// Greys what the method refuses for these layers, and says why.
    void updateSupport(const std::vector<const Layer *> &layers);

signals:
    void edited(const QString &field);

private:
    void addRows();
    void fillMethods();
    void showMethod();
    void showGroupSize();
    void tellEdited(const QString &field);
    void updateEntry(QComboBox *box, int entry, const WeightChoice &changed,
                     const std::vector<const Layer *> &layers, const QString &toolTip);

    std::shared_ptr<const MethodRegistry> m_methods;
    QFormLayout *m_layout = nullptr;
    QComboBox *m_method = nullptr, *m_bits = nullptr, *m_granularity = nullptr;
    QSpinBox *m_groupSize = nullptr;
    GridForm *m_grid = nullptr;
    QCheckBox *m_scaleAsFloat16 = nullptr;
    SchemaForm *m_parameters = nullptr;
    QLabel *m_methodNote = nullptr, *m_refusal = nullptr;
    std::string m_shownMethod; ///< whose parameters the schema form shows; kept when the registry lacks it
    nlohmann::json m_foreignParameters;   ///< of a method that the registry lacks
    std::optional<MethodChoice> m_branch; ///< of the choice shown
    bool m_correctBias = false;
    bool m_showing = false;
};

} // namespace qs::views
