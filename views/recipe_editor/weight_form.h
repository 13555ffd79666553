#pragma once

#include "core/graph/model.h"
#include "core/quant/accepted_scheme.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"
#include "views/recipe_editor/grid_form.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QSpinBox;

namespace qs::views {

class MethodFields;

/// How a weight is quantized: method, bits, grid, granularity, low-rank branch, corrections.
class WeightForm final : public QWidget {
    Q_OBJECT
public:
    WeightForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent = nullptr);

    /// Does not emit edited().
    void setChoice(const WeightChoice &choice);
    WeightChoice choice() const;
    /// Greys what the method refuses for these layers, and says why. A method that is a format of its own
    /// brings its scheme when it is chosen.
    void updateSupport(const std::vector<const Layer *> &layers);

signals:
    void edited(const QString &field);

private:
    void addRows();
    void addScaleRows();
    void connectFields();
    void showGroupSize();
    void showScheme(const WeightGridScheme &scheme);
    void adoptScheme();
    std::optional<WeightGridScheme> schemeFor(const WeightChoice &choice) const;
    bool takesAnotherScheme(const WeightChoice &changed);
    void takeExtents(const std::vector<const Layer *> &layers);
    void tellEdited(const QString &field);
    void updateGridEntries(const WeightChoice &current, const std::vector<const Layer *> &layers);
    void updateMethodEntries(const WeightChoice &current, const std::vector<const Layer *> &layers);
    void updateMethodEntry(int entry, const WeightChoice &changed, const std::vector<const Layer *> &layers);
    void updateEntry(QComboBox *box, int entry, const WeightChoice &changed,
                     const std::vector<const Layer *> &layers, const QString &toolTip);

    std::shared_ptr<const MethodRegistry> m_methods;
    QFormLayout *m_layout = nullptr;
    MethodFields *m_method = nullptr, *m_branch = nullptr;
    QComboBox *m_bits = nullptr, *m_granularity = nullptr;
    QSpinBox *m_groupSize = nullptr;
    GridForm *m_grid = nullptr;
    QCheckBox *m_scaleAsFloat16 = nullptr;
    std::map<Correction, QCheckBox *> m_corrections;
    QLabel *m_refusal = nullptr;
    std::vector<WeightExtent> m_extents;     ///< of the layers that decide what a method takes
    std::map<std::string, bool> m_takesSome; ///< by method: whether it takes those under any scheme
    bool m_showing = false;
};

} // namespace qs::views
