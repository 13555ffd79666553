#pragma once

#include "views/method_bench/bench_page.h"

class QLabel;
class QPushButton;

namespace qs::views {

class LayerTrial;
class TrialModel;
class WeightForm;

/// One layer quantized again while its parameters change, beside what the ticked runs made of it.
class TrialPage final : public BenchPage {
    Q_OBJECT
public:
    explicit TrialPage(WorkbenchContext &context);
    void refresh() override;
    WeightForm &form() { return *m_form; }

private:
    QWidget *makeForm();
    void rerun();
    void showRows();
    void adoptIntoRecipe();
    /// What the recipe says of the layer, with a weight choice also where it keeps the weight in float.
    LayerChoice recipeChoice(const Layer &layer) const;

    WeightForm *m_form;
    LayerTrial *m_trial;
    TrialModel *m_model;
    QLabel *m_state;
    QPushButton *m_adopt;
    std::shared_ptr<const LayerResult> m_result; ///< of the last trial that ended
    QString m_failure;                           ///< why there is none
    std::shared_ptr<const Model> m_shownModel;
    LayerId m_shownLayer = kNoLayer;
};

} // namespace qs::views
